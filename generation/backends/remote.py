"""What every backend that asks somebody over the network needs, whatever client library it uses.

Owns waiting (politely, and only while the picture is wanted), the reading of `Retry-After`, and which bytes count as a
picture. It must not know any provider.
"""

import asyncio
import base64
import binascii
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from generation.backends.base import EncodedImage, Watch
from generation.catalogue import ModelEntry
from generation.errors import BadReply, GenerationCancelled, ModelMissing
from generation.request import JobOrder

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


async def several(make: Callable[[int], Coroutine[Any, Any, T]], count: int, *, at_once: int = 4) -> list[T]:
    """What `make` gives for 0 to `count` - 1, in that order, with no more than `at_once` of them under way.

    Where one fails or the whole is cancelled, the others are cancelled and have ended before this returns. Raises
    what the first to fail raised. A cancelled call is cancelled once, so it can tell the provider in its own clean-up.
    """
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> T:
        async with gate:
            return await make(number)

    tasks = [asyncio.ensure_future(one(number)) for number in range(count)]
    try:
        # Unlike `gather`, this leaves cancelling to the lines below: a second cancel would end a task's clean-up.
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for task in tasks:
            # Whoever fails second is looked at too, or asyncio would log it as forgotten.
            _ = task.cancelled() or task.exception()


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


def decoded(text: object, who: str) -> bytes:
    """A picture's bytes out of base64; raises `BadReply` for anything else."""
    if not isinstance(text, str) or not text:
        raise BadReply(f"{who}'s answer holds an entry without a picture.")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadReply(f"{who}'s answer holds a picture that is not base64.") from None


def asked_model(entry: ModelEntry) -> str:
    """The provider's name of the model; raises `ModelMissing` where the catalogue entry has none."""
    model = entry.arguments.get("model")
    if not model:
        raise ModelMissing(f"The catalogue entry “{entry.id}” does not say which model to ask for (arguments.model).")
    return str(model)


def no_steps_no_guidance(entry: ModelEntry, order: JobOrder) -> list[str]:
    """Notes for a provider that takes neither a number of steps nor a guidance scale."""
    asked, notes = order.params, []
    if asked.num_inference_steps is not None:
        notes.append(f"{entry.title} takes no number of steps.")
    if asked.guidance_scale is not None:
        notes.append(f"{entry.title} takes no guidance scale.")
    return notes


def key_missing(title: str, name: str) -> ModelMissing:
    """What to raise where the operator has set no key."""
    return ModelMissing(f"{title} needs a key: set {name} or {name}_FILE for the worker.")
