"""What a running job tells: every moment for the stored timeline, now and then a word for whoever waits.

Owns `Speaker`. Words travel through Redis and may be lost; nothing depends on them. Safe to call from the device's
thread. It must not know what is being drawn.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from generation.jobs import LINE_ERRORS, WorkerLine
from generation.request import JobOrder
from generation.result import ProgressEvent, TimelineEvent

_log = logging.getLogger(__name__)

_LONGEST_WORD_S = 2.0
# The end of the other stages is a moment of its own: drawn, checked, stored.
_STAGES_WITH_A_MOMENT = {"started", "loading"}


class Speaker:
    """Hears of stages and steps, keeps them with their times, and passes at most one step per `interval_s` on.

    A context manager: words are passed on inside it, and leaving it says the last of them. `now` is ms since the epoch.
    """

    def __init__(self, line: WorkerLine, order: JobOrder, now: Callable[[], int], interval_s: float = 0.1) -> None:
        """Take the line to speak on; must be made inside a running event loop."""
        self._line = line
        self._order = order
        self._now = now
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._pending: deque[ProgressEvent] = deque()
        self._woken = asyncio.Event()
        self._leaving = asyncio.Event()
        self._moments: list[TimelineEvent] = []
        self._talk: asyncio.Task[None] | None = None

    @property
    def timeline(self) -> tuple[TimelineEvent, ...]:
        """All that was heard so far."""
        return tuple(self._moments)

    def moment(self, name: str, detail: str = "") -> None:
        """Keep a moment for the timeline only."""
        self._moments.append(TimelineEvent(name=name, at=self._now(), detail=detail))

    def hear(self, stage: str, done: int, total: int) -> None:
        """What `Watch` reports; call it from any thread."""
        if total:
            self.moment("step", f"{done} of {total}")
        elif stage in _STAGES_WITH_A_MOMENT:
            self.moment(stage)
        event = ProgressEvent(
            request_id=self._order.request_id,
            attempt=self._order.attempt,
            stage=stage,
            at=self._now(),
            done=done,
            total=total,
        )
        # A thread may still be drawing while the process leaves.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._take, event)

    async def __aenter__(self) -> Self:
        self._talk = asyncio.create_task(self._talking())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._talk is None:
            return
        # On the way out for a drain nobody waits for words; else the last step must be heard.
        if isinstance(error, asyncio.CancelledError):
            self._talk.cancel()
        self._leaving.set()
        self._woken.set()
        await asyncio.wait({self._talk})

    def _take(self, event: ProgressEvent) -> None:
        """Queue an event; an unsaid step between the first and this one is out of date."""
        last = self._pending[-1] if self._pending else None
        if last is not None and last.total and event.total and last.done > 1:
            self._pending.pop()
        self._pending.append(event)
        self._woken.set()

    async def _talking(self) -> None:
        while True:
            await self._woken.wait()
            if self._pending:
                event = self._pending.popleft()
                await self._say(event)
                if event.total:
                    await self._pause()
            elif self._leaving.is_set():
                return
            else:
                self._woken.clear()

    async def _pause(self) -> None:
        """Be silent for `interval_s`, or until the job ends."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                await self._leaving.wait()

    async def _say(self, event: ProgressEvent) -> None:
        try:
            async with asyncio.timeout(_LONGEST_WORD_S):
                await self._line.progress(event)
        except LINE_ERRORS as error:
            _log.debug("progress was not heard request=%s why=%s", event.request_id, type(error).__name__)
