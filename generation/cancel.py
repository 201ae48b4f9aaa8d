"""Ending a request because its member wants it to end.

Owns `Canceller`. The state moves in SQLite first; taking the job out of Redis and stopping a worker is best effort,
since an outcome that comes too late for a cancelled request is ignored.
"""

import logging
from collections.abc import Callable

from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.database import Database
from generation.jobs import LINE_ERRORS, FrontLine
from generation.journal import Entry, State
from generation.request import Requester

log = logging.getLogger(__name__)


class Canceller:
    """Cancels requests that have not been decided yet."""

    def __init__(
        self, *, database: Database, line: FrontLine, now: Callable[[], int], wake_delivery: Callable[[], None]
    ) -> None:
        """Take where requests live, the line to the workers, a clock in ms, and whom to wake."""
        self._database, self._line, self._now, self._wake_delivery = database, line, now, wake_delivery

    async def cancel(self, request_id: str, requester: Requester) -> bool:
        """End the requester's own request; False if it is not theirs, not there, or already decided."""

        def decide(db: SqliteDatabase) -> Entry | None:
            entry = journal.get(db, request_id)
            if entry is None or entry.request.requester.account != requester.account:
                return None
            ending, now = State.CANCELLED, self._now()
            moved = journal.decide(db, request_id, attempt=entry.attempt, ending=ending, outcome=None, now=now)
            return entry if moved else None

        entry = await self._database.write(decide)
        if entry is None:
            return False
        try:
            await self._line.withdraw(request_id, entry.request.pool)
        except LINE_ERRORS as error:
            log.warning("request %s is cancelled, but Redis could not be told: %s", request_id, type(error).__name__)
        self._wake_delivery()
        return True
