"""One `tessera imagine` from asking to the ending, Ctrl-C included.

Owns the order of things at a terminal: show what is said, cancel at the first Ctrl-C, leave at the second. It must not
know how a line looks (`display`) or what the process exits with (`bot.cli`).
"""

import asyncio
import contextlib
import signal
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from bot.terminal import client
from bot.terminal.display import Display
from bot.terminal.protocol import Accepted, Done, Ending, Event, Failed, Progress, Refused, Wish
from bot.wording import operator as wording


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How it went. `ending` is None when the terminal was left before there was one."""

    request_id: str
    ending: Ending | None
    cancelled: bool = False


def new_id() -> str:
    """An id for a new wish."""
    return f"terminal-{uuid.uuid4().hex}"


class Session:
    """Follows one request at `socket`, new (`wish`) or asked before (`request_id`)."""

    def __init__(self, socket: Path, display: Display, *, wish: Wish | None = None, request_id: str = "") -> None:
        """Ask nothing yet."""
        self._socket, self._display, self._wish = socket, display, wish
        self._id = wish.id if wish else request_id
        self._cancelling: asyncio.Task[None] | None = None
        self._cancelled = False

    async def run(self) -> Result:
        """See it through. Raises `client.NoFront`, `client.NoSuchRequest` and `protocol.Garbled`."""
        following = asyncio.create_task(self._follow())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._interrupt, following)
        try:
            with self._display:
                ending = await following
            if self._cancelling is not None:
                await self._cancelling  # the ending can be faster than the answer to the cancelling
        except asyncio.CancelledError:
            if following.cancelled() and self._cancelling is not None:
                return Result(request_id=self._id, ending=None, cancelled=True)
            following.cancel()
            raise
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            if self._cancelling is not None:
                self._cancelling.cancel()
        return Result(request_id=self._id, ending=ending, cancelled=self._cancelled)

    async def _follow(self) -> Ending:
        async with contextlib.aclosing(self._events()) as events:
            async for event in events:
                match event:
                    case Accepted(line=line):
                        self._display.show(line, None)
                    case Progress(line=line, percent=percent):
                        self._display.show(line, percent)
                    case Refused() | Done() | Failed():
                        return event
        raise AssertionError("a stream of events ends with an ending")

    def _events(self) -> AsyncGenerator[Event, None]:
        return client.imagine(self._socket, self._wish) if self._wish else client.follow(self._socket, self._id)

    def _interrupt(self, following: asyncio.Task[Ending]) -> None:
        if self._cancelling is not None:
            following.cancel()
            return
        self._display.note(wording.CANCELLING)
        self._cancelling = asyncio.create_task(self._cancel())

    async def _cancel(self) -> None:
        try:
            self._cancelled = await client.cancel(self._socket, self._id)
        except client.NoFront as error:
            self._display.note(str(error))
            return
        if not self._cancelled:
            self._display.note(wording.TOO_LATE)
