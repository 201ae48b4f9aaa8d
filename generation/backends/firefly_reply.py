"""Reading what Adobe Firefly and its identity service answer: jobs' ends, pictures' addresses, tokens, errors.

Owns the way from Firefly's words to our error tree; `firefly` says where the protocol is from. Pure. It must not know
retries or the network. No message here quotes Adobe's own text: it can hold pieces of a prompt.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generation.backends.rest import Answer
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    ContentRefused,
    GenerationError,
    TimedOut,
    UnsupportedRequest,
)

WHO = "Adobe Firefly"
ID, SECRET = "FIREFLY_CLIENT_ID", "FIREFLY_CLIENT_SECRET"
_EARLY_S = 300.0
_LONGEST_LIFE_S = 86_400.0
_UNAUTHORISED = 401

_DONE = {"succeeded", "completed"}
_ENDS: Mapping[str, tuple[type[GenerationError], str]] = {
    "failed": (BackendUnavailable, "took the job and failed at it"),
    "timeout": (TimedOut, "took too long over the job and gave it up; it may have been charged"),
    **dict.fromkeys(
        ("cancelled", "canceled", "cancel_pending"), (BackendUnavailable, "cancelled the job without being asked")
    ),
}
_CODES: Mapping[str, tuple[type[GenerationError], str]] = {
    "prompt_unsafe": (ContentRefused, "declined the prompt"),
    "output_media_unsafe": (ContentRefused, "drew the picture and withheld it; it may have been charged"),
    "language_not_supported": (UnsupportedRequest, "does not know the prompt's language"),
    "validation_error": (UnsupportedRequest, "does not take this request"),
    "unknown_job_id": (BadReply, "does not know the job any more; it may have been charged"),
}
_ACCESS = {
    "quota_exhausted": "says the organisation's allowance is used up",
    "user_non_entitled": f"says {ID} is not entitled to this",
    "user_profile_denied": f"says the profile of {ID} may not do this",
    "invalid_ims_scope": f"says the project of {ID} lacks the scopes for this",
}


class TokenRefusedError(AccountProblem):
    """Status 401: the token may only have run out before its time, so it is worth a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that Adobe has taken, and where to look at it and to cancel it."""

    id: str
    status_url: str
    cancel_url: str


def read_job(told: dict[str, Any]) -> Job:
    """The job out of the answer to a request; raises `BadReply` where it names none."""
    names = [told.get(name) for name in ("jobId", "statusUrl", "cancelUrl")]
    job, status_url, cancel_url = (name if isinstance(name, str) else "" for name in names)
    if not job or not all(url.startswith(("https://", "http://")) for url in (status_url, cancel_url)):
        raise BadReply(f"{WHO} took the request and named no job; it may have been charged.")
    return Job(id=job, status_url=status_url, cancel_url=cancel_url)


def read_token(told: dict[str, Any]) -> tuple[str, float]:
    """An access token, and how many seconds to keep it: shortly less than it lives.

    Not at all where its life is no number. Raises `BadReply` where there is no token.
    """
    token, lifetime_s = told.get("access_token"), told.get("expires_in")
    if not isinstance(token, str) or not token or not (token.isascii() and token.isprintable()):
        raise BadReply(f"{WHO}'s identity service gave no token.")
    if not isinstance(lifetime_s, (int, float)) or not lifetime_s > 0:
        return token, 0.0
    lifetime_s = min(float(lifetime_s), _LONGEST_LIFE_S)
    return token, max(lifetime_s - _EARLY_S, lifetime_s / 2)


def percent(state: dict[str, Any]) -> int:
    """How far the job is, 0 to 100; 0 where Adobe does not say."""
    told = state.get("progress")
    return int(told) if isinstance(told, (int, float)) and 0 < told <= 100 else 0


def has_ended(state: dict[str, Any]) -> bool:
    """Whether the job will not change any more; raises `BadReply` where the answer does not say how it stands."""
    status = state.get("status")
    if not isinstance(status, str):
        raise BadReply(f"{WHO} does not say how the job stands.")
    return status.lower() in _DONE | _ENDS.keys()


def bad_end(state: dict[str, Any]) -> GenerationError | None:
    """What a job's end means where it is no picture; Adobe's code says more than its status."""
    status = str(state.get("status")).lower()
    if status not in _ENDS:
        return None
    return _by_code(state) or _ENDS[status][0](f"{WHO} {_ENDS[status][1]}.")


def read_outputs(state: dict[str, Any], seeds: list[int]) -> tuple[list[tuple[int | None, str]], bool]:
    """Seed and address of each picture in the order of `seeds`, and whether Adobe left words of the prompt out.

    An address is empty where there is none. Raises `BadReply` for anything but 1 … `len(seeds)` pictures.
    """
    result = state.get("result")
    result = result if isinstance(result, dict) else {}
    outputs = result.get("outputs")
    if not isinstance(outputs, list) or not 1 <= len(outputs) <= len(seeds):
        raise BadReply(f"{WHO}'s answer holds no pictures, or more than were asked for.")
    found = [_output(output) for output in outputs]
    found.sort(key=lambda one: seeds.index(one[0]) if one[0] in seeds else len(seeds))
    return found, any(result.get(name) is True for name in ("promptHasDeniedWords", "promptHasBlockedArtists"))


def _output(output: object) -> tuple[int | None, str]:
    """Seed and address of one picture; the address is empty where there is none."""
    output = output if isinstance(output, dict) else {}
    seed, image = output.get("seed"), output.get("image")
    address = image.get("url") if isinstance(image, dict) else None
    return (seed if type(seed) is int else None), str(address or "")


def _by_code(content: dict[str, Any]) -> GenerationError | None:
    code = content.get("error_code")
    if not isinstance(code, str) or code not in _CODES:
        return None
    kind, what = _CODES[code]
    return kind(f"{WHO} {what}.")


def understand(answer: Answer) -> GenerationError | None:
    """Firefly's own codes, and why it gives no access."""
    if answer.status == _UNAUTHORISED:
        return TokenRefusedError(f"{WHO} does not accept the token of {ID}.")
    why = answer.headers.get("x-access-error", "")
    if why in _ACCESS:
        return AccountProblem(f"{WHO} {_ACCESS[why]}.")
    return _by_code(answer.content() or {})


def understand_ims(answer: Answer) -> GenerationError | None:
    """Adobe's identity service says 400 for a wrong id, a wrong secret and a scope that the project lacks."""
    if answer.status in {400, _UNAUTHORISED, 403}:
        return AccountProblem(f"{WHO} does not accept {ID} with {SECRET}, or its project lacks the scopes.")
    return None
