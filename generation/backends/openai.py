"""Pictures from OpenAI, or from a service that speaks its `images.generate`, through the unmodified openai SDK.

Owns the call, its limits and its retries. The SDK's own retries are off: it sends no idempotency key, so a repeated
request can be charged twice. Ours repeat only what certainly drew nothing. The provider's bytes are kept as they came;
they carry its provenance marks. It must not know who asked: a hash is all the provider gets.
"""

import asyncio
import itertools
from typing import Any

import httpx2
import openai

from generation.backends.base import Generated, Watch
from generation.backends.openai_reply import (
    Reply,
    not_processed,
    read_reply,
    understand,
)
from generation.backends.remote import MIB, PICTURE_LIMIT, Patience, asked_model, key_missing, unless_cancelled
from generation.catalogue import ModelEntry
from generation.errors import BadReply, TimedOut
from generation.prices import cost_of
from generation.request import JobOrder
from generation.result import MadeBy

# What of an entry's arguments goes to the provider; the rest of the request is the order's.
_PASSED = ("quality", "moderation", "background", "output_format", "output_compression")
_PATIENCE = Patience()


class OpenAIBackend:
    """`images.generate` of one account. `base_url` None means OpenAI's own address.

    `timeout_s` bounds the wait for an answer; `reply_limit` is bytes of answer for each picture asked for.
    """

    name = "openai"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str | None = None,
        timeout_s: float = 240.0,
        reply_limit: int = PICTURE_LIMIT,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._reply_limit = reply_limit
        self._patience = patience
        timeout = httpx2.Timeout(timeout_s, connect=min(10.0, timeout_s))
        self._client = (
            openai.AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout) if api_key else None
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if self._client is None:
            raise key_missing(entry.title, "OPENAI_API_KEY")
        watch.check()
        watch.stage("drawing")
        reply, provider_request_id = await unless_cancelled(self._ask(self._client, _arguments(entry, order)), watch)
        return Generated(
            images=reply.images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=str(entry.arguments["model"]),
                versions=(("openai", openai.__version__),),
                provider_request_id=provider_request_id,
                cost=_cost(reply, entry),
                usage=tuple(sorted(reply.usage.items())),
            ),
            notes=_notes(entry, order, len(reply.images)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()

    async def _ask(self, client: openai.AsyncOpenAI, arguments: dict[str, Any]) -> tuple[Reply, str | None]:
        for attempt in itertools.count():
            try:
                return await self._ask_once(client, arguments)
            except openai.APIError as error:
                problem = understand(error)
                wait = self._patience.pause_s(attempt, problem.retry_after_s)
                if wait is None or not not_processed(error):
                    raise problem from None
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: patience ends")  # pragma: no cover

    async def _ask_once(self, client: openai.AsyncOpenAI, arguments: dict[str, Any]) -> tuple[Reply, str | None]:
        limit = self._reply_limit * arguments["n"]
        async with client.images.with_streaming_response.generate(**arguments) as response:
            body = bytearray()
            try:
                # Read in pieces, so that an endless answer costs no more memory than the limit.
                async for piece in response.iter_bytes():
                    body += piece
                    if len(body) >= limit:
                        raise BadReply(f"OpenAI's answer is larger than {limit // MIB} MiB.")
            except httpx2.TimeoutException:
                raise TimedOut("OpenAI stopped in the middle of its answer; it may have been charged.") from None
            except httpx2.RequestError:
                raise BadReply("OpenAI broke off in the middle of its answer.") from None
            request_id = response.headers.get("x-request-id")
        return read_reply(bytes(body), arguments["n"]), request_id


def _arguments(entry: ModelEntry, order: JobOrder) -> dict[str, Any]:
    return {
        "model": asked_model(entry),
        "prompt": order.prompt,
        "n": order.params.num_images,
        "size": f"{order.params.width}x{order.params.height}",
        "safety_identifier": order.safety_identifier,
        **{name: entry.arguments[name] for name in _PASSED if name in entry.arguments},
    }


def _cost(reply: Reply, entry: ModelEntry) -> int | None:
    """The cost by the reported tokens; without those of the pictures, nearly all of it is unknown."""
    return cost_of(reply.usage, entry.prices) if "image_output" in reply.usage else None


def _notes(entry: ModelEntry, order: JobOrder, made: int) -> tuple[str, ...]:
    notes = [f"{entry.title} takes no seed."]
    if made < order.params.num_images:
        notes.append(f"{entry.title} made {made} of {order.params.num_images} pictures.")
    return tuple(notes)
