"""Timeouts and bans: one at a time, and they end when they end."""

import sqlite3

import pytest
from sqlite_utils import Database

from generation.database import in_transaction
from moderation.cases import CaseKind, find_case
from moderation.sanctions import Sanction, SanctionKind, active, impose, lift

HERE, ZED = "discord:1", "discord:1:9"
NOW, MINUTE = 1_800_000_000_000, 60_000


def timeout(db: Database, minutes: int, now: int = NOW) -> Sanction:
    return impose(db, HERE, ZED, until=now + minutes * MINUTE, reason="spam", moderator="mod", now=now)


def ban(db: Database, now: int = NOW) -> Sanction:
    return impose(db, HERE, ZED, until=None, reason="worse", moderator="mod", now=now)


def test_a_timeout_is_in_force_until_it_ends(db: Database) -> None:
    assert active(db, HERE, ZED, NOW) is None
    imposed = timeout(db, 10)
    assert (imposed.kind, imposed.until, imposed.reason) == (SanctionKind.TIMEOUT, NOW + 10 * MINUTE, "spam")
    assert active(db, HERE, ZED, NOW + 10 * MINUTE - 1) == imposed
    assert active(db, HERE, ZED, NOW + 10 * MINUTE) is None


def test_it_is_for_one_member_of_one_workspace(db: Database) -> None:
    timeout(db, 10)
    assert active(db, "discord:2", ZED, NOW) is None
    assert active(db, HERE, "discord:1:10", NOW) is None


def test_each_has_a_case(db: Database) -> None:
    case = find_case(db, HERE, timeout(db, 10).case)
    assert case is not None
    assert (case.kind, case.account) == (CaseKind.SANCTION, ZED)


def test_a_new_timeout_takes_the_place_of_the_old_also_to_shorten_it(db: Database) -> None:
    timeout(db, 60)
    shorter = timeout(db, 5)
    assert active(db, HERE, ZED, NOW) == shorter


def test_a_ban_takes_the_place_of_a_timeout_but_not_the_other_way(db: Database) -> None:
    timeout(db, 60)
    banned = ban(db)
    assert active(db, HERE, ZED, NOW + 10**12) == banned
    assert timeout(db, 5) == banned
    assert active(db, HERE, ZED, NOW) == banned


def test_lifting_ends_it_once(db: Database) -> None:
    assert lift(db, HERE, ZED, moderator="mod", now=NOW) is None
    banned = ban(db)
    assert lift(db, HERE, ZED, moderator="mod2", now=NOW + 5) == banned
    assert active(db, HERE, ZED, NOW + 5) is None
    assert lift(db, HERE, ZED, moderator="mod2", now=NOW + 6) is None


def test_the_past_is_kept_as_it_was(db: Database) -> None:
    timeout(db, 1)
    later = NOW + 5 * MINUTE
    timeout(db, 10, later)
    ban(db, later + 1)
    rows = db.execute("SELECT kind, lifted_at, lifted_by FROM sanctions ORDER BY id").fetchall()
    assert rows == [
        ("timeout", NOW + MINUTE, "tessera"),  # ran out by itself
        ("timeout", later + 1, "mod"),
        ("ban", None, None),
    ]


def test_a_timeout_ends_in_the_future(db: Database) -> None:
    with pytest.raises(ValueError, match="in the future"):
        timeout(db, 0)


def test_two_at_once_cannot_be_stored(db: Database) -> None:
    ban(db)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        db.execute(
            "INSERT INTO sanctions (workspace, account, kind, reason, moderator, case_id, at)"
            " SELECT workspace, account, kind, reason, moderator, case_id, at FROM sanctions"
        )


def test_a_rollback_undoes_sanction_and_case(db: Database) -> None:
    class Oops(Exception):
        pass

    def work(inside: Database) -> None:
        ban(inside)
        assert inside.conn.in_transaction
        raise Oops

    with pytest.raises(Oops):
        in_transaction(db, work)
    assert active(db, HERE, ZED, NOW) is None
    assert db["cases"].count == 0
