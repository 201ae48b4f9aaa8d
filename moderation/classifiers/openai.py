"""OpenAI's omni-moderation as a detector over finished pictures.

Owns the call and the strict reading of its answer. It must not know what a finding leads to. The pictures leave this
machine, and nothing else does: neither the prompt nor who asked.

Six of its thirteen categories look at pictures (openai-python, types/moderation.py; facts/moderation.md §1.4). The
others are text-only and come as 0 for a picture; should one be flagged all the same, it is reported.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import openai
from openai.types import ModerationImageURLInputParam

from moderation.classifiers.base import CheckError, Finding

# A dated snapshot, so that thresholds stay calibrated.
MODEL = "omni-moderation-2024-09-26"
IMAGE_CATEGORIES = (
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "violence",
    "violence/graphic",
)
TEXT_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "sexual/minors",
)
_LARGEST = 20_000_000
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"))


class OpenAIModeration:
    """omni-moderation, one picture a call. `base_url` None means OpenAI's own address; `timeout_s` is per call.

    Asking twice costs nothing, so here the SDK's own `retries` serve.
    """

    name = "openai"

    def __init__(
        self, *, api_key: str | None, base_url: str | None = None, timeout_s: float = 20.0, retries: int = 2
    ) -> None:
        """Take the account's key; None makes every look a `CheckError`."""
        timeout = httpx2.Timeout(timeout_s, connect=min(5.0, timeout_s))
        self._client = (
            openai.AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=retries, timeout=timeout)
            if api_key
            else None
        )

    async def check(self, images: Sequence[bytes]) -> Sequence[Sequence[Finding]]:
        """Findings in the six image categories for each picture; see `ImageCheck`."""
        if self._client is None:
            raise CheckError("OPENAI_API_KEY is not set")
        return await asyncio.gather(*(self._look(self._client, image) for image in images))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _look(self, client: openai.AsyncOpenAI, image: bytes) -> list[Finding]:
        if len(image) > _LARGEST:
            raise CheckError("the picture is larger than the 20 MB it takes")
        try:
            reply = await client.moderations.with_raw_response.create(model=MODEL, input=[_as_input(image)])
        except openai.APITimeoutError:
            raise CheckError("it did not answer in time") from None
        except openai.APIStatusError as error:
            raise CheckError(f"it answered with status {error.status_code}") from None
        except openai.APIError:
            raise CheckError("it could not be reached") from None
        return read_answer(reply.content)


def _as_input(image: bytes) -> ModerationImageURLInputParam:
    kind = next((kind for magic, kind in _MAGIC if image.startswith(magic)), None)
    if kind is None:
        raise CheckError("the picture is no PNG, JPEG or WebP")
    url = f"data:{kind};base64,{base64.b64encode(image).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


def read_answer(body: bytes) -> list[Finding]:
    """The findings in an answer about one picture; anything missing, unknown or not a number raises `CheckError`."""
    try:
        results = json.loads(body)["results"]
        result = results[0]
        flags, scores, flagged = result["categories"], result["category_scores"], result["flagged"]
    except (ValueError, LookupError, TypeError):
        raise CheckError("its answer cannot be read") from None
    if len(results) != 1 or not isinstance(flags, dict) or not isinstance(scores, dict):
        raise CheckError("its answer is not about one picture")
    known = {*IMAGE_CATEGORIES, *TEXT_CATEGORIES}
    if (flags.keys() | scores.keys()) - known:
        raise CheckError("its answer holds a category nobody knows")
    findings = [_finding(name, flags, scores) for name in IMAGE_CATEGORIES]
    findings += [_finding(name, flags, scores) for name in TEXT_CATEGORIES if flags.get(name)]
    if flagged is not any(finding.flagged for finding in findings):
        raise CheckError("its answer contradicts itself")
    return findings


def _finding(name: str, flags: Mapping[str, Any], scores: Mapping[str, Any]) -> Finding:
    score, flag = scores.get(name), flags.get(name)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise CheckError(f"its answer holds no score for {name}")
    if not isinstance(flag, bool):
        raise CheckError(f"its answer does not say whether it is {name}")
    return Finding(name, float(score), flag)
