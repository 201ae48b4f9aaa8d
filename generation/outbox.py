"""From SQLite to Redis: every accepted request is said to the workers, and said again until Redis has it.

Owns the relay loop. It reads the outbox rows a transaction left behind, enqueues, and strikes them. With Redis away it
waits and tries again: the member was told the picture is queued, and it is.
"""

import asyncio
import logging
from collections.abc import Callable

from generation import journal
from generation.bell import Bell
from generation.database import Database
from generation.jobs import LINE_ERRORS, FrontLine
from generation.request import order_for

log = logging.getLogger(__name__)

_IDLE_S = 1.0
"""How often to look when nobody wakes the relay: for rows whose time comes by the clock."""
_LONGEST_PAUSE_S = 5.0


class Relay:
    """Moves outbox rows to Redis in the order of their turn."""

    def __init__(self, database: Database, line: FrontLine, now: Callable[[], int]) -> None:
        """Take the database, the front's end of the line, and a clock in ms."""
        self._database, self._line, self._now = database, line, now
        self._bell = Bell()

    def wake(self) -> None:
        """Look at once; called after a transaction that wrote an outbox row."""
        self._bell.ring()

    async def run(self) -> None:
        """Relay until cancelled."""
        pause = 0.1
        while True:
            self._bell.mute()
            try:
                sent = await self.send_due()
            except LINE_ERRORS as error:
                if pause == 0.1:
                    log.warning("Redis does not answer (%s); requests wait in SQLite", type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                continue
            if sent and pause > 0.1:
                log.info("Redis answers again")
                pause = 0.1
            await self._bell.listen(_IDLE_S)

    async def send_due(self) -> int:
        """Send what is due now, once; return how many. Raises one of `LINE_ERRORS`."""
        entries = await self._database.read(lambda db: journal.outbox(db, self._now()))
        for entry in entries:
            await self._line.enqueue(order_for(entry.request, entry.attempt), entry.score)
            await self._strike(entry)
        return len(entries)

    async def _strike(self, entry: journal.Entry) -> None:
        await self._database.write(lambda db: journal.sent(db, entry.request.id, entry.attempt, self._now()))
