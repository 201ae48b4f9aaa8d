"""A request's life: each move happens once, and none skips a state."""

from dataclasses import replace

import pytest
from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.database import Database
from generation.journal import State
from generation.result import Failure, FailureKind, OutcomeKind
from moderation.verdict import Action, Verdict
from tests.making import NOW, image, outcome, request


def accepted(db: SqliteDatabase) -> None:
    journal.insert(db, request(), score=NOW)


async def test_an_accepted_request_waits_in_the_outbox(database: Database) -> None:
    await database.write(accepted)

    entries = await database.read(lambda db: journal.outbox(db, NOW))

    assert [entry.request for entry in entries] == [request()]
    assert await database.read(lambda db: journal.under_way(db, request().requester.account)) == 1


async def test_an_outcome_is_recorded_once(database: Database) -> None:
    await database.write(accepted)

    def decide(db: SqliteDatabase) -> bool:
        return journal.decide(db, "discord-1", attempt=1, ending=State.DELIVERED, outcome=outcome(), now=NOW)

    assert await database.write(decide)
    assert not await database.write(decide)
    [due] = await database.read(lambda db: journal.due(db, NOW))
    assert (due.attempt, due.marks, due.entry.outcome) == (1, {}, outcome())
    assert await database.read(lambda db: journal.outbox(db, NOW)) == []


async def test_an_outcome_of_an_earlier_attempt_comes_too_late(database: Database) -> None:
    await database.write(accepted)
    failed = outcome(kind=OutcomeKind.FAILED, images=(), failure=Failure(kind=FailureKind.OUTAGE))
    await database.write(lambda db: journal.try_again(db, "discord-1", attempt=1, not_before=NOW + 5000, now=NOW))

    late = await database.write(
        lambda db: journal.decide(db, "discord-1", attempt=1, ending=State.FAILED, outcome=failed, now=NOW)
    )

    assert not late
    assert await database.read(lambda db: journal.outbox(db, NOW)) == []
    [entry] = await database.read(lambda db: journal.outbox(db, NOW + 5000))
    assert entry.attempt == 2


async def test_marks_add_up_and_attempts_are_counted_before_they_are_made(database: Database) -> None:
    await database.write(accepted)
    ending = State.DELIVERED
    await database.write(
        lambda db: journal.decide(db, "discord-1", attempt=1, ending=ending, outcome=outcome(), now=NOW)
    )
    await database.write(lambda db: journal.begin_telling(db, "discord-1", ending))
    await database.write(lambda db: journal.mark(db, "discord-1", ending, {"file": "F1"}))
    await database.write(lambda db: journal.mark(db, "discord-1", ending, {"message": "M1"}))

    [due] = await database.read(lambda db: journal.due(db, NOW))

    assert due.attempt == 2
    assert due.marks == {"file": "F1", "message": "M1"}


async def test_telling_ends_once_and_forgets_the_interaction_token(database: Database) -> None:
    await database.write(accepted)
    await database.write(
        lambda db: journal.decide(db, "discord-1", attempt=1, ending=State.DELIVERED, outcome=outcome(), now=NOW)
    )

    def tell(db: SqliteDatabase) -> bool:
        return journal.told(db, "discord-1", ending=State.DELIVERED, message_id="m", now=NOW, hold_ms=1)

    assert await database.write(tell)
    assert not await database.write(tell)
    entry = await database.read(lambda db: journal.get(db, "discord-1"))
    assert entry is not None
    assert (entry.state, entry.request.reply_to.token) == (State.DELIVERED, None)


async def test_a_held_request_expires_into_a_withheld_one(database: Database) -> None:
    await database.write(accepted)
    held = outcome(images=(image(action=Action.HOLD),))
    await database.write(
        lambda db: journal.decide(db, "discord-1", attempt=1, ending=State.HELD, outcome=held, now=NOW)
    )
    await database.write(
        lambda db: journal.told(db, "discord-1", ending=State.HELD, message_id=None, now=NOW, hold_ms=1000)
    )

    assert await database.write(lambda db: journal.expire_held(db, NOW + 999)) == []
    assert await database.write(lambda db: journal.expire_held(db, NOW + 1000)) == ["discord-1"]
    [due] = await database.read(lambda db: journal.due(db, NOW + 1000))
    assert (due.entry.ending, due.attempt) == (State.WITHHELD, 1)


async def test_only_a_stored_passing_verdict_on_these_bytes_passes(database: Database) -> None:
    await database.write(accepted)
    unseen = replace(image(b"unseen"), verdict=Verdict())
    images = (image(b"good"), image(b"bad", Action.REJECT), unseen)
    await database.write(
        lambda db: journal.decide(
            db, "discord-1", attempt=1, ending=State.DELIVERED, outcome=outcome(images=images), now=NOW
        )
    )

    def ask(db: SqliteDatabase) -> list[bool]:
        return [journal.passing(db, "discord-1", each.sha256) for each in images]

    passes = await database.read(ask)
    assert passes == [True, False, False]
    assert not await database.read(lambda db: journal.passing(db, "discord-1", image(b"other").sha256))


async def test_a_write_that_raises_leaves_nothing(database: Database) -> None:
    def half(db: SqliteDatabase) -> None:
        accepted(db)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(half)

    assert await database.read(lambda db: journal.get(db, "discord-1")) is None
