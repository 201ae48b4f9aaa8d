"""The worker's sign of life: who it is, what it serves and which requests it is working on.

Owns `Presence`. The front reads it to know whether anybody serves a pool and whether a request that Redis has forgotten
is still being drawn. It must not know what a job is.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from generation.jobs import LINE_ERRORS, WorkerInfo, WorkerLine

_log = logging.getLogger(__name__)

_BEATS_A_LIFE = 5


class Presence:
    """Gives the sign every `beat_s` seconds and whenever `changed` is set; it lasts five beats.

    `running` names the requests under way.
    """

    def __init__(
        self,
        line: WorkerLine,
        info: WorkerInfo,
        *,
        running: Callable[[], tuple[str, ...]],
        changed: asyncio.Event,
        beat_s: float,
    ) -> None:
        """Say nothing yet."""
        self._line = line
        self._info = info
        self._running = running
        self._changed = changed
        self._beat_s = beat_s

    @property
    def worker_id(self) -> str:
        """The worker's name on the line."""
        return self._info.id

    async def beat_for_ever(self) -> None:
        """Give signs until cancelled; Redis may come and go."""
        while True:
            self._changed.clear()
            try:
                await self._line.beat(replace(self._info, running=self._running()), self._beat_s * _BEATS_A_LIFE)
            except LINE_ERRORS as error:
                _log.debug("sign of life was not heard why=%s", type(error).__name__)
            try:
                async with asyncio.timeout(self._beat_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def leave(self) -> None:
        """Take the sign away, if anybody hears it."""
        try:
            await self._line.leave(self._info.id)
        except LINE_ERRORS as error:
            _log.debug("leaving was not heard why=%s", type(error).__name__)
