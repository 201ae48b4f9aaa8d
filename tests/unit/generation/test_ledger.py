"""The ledger's promises: all or nothing, once, in the right bucket, and never more than there is."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from generation.database import in_transaction, open_sqlite
from generation.ledger import Held, Ledger, next_day
from generation.quota import Allowance, Scope
from generation.refusals import QuotaUsed
from generation.request import Platform, Requester
from migrations import apply_all

ROOT = Path(__file__).parents[3]
HOUR = 3_600_000
NOON = int(datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp() * 1000)
ALICE = Requester(platform=Platform.DISCORD, workspace_id="1", user_id="7", role_ids=("r1", "r2"))
BOB = Requester(platform=Platform.DISCORD, workspace_id="1", user_id="8")


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = open_sqlite(tmp_path / "tessera.db")
    apply_all(database)
    yield database
    database.close()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(ZoneInfo("UTC"), 10)


def hold(ledger: Ledger, db: Database, request_id: str, amount: int, now: int = NOON) -> Held | QuotaUsed:
    work = partial(ledger.hold, request_id=request_id, requester=ALICE, amount=amount, now=now)
    return in_transaction(db, work)


def test_a_hold_counts_at_once_and_settling_returns_the_rest(db: Database, ledger: Ledger) -> None:
    held = hold(ledger, db, "a", 4)
    assert isinstance(held, Held)
    assert (held.amount, held.status.held, held.status.used, held.status.left) == (4, 4, 0, 6)

    assert ledger.settle(db, "a", 3, NOON)

    status = ledger.status(db, ALICE, NOON)
    assert (status.held, status.used, status.left) == (0, 3, 7)
    assert ledger.audit(db) == []


def test_a_shortfall_writes_nothing_and_says_what_there_is(db: Database, ledger: Ledger) -> None:
    hold(ledger, db, "a", 8)
    before = db["ledger_entries"].count

    refused = hold(ledger, db, "b", 3)

    assert isinstance(refused, QuotaUsed)
    assert (refused.asked, refused.status.left) == (3, 2)
    assert db["ledger_entries"].count == before


def test_a_refused_request_may_be_held_later(db: Database, ledger: Ledger) -> None:
    hold(ledger, db, "a", 8)
    assert isinstance(hold(ledger, db, "b", 3), QuotaUsed)
    ledger.release(db, "a", NOON, "cancelled")
    assert isinstance(hold(ledger, db, "b", 3), Held)


def test_doing_anything_twice_is_doing_it_once(db: Database, ledger: Ledger) -> None:
    first = hold(ledger, db, "a", 4)
    assert hold(ledger, db, "a", 4) == first
    assert hold(ledger, db, "a", 9) == first, "the second amount is not looked at"

    assert ledger.settle(db, "a", 2, NOON) is True
    assert ledger.settle(db, "a", 4, NOON) is False
    assert ledger.release(db, "a", NOON, "late") is False
    assert isinstance(hold(ledger, db, "a", 4), Held), "a closed hold is still the answer to the same request"

    assert ledger.status(db, ALICE, NOON).used == 2
    assert ledger.audit(db) == []


def test_a_request_is_held_for_one_member_only(db: Database, ledger: Ledger) -> None:
    hold(ledger, db, "a", 1)
    with pytest.raises(ValueError, match="another member"):
        ledger.hold(db, request_id="a", requester=BOB, amount=1, now=NOON)


def test_nothing_closes_what_was_never_held(db: Database, ledger: Ledger) -> None:
    assert ledger.settle(db, "nobody", 1, NOON) is False
    assert ledger.release(db, "nobody", NOON, "lost") is False
    assert db["ledger_entries"].count == 0


@pytest.mark.parametrize("used", [-1, 5])
def test_settling_outside_what_is_held_is_an_error(db: Database, ledger: Ledger, used: int) -> None:
    hold(ledger, db, "a", 4)
    with pytest.raises(ValueError, match="more than is held"):
        ledger.settle(db, "a", used, NOON)
    assert ledger.open_holds(db) == {"a": 4}


@pytest.mark.parametrize("amount", [0, -3])
def test_holds_and_grants_are_of_one_or_more(db: Database, ledger: Ledger, amount: int) -> None:
    with pytest.raises(ValueError, match="one picture or more"):
        ledger.hold(db, request_id="a", requester=ALICE, amount=amount, now=NOON)
    with pytest.raises(ValueError, match="one picture or more"):
        ledger.grant(db, ALICE.account, amount, actor="mod", reason="", now=NOON)


def test_grants_are_used_after_the_day_and_given_back_first(db: Database, ledger: Ledger) -> None:
    ledger.grant(db, ALICE.account, 5, actor="mod", reason="for the contest", now=NOON)
    held = hold(ledger, db, "a", 12)
    assert isinstance(held, Held)
    assert (held.status.left_today, held.status.granted) == (0, 3)

    ledger.settle(db, "a", 11, NOON)

    status = ledger.status(db, ALICE, NOON)
    assert (status.used, status.granted) == (10, 4)
    tomorrow = ledger.status(db, ALICE, NOON + 24 * HOUR)
    assert (tomorrow.left_today, tomorrow.granted) == (10, 4), "a grant outlives the day"
    assert ledger.audit(db) == []


def test_a_hold_over_midnight_settles_in_the_day_it_was_held(db: Database, ledger: Ledger) -> None:
    before_midnight = NOON + 12 * HOUR - 1
    hold(ledger, db, "a", 10, before_midnight)
    after = ledger.status(db, ALICE, before_midnight + 1)
    assert (after.left_today, after.held) == (10, 0), "the new day is untouched"

    ledger.settle(db, "a", 7, before_midnight + 1)

    assert ledger.status(db, ALICE, before_midnight + 1).left_today == 10
    assert ledger.status(db, ALICE, before_midnight).used == 7
    assert ledger.audit(db) == []


def test_members_do_not_share(db: Database, ledger: Ledger) -> None:
    hold(ledger, db, "a", 10)
    assert ledger.status(db, BOB, NOON).left == 10


def test_the_most_specific_allowance_counts_and_of_roles_the_largest(db: Database, ledger: Ledger) -> None:
    def put(scope: Scope, subject: str, amount: int | None) -> int | None:
        return ledger.set_allowance(db, ALICE.workspace, scope, subject, amount=amount, actor="mod", now=NOON)

    def source() -> Allowance:
        return ledger.status(db, ALICE, NOON).source

    assert source() == Allowance(Scope.INSTALLATION, "", 10)
    assert put(Scope.SERVER, "", 20) is None
    assert source() == Allowance(Scope.SERVER, "", 20)
    put(Scope.ROLE, "r1", 5)
    put(Scope.ROLE, "r2", 8)
    put(Scope.ROLE, "r9", 500)
    assert source() == Allowance(Scope.ROLE, "r2", 8), "a role she does not have is not hers"
    put(Scope.MEMBER, "7", 3)
    assert source() == Allowance(Scope.MEMBER, "7", 3)
    assert put(Scope.MEMBER, "7", 4) == 3
    assert [each.amount for each in ledger.allowances(db, ALICE.workspace)] == [20, 5, 8, 500, 4]
    assert put(Scope.MEMBER, "7", None) == 4
    assert put(Scope.MEMBER, "7", None) is None
    assert source() == Allowance(Scope.ROLE, "r2", 8)
    assert ledger.status(db, BOB, NOON).daily == 20
    elsewhere = Requester(platform=Platform.SLACK, workspace_id="1", user_id="7", role_ids=("r2",))
    assert ledger.status(db, elsewhere, NOON).daily == 10


def test_the_installation_default_is_not_a_workspaces_to_set(db: Database, ledger: Ledger) -> None:
    for scope, amount in ((Scope.INSTALLATION, 5), (Scope.SERVER, -1)):
        with pytest.raises(ValueError, match="not an allowance"):
            ledger.set_allowance(db, ALICE.workspace, scope, "", amount=amount, actor="mod", now=NOON)


def test_lowering_an_allowance_takes_nothing_back_and_gives_nothing_more(db: Database, ledger: Ledger) -> None:
    hold(ledger, db, "a", 8)
    ledger.set_allowance(db, ALICE.workspace, Scope.SERVER, "", amount=5, actor="mod", now=NOON)

    assert ledger.status(db, ALICE, NOON).left == 0
    assert isinstance(hold(ledger, db, "b", 1), QuotaUsed)
    assert ledger.settle(db, "a", 8, NOON)
    assert ledger.audit(db) == [], "it was allowed when it was held"


def test_after_lowering_a_grant_is_held_for_what_was_asked_and_no_more(db: Database, ledger: Ledger) -> None:
    hold(ledger, db, "a", 8)
    ledger.set_allowance(db, ALICE.workspace, Scope.SERVER, "", amount=5, actor="mod", now=NOON)
    ledger.grant(db, ALICE.account, 6, actor="mod", reason="", now=NOON)

    held = hold(ledger, db, "b", 2)

    assert isinstance(held, Held)
    assert held.status.granted == 4


def test_a_rollback_undoes_every_write(db: Database, ledger: Ledger) -> None:
    class Oops(Exception):
        pass

    def work(inside: Database) -> None:
        ledger.hold(inside, request_id="a", requester=ALICE, amount=2, now=NOON)
        ledger.settle(inside, "a", 1, NOON)
        ledger.grant(inside, ALICE.account, 5, actor="mod", reason="", now=NOON)
        ledger.set_allowance(inside, ALICE.workspace, Scope.SERVER, "", amount=3, actor="mod", now=NOON)
        assert inside.conn.in_transaction, "nothing may commit on its own"
        raise Oops

    with pytest.raises(Oops):
        in_transaction(db, work)
    assert db["ledger_entries"].count == 0
    assert db["allowances"].count == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount = 1",
        "DELETE FROM ledger_entries",
        "REPLACE INTO ledger_entries SELECT * FROM ledger_entries",
    ],
)
def test_no_entry_can_be_changed_even_by_another_program(db: Database, ledger: Ledger, statement: str) -> None:
    hold(ledger, db, "a", 4)
    path = db.conn.execute("PRAGMA database_list").fetchone()[2]
    plain = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        plain.execute(statement)
    plain.close()
    assert ledger.open_holds(db) == {"a": 4}


def forge(db: Database, kind: str, amount: int, *, request_id: str = "x", ceiling: int | None = None) -> None:
    """Write an entry behind the ledger's back, so that the audit has something to find."""
    db.execute(
        "INSERT INTO ledger_entries (request_id, account, bucket, unit, kind, amount, ceiling, at)"
        " VALUES (?, ?, 'day:2026-11-20', 'images', ?, ?, ?, ?)",
        [request_id, ALICE.account, kind, amount, ceiling, NOON],
    )


def test_the_audit_finds_a_hold_that_was_closed_in_part(db: Database, ledger: Ledger) -> None:
    forge(db, "hold", 4, ceiling=10)
    assert ledger.audit(db) == []
    forge(db, "settle", 3)
    assert [each.sentence for each in ledger.audit(db)] == ["Held 4, but settled and released 3."]


def test_the_audit_finds_a_settlement_without_a_hold(db: Database, ledger: Ledger) -> None:
    forge(db, "settle", 3)
    assert [(each.request_id, each.sentence) for each in ledger.audit(db)] == [
        ("x", "Held 0, but settled and released 3.")
    ]


def test_the_audit_finds_an_overspent_bucket(db: Database, ledger: Ledger) -> None:
    forge(db, "hold", 4, ceiling=4)
    forge(db, "hold", 1, request_id="y", ceiling=4)
    assert [(each.request_id, each.sentence) for each in ledger.audit(db)] == [
        ("y", "With this hold 5 were taken where 4 were allowed.")
    ]


def test_a_second_settlement_of_the_same_hold_cannot_be_stored(db: Database) -> None:
    forge(db, "hold", 4, ceiling=10)
    forge(db, "settle", 2)
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        forge(db, "settle", 2)


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "Asia/Beirut"]
)


@given(zone=ZONES.map(ZoneInfo), now=st.integers(0, 2_000_000_000_000))
def test_a_day_ends_when_the_next_begins_whatever_the_clocks_do(zone: ZoneInfo, now: int) -> None:
    """Apia skipped a whole day in 2011; São Paulo and Beirut skipped midnights."""

    def day(ms: int) -> date:
        return datetime.fromtimestamp(ms / 1000, zone).date()

    change = next_day(now, zone)
    assert now < change
    assert day(change - 1) == day(now)
    assert day(change) > day(now)


def test_eight_processes_hold_exactly_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "tessera.db"
    db = open_sqlite(path)
    apply_all(db)
    program = [sys.executable, str(Path(__file__).with_name("ledger_racer.py")), str(path)]
    racers = [
        subprocess.Popen(
            [*program, f"racer{number}", "25", str(NOON)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(8)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n", racer.communicate()[1]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60) for racer in racers]

    assert [racer.returncode for racer in racers] == [0] * 8, [errors for _, errors in said]
    assert sum(int(out) for out, _ in said) == 100
    ledger = Ledger(ZoneInfo("UTC"), 100)
    assert ledger.status(db, ALICE, NOON).held == 100
    assert ledger.audit(db) == []
    db.close()
