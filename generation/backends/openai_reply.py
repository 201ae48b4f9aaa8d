"""Reading what OpenAI answers: pictures, cost and errors.

Owns the way from a reply's bytes to `EncodedImage`s and from the SDK's exceptions to our error tree. Pure but for
reading its arguments. It must not know retries or the network. No message here quotes the provider's own text: it can
hold pieces of a prompt or of a key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from generation.backends.base import EncodedImage
from generation.backends.remote import decoded, picture, retry_after_s
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    ContentRefused,
    GenerationError,
    ModelMissing,
    RateLimited,
    TimedOut,
    UnsupportedRequest,
)

_REFUSALS = {"moderation_blocked", "content_policy_violation"}
# The community's account, not the request: nothing but the operator can help (facts/models.md §3).
_ACCOUNT = {
    "insufficient_quota": "OpenAI says the account has no credit left.",
    "billing_hard_limit_reached": "OpenAI says the account's billing limit is reached.",
    "billing_not_active": "OpenAI says the account's billing is not active.",
    "account_deactivated": "OpenAI says the account is deactivated.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that is JSON and holds pictures, the provider's bytes as they came, and what they used."""

    images: tuple[EncodedImage, ...]
    usage: Mapping[str, int]


def read_reply(body: bytes, asked: int) -> Reply:
    """Take the pictures out of a reply to `asked` pictures; raises `BadReply` for anything but 1 … `asked` of them."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadReply("OpenAI's answer is not JSON.") from None
    data = content.get("data") if isinstance(content, dict) else None
    if not isinstance(data, list) or not 1 <= len(data) <= asked:
        raise BadReply("OpenAI's answer holds no pictures, or more than were asked for.")
    return Reply(images=tuple(_picture(item) for item in data), usage=_usage(content.get("usage")))


def _picture(item: object) -> EncodedImage:
    encoded = item.get("b64_json") if isinstance(item, dict) else None
    return picture(decoded(encoded, "OpenAI"), "OpenAI")


def _usage(usage: object) -> dict[str, int]:
    """Token counts by the catalogue's price names; what the reply does not say is left out."""
    if not isinstance(usage, dict):
        return {}
    details = usage.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    counts: dict[str, Any] = {
        "text_input": details.get("text_tokens"),
        "image_input": details.get("image_tokens"),
        "image_output": usage.get("output_tokens"),
    }
    return {name: count for name, count in counts.items() if type(count) is int and count >= 0}


def not_sent(error: openai.APIError) -> bool:
    """Whether the request certainly never reached the provider: no connection came about."""
    return isinstance(error.__cause__, (httpx2.ConnectError, httpx2.ConnectTimeout))


def not_processed(error: openai.APIError) -> bool:
    """Whether the request certainly drew nothing, so that asking again cannot be charged twice."""
    if isinstance(error, openai.RateLimitError):
        return error.code not in _ACCOUNT
    return not_sent(error) or (isinstance(error, openai.APIStatusError) and error.status_code == 503)


def understand(error: openai.APIError) -> GenerationError:
    """Our error for one of the SDK's."""
    if not isinstance(error, openai.APIStatusError):
        if not_sent(error):
            return BackendUnavailable("OpenAI could not be reached.")
        return TimedOut("OpenAI took the request and did not answer; the picture may have been charged.")
    code, status = error.code, error.status_code
    if code in _REFUSALS:
        return ContentRefused("OpenAI declined the prompt.")
    if code in _ACCOUNT:
        return AccountProblem(_ACCOUNT[code])
    wait = retry_after_s(error.response.headers)
    by_status: dict[int, GenerationError] = {
        401: AccountProblem("OpenAI does not accept the key in OPENAI_API_KEY."),
        403: AccountProblem(_forbidden(error)),
        404: ModelMissing("OpenAI does not know this model, or the key may not use it."),
        408: BackendUnavailable("OpenAI gave up waiting for the request.", retry_after_s=wait),
        409: BackendUnavailable("OpenAI is busy with a conflicting request.", retry_after_s=wait),
        429: RateLimited("OpenAI asks for patience.", retry_after_s=wait),
    }
    if status in by_status:
        return by_status[status]
    if status >= 500:
        return BackendUnavailable(f"OpenAI answered with status {status}.", retry_after_s=wait)
    return UnsupportedRequest(f"OpenAI does not take this request (status {status}, {_words(error)}).")


def _forbidden(error: openai.APIStatusError) -> str:
    # This refusal carries no code; the word in its message is all there is to tell it by.
    if "verified" in error.message:
        return "OpenAI wants the organisation verified before it serves this model."
    return "OpenAI does not let this key use the model."


def _words(error: openai.APIStatusError) -> str:
    """The error's code and the parameter's name: short identifiers, never free text."""
    words = [word for word in (error.code, error.param) if isinstance(word, str) and word.isascii() and len(word) < 60]
    return ", ".join(words) or "no code"
