"""The one file: a read sees one state of it, and a transaction that cannot be kept blocks nobody after it."""

import asyncio
import sqlite3
import threading

import pytest
from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.database import Database
from generation.journal import State
from tests.making import NOW, request


async def test_a_read_sees_one_state_though_it_is_written_beside_it(database: Database) -> None:
    begun, written = threading.Event(), threading.Event()

    def twice(db: SqliteDatabase) -> tuple[int, int]:
        first = len(journal.in_state(db, State.QUEUED))
        begun.set()
        assert written.wait(10)
        return first, len(journal.in_state(db, State.QUEUED))

    reading = asyncio.ensure_future(database.read(twice))
    await asyncio.to_thread(begun.wait, 10)
    await database.write(lambda db: journal.insert(db, request("a"), score=NOW))
    written.set()

    assert await reading == (0, 0)
    assert len(await database.read(lambda db: journal.in_state(db, State.QUEUED))) == 1


async def test_what_is_told_meanwhile_breaks_no_look_at_what_is_due(database: Database) -> None:
    ids = [f"r{number}" for number in range(100)]

    def decide(db: SqliteDatabase) -> None:
        for each in ids:
            journal.insert(db, request(each), score=NOW)
            journal.decide(db, each, attempt=1, ending=State.CANCELLED, outcome=None, now=NOW)

    async def tell(request_id: str) -> None:
        await database.write(
            lambda db: journal.told(db, request_id, ending=State.CANCELLED, message_id=None, now=NOW, hold_ms=1)
        )

    await database.write(decide)
    telling = asyncio.ensure_future(asyncio.gather(*map(tell, ids)))
    while not telling.done():
        for due in await database.read(lambda db: journal.due(db, NOW)):
            assert due.entry.state is State.TELLING
    await telling


async def test_a_commit_that_fails_does_not_block_the_next_write(database: Database) -> None:
    def owes(db: SqliteDatabase) -> None:
        db.execute("PRAGMA defer_foreign_keys = ON")
        db.execute("INSERT INTO outbox (request_id, attempt, not_before) VALUES ('nobody', 1, 0)")

    with pytest.raises(sqlite3.IntegrityError):
        await database.write(owes)

    await database.write(lambda db: journal.insert(db, request("a"), score=NOW))
    assert await database.read(journal.in_outbox) == {"a"}
