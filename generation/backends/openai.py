"""Pictures from OpenAI, or from a service that speaks its `images.generate`, through the unmodified openai SDK.

Owns the call, its limits and its retries. The SDK's own retries are off: it sends no idempotency key, so a repeated
request can be charged twice. Ours repeat only what certainly drew nothing. The provider's bytes are kept as they came;
they carry its provenance marks. It must not know who asked: a hash is all the provider gets.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine
from typing import Any

import httpx2
import openai

from generation.backends.base import Generated, Watch
from generation.backends.openai_reply import (
    Reply,
    cost_of,
    not_processed,
    read_reply,
    understand,
)
from generation.catalogue import ModelEntry
from generation.errors import BadReply, GenerationCancelled, ModelMissing, TimedOut
from generation.request import JobOrder
from generation.result import MadeBy

# What of an entry's arguments goes to the provider; the rest of the request is the order's.
_PASSED = ("model", "quality", "moderation", "background", "output_format", "output_compression")
_CANCEL_LOOK_S = 0.1
_LONGEST_PAUSE_S = 8.0

_MIB = 1024 * 1024


class OpenAIBackend:
    """`images.generate` of one account. `base_url` None means OpenAI's own address.

    `timeout_s` bounds the wait for an answer; `reply_limit` is bytes of answer for each picture asked for; `retries`
    counts further tries; a provider that asks for more than `longest_wait_s` seconds is left to the front's patience.
    """

    name = "openai"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None = None,
        timeout_s: float = 240.0,
        reply_limit: int = 20 * _MIB,
        retries: int = 2,
        longest_wait_s: float = 20.0,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._reply_limit = reply_limit
        self._retries = retries
        self._longest_wait_s = longest_wait_s
        self._jitter = jitter
        timeout = httpx2.Timeout(timeout_s, connect=min(10.0, timeout_s))
        self._client = (
            openai.AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout) if api_key else None
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if self._client is None:
            raise ModelMissing(f"{entry.title} needs a key: set OPENAI_API_KEY or OPENAI_API_KEY_FILE for the worker.")
        watch.check()
        watch.stage("drawing")
        reply, provider_request_id = await _unless_cancelled(self._ask(self._client, _arguments(entry, order)), watch)
        return Generated(
            images=reply.images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=str(entry.arguments["model"]),
                versions=(("openai", openai.__version__),),
                provider_request_id=provider_request_id,
                cost=cost_of(reply.usage, entry.prices),
                usage=tuple(sorted(reply.usage.items())),
            ),
            notes=_notes(entry, order, len(reply.images)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _ask(self, client: openai.AsyncOpenAI, arguments: dict[str, Any]) -> tuple[Reply, str | None]:
        for attempt in range(self._retries + 1):
            try:
                return await self._ask_once(client, arguments)
            except openai.APIError as error:
                problem = understand(error)
                wait = self._pause(attempt, problem.retry_after_s)
                if attempt == self._retries or wait is None or not not_processed(error):
                    raise problem from None
            await asyncio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    def _pause(self, attempt: int, asked_s: float | None) -> float | None:
        """Capped exponential with full jitter and never less than the provider asked; None when that is too long."""
        if asked_s is not None and asked_s > self._longest_wait_s:
            return None
        longest: float = min(0.5 * 2**attempt, _LONGEST_PAUSE_S)
        return max(longest * self._jitter(), asked_s or 0.0)

    async def _ask_once(self, client: openai.AsyncOpenAI, arguments: dict[str, Any]) -> tuple[Reply, str | None]:
        limit = self._reply_limit * arguments["n"]
        async with client.images.with_streaming_response.generate(**arguments) as response:
            body = bytearray()
            try:
                # Read in pieces, so that an endless answer costs no more memory than the limit.
                async for piece in response.iter_bytes():
                    body += piece
                    if len(body) >= limit:
                        raise BadReply(f"OpenAI's answer is larger than {limit // _MIB} MiB.")
            except httpx2.TimeoutException:
                raise TimedOut("OpenAI stopped in the middle of its answer; it may have been charged.") from None
            except httpx2.RequestError:
                raise BadReply("OpenAI broke off in the middle of its answer.") from None
            request_id = response.headers.get("x-request-id")
        return read_reply(bytes(body), arguments["n"]), request_id


def _arguments(entry: ModelEntry, order: JobOrder) -> dict[str, Any]:
    if "model" not in entry.arguments:
        raise ModelMissing(f"The catalogue entry “{entry.id}” does not say which model to ask for (arguments.model).")
    return {
        "prompt": order.prompt,
        "n": order.params.num_images,
        "size": f"{order.params.width}x{order.params.height}",
        "safety_identifier": order.safety_identifier,
        **{name: entry.arguments[name] for name in _PASSED if name in entry.arguments},
    }


def _notes(entry: ModelEntry, order: JobOrder, made: int) -> tuple[str, ...]:
    notes = [f"{entry.title} takes no seed."]
    if made < order.params.num_images:
        notes.append(f"{entry.title} made {made} of {order.params.num_images} pictures.")
    return tuple(notes)


async def _unless_cancelled(
    asking: Coroutine[Any, Any, tuple[Reply, str | None]], watch: Watch
) -> tuple[Reply, str | None]:
    """Wait for the call, looking now and then whether it is still wanted; cancelling closes the connection."""
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
