"""Pictures from Google's Gemini models through the unmodified google-genai SDK.

Owns the calls, their limits and their retries. The SDK's own retries stay off, for a request repeated after it was
taken can be charged twice; ours repeat only what certainly drew nothing. It is given our httpx2 client (with aiohttp
about, it would take that and repeat broken requests by itself) and hands the answer's text through, which
`google_reply` reads. Google's bytes are kept as they came. It must not know who asked: nothing of the member is sent.

One call makes one picture (`candidateCount` is 1 for picture models: from memory, not checked), so several pictures
are several calls. Gemini has no call to cancel with: cancelling closes the connection, and Google may finish and
charge the picture all the same. As of google-genai 3.6.1 (2026-11-27); a seed exists for text, and nothing says that
picture models honour it, so none is sent.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from typing import cast

import httpx2
from google import genai
from google.genai import errors, types
from google.genai import version as sdk

from generation.backends.base import Generated, Watch
from generation.backends.google_reply import Format, Reply, format_for, read_reply, understand
from generation.backends.remote import (
    MIB,
    PICTURE_LIMIT,
    Patience,
    asked_model,
    key_missing,
    no_steps_no_guidance,
    retry_after_s,
    several,
    unless_cancelled,
)
from generation.catalogue import ModelEntry
from generation.errors import BackendUnavailable, BadReply, GenerationError, RateLimited, TimedOut
from generation.prices import cost_of
from generation.request import JobOrder
from generation.result import MadeBy

_PATIENCE = Patience()
_BASE_URL = "https://generativelanguage.googleapis.com"
# A picture travels as base64, four letters for three bytes, with some words around it.
_REPLY_LIMIT = PICTURE_LIMIT * 4 // 3 + MIB
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class GoogleBackend:
    """`generate_content` of one Gemini API account. `timeout_s` bounds one call from its beginning to its end."""

    name = "google"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str = _BASE_URL,
        timeout_s: float = 240.0,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._timeout_s = timeout_s
        self._patience = patience
        self._http: httpx2.AsyncClient | None = None
        self._client: genai.Client | None = None
        if api_key:
            self._http = httpx2.AsyncClient(event_hooks={"request": [_connect_soon], "response": [_bound]})
            self._client = genai.Client(
                vertexai=False,
                api_key=api_key,
                http_options=types.HttpOptions(
                    base_url=base_url, timeout=round(timeout_s * 1000), httpx_async_client=self._http
                ),
            )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        client = self._client
        if client is None:
            raise key_missing(entry.title, "GEMINI_API_KEY")
        model = asked_model(entry)
        wanted = format_for(order.params.width, order.params.height)
        config = _config(wanted.shape, _tier(entry, wanted))
        watch.check()
        watch.stage("drawing")
        replies = await unless_cancelled(
            several(lambda _: self._ask(client, model, order.prompt, config), order.params.num_images), watch
        )
        usage = _total(replies)
        return Generated(
            images=tuple(reply.image for reply in replies),
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=model,
                versions=(("google-genai", sdk.__version__),),
                provider_request_id=", ".join(reply.response_id for reply in replies if reply.response_id) or None,
                # Without the tokens of every picture, nearly all of the cost is unknown.
                cost=cost_of(usage, entry.prices) if all("image_output" in r.usage for r in replies) else None,
                usage=tuple(sorted(usage.items())),
            ),
            notes=_notes(entry, order, wanted),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None and self._http is not None:
            self._client.close()
            await self._client.aio.aclose()
            await self._http.aclose()

    async def _ask(self, client: genai.Client, model: str, prompt: str, config: types.GenerateContentConfig) -> Reply:
        for attempt in itertools.count():
            try:
                return await self._ask_once(client, model, prompt, config)
            except (errors.APIError, *_NOT_SENT) as error:
                problem = _problem(error)
                wait = self._patience.pause_s(attempt, problem.retry_after_s)
                if wait is None or not _drew_nothing(error, problem):
                    raise problem from None
            await asyncio.sleep(wait)
        raise AssertionError("unreachable: patience ends")  # pragma: no cover

    async def _ask_once(
        self, client: genai.Client, model: str, prompt: str, config: types.GenerateContentConfig
    ) -> Reply:
        try:
            # The SDK's own deadline is one for each read; an answer that drips would never reach it.
            async with asyncio.timeout(self._timeout_s):
                answer = await client.aio.models.generate_content(model=model, contents=prompt, config=config)
        except _NOT_SENT:
            raise
        except (TimeoutError, httpx2.TransportError):
            raise TimedOut("Google took the request and did not answer; it may have been charged.") from None
        except httpx2.DecodingError:
            raise BadReply("Google's answer is not packed as it says.") from None
        except ValueError:
            # The SDK hands a good answer's text through, but reads an error's body as text and JSON without care.
            raise BackendUnavailable("Google answered with an error that cannot be read.") from None
        return read_reply((answer.sdk_http_response.body if answer.sdk_http_response else None) or "")


def _tier(entry: ModelEntry, wanted: Format) -> str:
    """The order's tier, or the one that `arguments.image_size` fixes; empty: the model's own."""
    return str(entry.arguments.get("image_size", wanted.tier))


def _config(shape: str, tier: str) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        response_modalities=["IMAGE"],
        image_config=types.ImageConfig(aspect_ratio=shape, image_size=tier or None),
        should_return_http_response=True,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def _notes(entry: ModelEntry, order: JobOrder, wanted: Format) -> tuple[str, ...]:
    params, tier = order.params, _tier(entry, wanted)
    notes = [f"{entry.title} takes no seed.", *no_steps_no_guidance(entry, order)]
    if not wanted.exact or tier != wanted.tier:
        asked = f"{wanted.shape} in {tier}" if tier else wanted.shape
        notes.append(f"{entry.title} was asked for {asked}, the nearest it has to {params.width}x{params.height}.")
    return tuple(notes)


def _total(replies: list[Reply]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for reply in replies:
        total.update(reply.usage)
    return dict(total)


def _problem(error: Exception) -> GenerationError:
    if not isinstance(error, errors.APIError):
        return BackendUnavailable("Google could not be reached.")
    headers = getattr(error.response, "headers", None)
    return understand(error.code, error.details, retry_after_s(headers or {}))


def _drew_nothing(error: Exception, problem: GenerationError) -> bool:
    """Whether asking again cannot be charged twice: no connection came about, or Google was too busy to begin."""
    return isinstance(error, _NOT_SENT) or isinstance(problem, RateLimited) or getattr(error, "code", 0) == 503


async def _connect_soon(request: httpx2.Request) -> None:
    """The SDK sets one time-out for everything; nobody should wait minutes for a connection."""
    timeout = request.extensions.get("timeout", {})
    timeout["connect"] = min(10.0, timeout.get("connect") or 10.0)


async def _bound(response: httpx2.Response) -> None:
    response.stream = _Bounded(cast("httpx2.AsyncByteStream", response.stream))


class _Bounded(httpx2.AsyncByteStream):
    """An answer's body that ends in an error of ours where it grows too large or breaks off.

    The SDK reads answers whole, so an endless one would take all memory.
    """

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for piece in self._stream:
                size += len(piece)
                if size > _REPLY_LIMIT:
                    raise BadReply(f"Google's answer is larger than {_REPLY_LIMIT // MIB} MiB.")
                yield piece
        except httpx2.TimeoutException:
            raise TimedOut("Google stopped in the middle of its answer; it may have been charged.") from None
        except httpx2.TransportError:
            raise BadReply("Google broke off in the middle of its answer.") from None

    async def aclose(self) -> None:
        await self._stream.aclose()
