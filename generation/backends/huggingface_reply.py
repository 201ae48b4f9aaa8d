"""Reading what the providers behind Hugging Face answer: a picture, its address, a job at work, or a refusal.

Owns `read_answer` and `refusal`. Answers are read by their shape and not by who gave them, so a provider that the hub
library adds later is understood where it answers like one of the others. Pure. It must not know the network. No
message here quotes a provider's text: it can hold pieces of a prompt.

Shapes of good answers as of huggingface_hub 2.4.0 (its `inference/_providers`, 2026-11-27). Of refusals: fal's
`content_policy_violation` as told in wavespeed.ai/blog/ai-guides/fal-ai-content-policy-violation-422-fix, and its
`has_nsfw_concepts` from memory, not checked; WaveSpeed's `has_nsfw_contents` and states as of
wavespeed.ai/docs/shared/submit-response; Replicate's states as of sdks.replicate.com, its words for a refusal and
Z.ai's code 1301 from memory, not checked.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generation.backends.remote import decoded
from generation.backends.rest import Answer
from generation.errors import BackendUnavailable, BadReply, ContentRefused, GenerationError

WHO = "Hugging Face"

_AT_WORK = {"created", "starting", "queued", "in_queue", "pending", "processing", "in_progress", "running"}
_ENDED_BADLY = {"failed", "fail", "error", "canceled", "cancelled", "aborted", "timeout"}
_REFUSAL_CODES = {"content_policy_violation", "content_moderation", "moderation_blocked", "1301"}
_REFUSAL_WORDS = ("nsfw", "content policy", "flagged as sensitive", "potentially sensitive", "moderation")
_ZAI_JOBS = "/api/paas/v4/async-result/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Work that is not finished: where to look and, where the provider has that, where to cancel it."""

    look: str
    cancel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an answer holds: one of the picture's bytes, its address, or a job. `seed` where the provider tells it."""

    data: bytes | None = None
    address: str | None = None
    job: Job | None = None
    seed: int | None = None
    job_id: str | None = None


def read_answer(body: bytes) -> Found:
    """What a good answer holds; a body that is no JSON is the picture itself.

    Raises `ContentRefused` for a picture that the provider's own check struck out, `BackendUnavailable` for a job that
    failed and `BadReply` for an answer that holds nothing of this.
    """
    content = _parsed(body)
    if content is None:
        return Found(data=body)
    if not isinstance(content, dict):
        raise BadReply(f"{WHO}'s answer is JSON of an unknown shape.")
    # WaveSpeed wraps its job once more.
    content = content["data"] if isinstance(content.get("data"), dict) else content
    if any(any(_list(content.get(name))) for name in ("has_nsfw_concepts", "has_nsfw_contents")):
        raise ContentRefused(f"{WHO}'s provider struck out the picture that came of the prompt.")
    state = str(content.get("status") or content.get("task_status") or "").lower()
    if state in _ENDED_BADLY:
        raise _refused(content) or BackendUnavailable(f"{WHO}'s provider took the job and failed at it.")
    job_id = content.get("id")
    job_id = job_id if isinstance(job_id, str) else None
    picture = _picture(content)
    if picture is not None:
        return _found(picture, content.get("seed"), job_id)
    if state in _AT_WORK:
        return Found(job=_job(content), job_id=job_id)
    raise BadReply(f"{WHO}'s answer holds no picture.")


def _found(picture: str, seed: object, job_id: str | None) -> Found:
    seed = seed if isinstance(seed, int) and not isinstance(seed, bool) else None
    if picture.startswith(("http://", "https://")):
        return Found(address=picture, seed=seed, job_id=job_id)
    encoded = picture.partition(",")[2] if picture.startswith("data:") else picture
    return Found(data=decoded(encoded, WHO), seed=seed, job_id=job_id)


def _picture(content: Mapping[str, Any]) -> str | None:
    """The first picture under any of the names that providers give them: an address, a data address or base64."""
    for name in ("images", "data", "output", "outputs", "image_result", "image"):
        value = content.get(name)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict):
            first = first.get("url") or first.get("b64_json")
        if isinstance(first, str) and first:
            return first
    return None


def _job(content: Mapping[str, Any]) -> Job:
    urls = content.get("urls")
    urls = urls if isinstance(urls, dict) else {}
    look, cancel = urls.get("get"), urls.get("cancel")
    if look is None and "task_status" in content:
        look = f"{_ZAI_JOBS}{content.get('id')}"
    # An answer to a second look may leave the addresses out; whoever looked knows them.
    return Job(look=str(look or ""), cancel=cancel if isinstance(cancel, str) else None)


def refusal(answer: Answer) -> GenerationError | None:
    """What an answer with an error's status says of a refusal, or of a model that is still being loaded."""
    content = _parsed(answer.body)
    if answer.status == 503 and isinstance(content, dict):
        wait = content.get("estimated_time")
        if isinstance(wait, int | float) and 0 <= wait < 3600:
            return BackendUnavailable(f"{WHO} is still loading the model.", retry_after_s=float(wait))
    return _refused(content) if 400 <= answer.status < 500 else None


def _refused(content: object) -> ContentRefused | None:
    for code, words in _told(content):
        if code in _REFUSAL_CODES or any(word in words for word in _REFUSAL_WORDS):
            return ContentRefused(f"{WHO}'s provider declined the prompt.")
    return None


def _told(content: object) -> Iterator[tuple[str, str]]:
    """Code and words of every error in an answer; of a list of wrong fields the codes alone, for it echoes them."""
    if isinstance(content, list):
        yield from ((str(item.get("type", "")), "") for item in content if isinstance(item, dict))
    elif isinstance(content, dict):
        words = content.get("message")
        yield str(content.get("code") or content.get("type") or ""), words.lower() if isinstance(words, str) else ""
        for name in ("error", "detail"):
            inner = content.get(name)
            if isinstance(inner, str):
                yield inner, inner.lower()
            else:
                yield from _told(inner)


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
