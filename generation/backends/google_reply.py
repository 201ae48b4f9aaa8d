"""Reading what Google's Gemini answers: the picture, what it used, and errors.

Owns the way from an answer's JSON to an `EncodedImage` and from its errors to our error tree, and which shape of
picture comes nearest to a size. Pure. It must not know the SDK, retries or the network. No message here quotes
Google's own text: it can hold pieces of a prompt.

Names and meanings of reasons and fields as of google-genai 3.6.1 (its `types.py`) and of
docs.cloud.google.com/gemini-enterprise-agent-platform/models/capabilities/gemini-image-responsible-ai (2026-11-27);
quota ids as in github.com/agent0ai/agent-zero/issues/403.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generation.backends.base import EncodedImage
from generation.backends.remote import decoded, picture
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

_REFUSALS = {
    "SAFETY",
    "IMAGE_SAFETY",
    "RECITATION",
    "IMAGE_RECITATION",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "IMAGE_PROHIBITED_CONTENT",
    "SPII",
    "ESCALATION",
    "MODEL_ARMOR",
}
# What no waiting mends: a day's or a month's allowance, or a plan that holds none of this model.
_LONG_QUOTA = re.compile(r"per(day|month)", re.IGNORECASE)
_NO_MONEY = re.compile(r"prepa(id|yment) credits|spend(ing)? cap", re.IGNORECASE)
_WORD = re.compile(r"[A-Z][A-Z_]{0,59}")
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")

_SHAPES = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_TIERS = {"1K": 1, "2K": 2, "4K": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One picture, Google's bytes as they came, its tokens by the catalogue's price names, and the answer's id."""

    image: EncodedImage
    usage: Mapping[str, int]
    response_id: str | None


def read_reply(body: str) -> Reply:
    """Take the picture out of an answer.

    Raises `ContentRefused` for a blocked prompt or picture and `BadReply` for an answer without a picture.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise BadReply("Google's answer is not JSON.") from None
    content = _object(content)
    if _object(content.get("promptFeedback")).get("blockReason"):
        raise ContentRefused("Google declined the prompt.")
    candidate = _object(next(iter(_list(content.get("candidates"))), None))
    _check_reason(candidate.get("finishReason"))
    response_id = content.get("responseId")
    return Reply(
        image=picture(_bytes(candidate), "Google"),
        usage=_usage(_object(content.get("usageMetadata"))),
        response_id=response_id if isinstance(response_id, str) else None,
    )


def _check_reason(reason: object) -> None:
    if reason in _REFUSALS:
        raise ContentRefused("Google declined the prompt or the picture that came of it.")
    if reason == "PUP_LIMITED_DISABLED":
        raise AccountProblem("Google has limited or closed the account for breaking its rules of use.")
    if reason == "LANGUAGE":
        raise UnsupportedRequest("Google does not take prompts in this language.")


def _bytes(candidate: dict[str, Any]) -> bytes:
    """The last picture that is no thought: models that think draw drafts first."""
    parts = [_object(part) for part in _list(_object(candidate.get("content")).get("parts"))]
    encoded = [_object(part.get("inlineData")).get("data") for part in parts if not part.get("thought")]
    pictures = [data for data in encoded if isinstance(data, str)]
    if not pictures:
        raise BadReply(f"Google's answer holds no picture ({_word(candidate.get('finishReason'))}).")
    return decoded(pictures[-1], "Google")


def _usage(told: dict[str, Any]) -> dict[str, int]:
    """Token counts by the catalogue's price names; what the answer does not say is left out.

    Output without a breakdown is all picture, for that is what was asked for; thoughts are text.
    """
    usage = {}
    asked, drawn = _count(told.get("promptTokenCount")), _count(told.get("candidatesTokenCount"))
    if asked is not None:
        usage["image_input"] = _images(told.get("promptTokensDetails"), 0)
        usage["text_input"] = max(0, asked - usage["image_input"])
    if drawn is not None:
        usage["image_output"] = _images(told.get("candidatesTokensDetails"), drawn)
        text = max(0, drawn - usage["image_output"]) + (_count(told.get("thoughtsTokenCount")) or 0)
        if text:
            usage["text_output"] = text
    return usage


def _images(details: object, otherwise: int) -> int:
    """The tokens of pictures in a breakdown by modality; `otherwise` where there is none."""
    parts = [_object(part) for part in _list(details)]
    counts = [_count(part.get("tokenCount")) or 0 for part in parts if part.get("modality") == "IMAGE"]
    return sum(counts) if parts else otherwise


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def understand(status: int, content: object, wait: float | None) -> GenerationError:
    """Our error for an answer whose status is not 200; `wait` is what its Retry-After says, in seconds."""
    error = _object(_object(content[0] if isinstance(content, list) and content else content).get("error"))
    details = [_object(detail) for detail in _list(error.get("details"))]
    word, message = _word(error.get("status")), str(error.get("message") or "")
    wait = _told_delay(details) if wait is None else wait
    if status == 429:
        return _too_many(details, message, wait)
    if any(str(detail.get("reason", "")).startswith("API_KEY_") for detail in details):
        return AccountProblem("Google does not accept the key in GEMINI_API_KEY.")
    known: dict[int, GenerationError] = {
        401: AccountProblem("Google does not accept the key in GEMINI_API_KEY."),
        402: AccountProblem("Google says the account has no credit left."),
        403: AccountProblem("Google does not let the key in GEMINI_API_KEY use this model."),
        404: ModelMissing("Google does not know this model, or the key may not use it."),
        408: BackendUnavailable("Google gave up waiting for the request.", retry_after_s=wait),
        504: TimedOut("Google did not finish the picture in its own time; it may have been charged."),
    }
    if status in known:
        return known[status]
    if word == "FAILED_PRECONDITION":
        return AccountProblem("Google does not serve this account as it is: its country or plan needs billing.")
    if status >= 500:
        return BackendUnavailable(f"Google answered with status {status}.", retry_after_s=wait)
    if status < 400:
        return BadReply(f"Google sent us elsewhere (status {status}), which we do not follow with a key.")
    return UnsupportedRequest(f"Google does not take this request (status {status}, {word}).")


def _too_many(details: list[dict[str, Any]], message: str, wait: float | None) -> GenerationError:
    """Google says RESOURCE_EXHAUSTED both for a busy minute and for an account that has nothing left."""
    violations = [_object(violation) for detail in details for violation in _list(detail.get("violations"))]
    if _NO_MONEY.search(message):
        return AccountProblem("Google says the account has no credit left, or has reached its spending cap.")
    if any(violation.get("quotaValue") in {"0", 0} for violation in violations):
        return AccountProblem("Google's plan of this account holds none of this model.")
    if any(_LONG_QUOTA.search(str(violation.get("quotaId", ""))) for violation in violations):
        return AccountProblem("Google says the account's allowance for the day or the month is used up.")
    return RateLimited("Google asks for patience.", retry_after_s=wait)


def _told_delay(details: list[dict[str, Any]]) -> float | None:
    told = (_DELAY.fullmatch(str(detail.get("retryDelay", ""))) for detail in details)
    return next((float(match[1]) for match in told if match), None)


def _word(value: object) -> str:
    """A reason's or a status' name: a short identifier, never free text."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else "no reason given"


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """How Gemini is asked for a size: a shape (`16:9`) and a tier (`2K`); `exact` where that is what was wanted.

    A tier has about the area of a square of 1, 2 or 4 times 1024 pixels, whatever the shape.
    """

    shape: str
    tier: str
    exact: bool


def format_for(width: int, height: int) -> Format:
    """The shape and tier nearest to a size in pixels.

    Google rounds sides to its own steps (1376x768 for 16:9), so a size within 3 % of the shape and 5 % of the area
    counts as what was wanted.
    """

    def off(ratio: float, wanted: float) -> float:
        return abs(math.log(ratio / wanted))

    ratios = {shape: int(shape.split(":")[0]) / int(shape.split(":")[1]) for shape in _SHAPES}
    areas = {tier: (1024 * times) ** 2 for tier, times in _TIERS.items()}
    shape = min(ratios, key=lambda name: off(ratios[name], width / height))
    tier = min(areas, key=lambda name: off(areas[name], width * height))
    exact = off(ratios[shape], width / height) < 0.03 and off(areas[tier], width * height) < 0.05
    return Format(shape=shape, tier=tier, exact=exact)
