"""The other end of the front's socket: asks, follows, cancels, and finds its way back when the front restarts.

Owns the connection and its patience. It must not know how a terminal looks or what its exit codes are.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import aiohttp

from bot.terminal import protocol
from bot.terminal.protocol import Done, Event, Failed, Progress, Refused, Wish
from bot.wording import operator as wording

# How long a front may be away before its client gives up waiting; the request is kept all the same.
_PATIENCE_S = 300.0
_PAUSE_S = 0.3
_STATUS_S = 5.0
_BASE = "http://front"
_AWAY = (aiohttp.ClientError, OSError)


class NoFront(Exception):
    """No front listens here; the message says what to do."""


class NoSuchRequest(Exception):
    """The front knows no request of this id."""


async def fetch_status(socket: Path) -> dict[str, Any] | None:
    """What the front says of itself, or None while none answers."""
    try:
        async with (
            _session(socket, aiohttp.ClientTimeout(total=_STATUS_S)) as session,
            session.get(f"{_BASE}/status") as response,
        ):
            return dict(await response.json()) if response.status == 200 else None
    except (*_AWAY, TimeoutError):
        return None


async def cancel(socket: Path, request_id: str) -> bool:
    """End a request; whether there was one to end. Raises `NoFront`."""
    try:
        async with (
            _session(socket, aiohttp.ClientTimeout(total=_STATUS_S)) as session,
            session.post(f"{_BASE}/cancel", params={"id": request_id}) as response,
        ):
            return bool((await response.json())["cancelled"])
    except (*_AWAY, TimeoutError):
        raise NoFront(wording.NO_FRONT) from None


def imagine(socket: Path, wish: Wish) -> AsyncGenerator[Event, None]:
    """Ask, and yield what is said until the ending. Asking the same wish twice is asking once.

    Raises `NoFront` if none listens at the start or it stays away, `protocol.Garbled` for one of another version.
    """
    return _persist(socket, wish.id, wish)


def follow(socket: Path, request_id: str) -> AsyncGenerator[Event, None]:
    """Yield what is said about a request that was asked before, until the ending. Raises also `NoSuchRequest`."""
    return _persist(socket, request_id, None)


async def _persist(socket: Path, request_id: str, wish: Wish | None) -> AsyncGenerator[Event, None]:
    """Follow, and follow again when the stream is cut off: the front will be back, and it has not forgotten."""
    reached, away_since = False, 0.0
    clock = asyncio.get_running_loop().time
    while True:
        try:
            async with contextlib.aclosing(_once(socket, request_id, wish)) as events:
                async for event in events:
                    reached, away_since = True, 0.0
                    yield event
                    if isinstance(event, Refused | Done | Failed):
                        return
                    wish = None  # it is accepted: from here on it is followed by its id
        except _AWAY:
            if not reached:
                raise NoFront(wording.NO_FRONT) from None
        if not away_since:
            away_since = clock()
            yield Progress(line=wording.FRONT_AWAY)
        if clock() - away_since > _PATIENCE_S:
            raise NoFront(wording.not_answering(request_id))
        await asyncio.sleep(_PAUSE_S)


async def _once(socket: Path, request_id: str, wish: Wish | None) -> AsyncGenerator[Event, None]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with _session(socket, timeout) as session, _open(session, request_id, wish) as response:
        if response.status == 404:
            raise NoSuchRequest(wording.no_such_request(request_id))
        if response.status == 400:
            raise protocol.Garbled(wording.NOT_UNDERSTOOD)
        response.raise_for_status()
        async for line in response.content:
            yield protocol.decode(line)


def _open(
    session: aiohttp.ClientSession, request_id: str, wish: Wish | None
) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
    if wish is None:
        return session.get(f"{_BASE}/requests/{request_id}")
    # Plain ASCII on the wire: an argument may hold bytes that are no UTF-8, and the front cleans them.
    body = json.dumps({name: getattr(wish, name) for name in wish.__slots__})
    return session.post(f"{_BASE}/imagine", data=body.encode())


def _session(socket: Path, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)), timeout=timeout)
