"""What every backend that asks somebody over the network needs, whatever client library it uses.

Owns waiting (politely, and only while the picture is wanted), the reading of `Retry-After`, and which bytes count as a
picture. It must not know any provider.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from generation.backends.base import EncodedImage, Watch
from generation.errors import BadReply, GenerationCancelled, ModelMissing

_CANCEL_LOOK_S = 0.1
_MAGIC = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))

MIB = 1024 * 1024
PICTURE_LIMIT = 20 * MIB
"""Bytes that one picture may have on its way here; a 4 megapixel PNG of noise has about 12 MiB."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often to ask again, and how long to wait before it.

    Capped exponential with full jitter (Brooker 2015, AWS Architecture Blog, “Exponential Backoff and Jitter”), and
    never less than the provider asked for; one that wants more than `longest_wish_s` is left to the front's patience.
    """

    retries: int = 2
    first_s: float = 0.5
    longest_s: float = 8.0
    longest_wish_s: float = 20.0
    jitter: Callable[[], float] = random.random

    def pause_s(self, attempt: int, wish_s: float | None) -> float | None:
        """Seconds to wait after this attempt (the first is 0); None: leave it."""
        if attempt >= self.retries or (wish_s is not None and wish_s > self.longest_wish_s):
            return None
        longest: float = min(self.first_s * 2**attempt, self.longest_s)
        return max(longest * self.jitter(), wish_s or 0.0)


async def unless_cancelled(asking: Coroutine[Any, Any, T], watch: Watch) -> T:
    """Wait for the work, looking now and then whether it is still wanted.

    Cancelling cancels `asking` and waits until it has ended, so it can tell the provider in its own clean-up. Raises
    `GenerationCancelled`, and whatever `asking` raises.
    """
    task = asyncio.ensure_future(asking)
    try:
        while not (await asyncio.wait({task}, timeout=_CANCEL_LOOK_S))[0]:
            if watch.cancelled:
                raise GenerationCancelled
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait, from `Retry-After` (seconds or an HTTP date); None where it does not say."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def picture(data: bytes, who: str, seed: int | None = None) -> EncodedImage:
    """The bytes as they came from `who`, with the media type that their beginning shows.

    Whether it is a whole picture is the worker's guard to say. Raises `BadReply` for anything but PNG, JPEG and WebP.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return EncodedImage(data, "image/webp", seed)
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return EncodedImage(data, name, seed)
    raise BadReply(f"{who}'s answer holds something that is no PNG, JPEG or WebP picture.")


def key_missing(title: str, name: str) -> ModelMissing:
    """What to raise where the operator has set no key."""
    return ModelMissing(f"{title} needs a key: set {name} or {name}_FILE for the worker.")
