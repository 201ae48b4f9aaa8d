"""Finds what was lost: whatever is not at its end and not alive is put back, or ended and said so.

Owns the sweep. It compares SQLite, which is the truth, with Redis and the artifact store, which may have been wiped,
and repairs the difference: an outcome nobody announced is taken in, a job nobody has is queued again, a held picture
nobody looked at and a request nobody served come to their end.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.database import Database
from generation.jobs import LINE_ERRORS, FrontLine
from generation.journal import Entry, State
from generation.outcomes import Intake
from generation.result import Failure, FailureKind, Outcome, OutcomeKind
from moderation.cases import purge_prompts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds: how often to sweep, how long a job may be seen nowhere before it is lost, when to give up."""

    every_s: float
    lost_after_s: float
    unserved_s: float


class Sweeper:
    """Sweeps every few seconds; one sweep can also be asked for."""

    def __init__(
        self,
        *,
        database: Database,
        line: FrontLine,
        intake: Intake,
        patience: Patience,
        now: Callable[[], int],
        wake_relay: Callable[[], None],
        wake_delivery: Callable[[], None],
    ) -> None:
        """Take what it compares and whom it wakes; `now` in ms."""
        self._database, self._line, self._intake = database, line, intake
        self._patience, self._now = patience, now
        self._wake_relay, self._wake_delivery = wake_relay, wake_delivery
        # Since when a job is seen nowhere. A restart forgets this, which only postpones the repair.
        self._missing_since: dict[str, int] = {}

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(self._patience.every_s)

    async def sweep(self) -> None:
        """Look once at everything that is not at its end."""
        now = self._now()
        if await self._database.write(lambda db: _let_go(db, now)):
            self._wake_delivery()
        queued = await self._database.read(lambda db: journal.in_state(db, State.QUEUED))
        waiting = await self._database.read(journal.in_outbox)
        await self._look_for([entry for entry in queued if entry.request.id not in waiting], now)
        for entry in queued:
            if now - entry.created_at > self._patience.unserved_s * 1000:
                await self._give_up(entry, now)

    async def _look_for(self, entries: list[Entry], now: int) -> None:
        by_id = {entry.request.id: entry for entry in entries}
        try:
            missing = await self._line.missing(by_id)
        except LINE_ERRORS:
            # With Redis away nobody knows what runs, but what is finished lies in the store all the same.
            missing = frozenset(by_id)
            now = -1
        self._missing_since = {key: since for key, since in self._missing_since.items() if key in missing}
        for request_id in sorted(missing, key=lambda key: by_id[key].score):
            entry = by_id[request_id]
            if await self._intake.take(request_id, entry.attempt) or now < 0:
                continue
            if now - self._missing_since.setdefault(request_id, now) >= self._patience.lost_after_s * 1000:
                await self._put_back(entry, now)

    async def _put_back(self, entry: Entry, now: int) -> None:
        request_id = entry.request.id
        log.warning("request %s was lost on its way and is queued again", request_id)
        await self._database.write(lambda db: journal.put_in_outbox(db, request_id, entry.attempt, now))
        self._missing_since.pop(request_id, None)
        self._wake_relay()

    async def _give_up(self, entry: Entry, now: int) -> None:
        request_id = entry.request.id
        if await self._intake.take(request_id, entry.attempt):
            return  # it was served at the last moment
        log.warning("request %s was not served in time and is given up", request_id)
        ended = await self._intake.record(
            Outcome(
                request_id=request_id,
                attempt=entry.attempt,
                kind=OutcomeKind.FAILED,
                worker="front",
                finished_at=now,
                failure=Failure(kind=FailureKind.UNSERVED, detail="no worker served it in time"),
            )
        )
        if not ended:
            return
        try:
            # Or a worker that comes back would draw, and perhaps pay for, what nobody waits for.
            await self._line.withdraw(request_id, entry.request.pool)
        except LINE_ERRORS as error:
            log.warning("request %s is given up, but Redis could not be told: %s", request_id, type(error).__name__)


def _let_go(db: SqliteDatabase, now: int) -> list[str]:
    """End what was held too long (the ids are returned), and forget prompts whose thirty days are over."""
    purge_prompts(db, now)
    return journal.expire_held(db, now)
