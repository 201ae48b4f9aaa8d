"""The ledger against a plain model of it, over any order of holds, settlements, grants, days and allowance changes."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlite_utils import Database

from generation.database import in_transaction
from generation.ledger import Held, Ledger
from generation.quota import Scope
from generation.request import Platform, Requester
from migrations import apply_all

DAY = 86_400_000
START = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1000)
MEMBERS = [Requester(platform=Platform.SLACK, workspace_id="T1", user_id=name, role_ids=("r",)) for name in "ab"]
PICK = st.integers(0, 7)
AMOUNTS = st.integers(1, 6)


@dataclass
class Taken:
    """What the model remembers of a hold: how much of which day and of grants, and how much was used in the end."""

    account: str
    day: int
    of_day: int
    of_grants: int
    used: int | None = None


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.db = Database(sqlite3.connect(":memory:", isolation_level=None))
        apply_all(self.db)
        self.ledger = Ledger(ZoneInfo("UTC"), 5)
        self.now = START
        self.server: int | None = None
        self.role: int | None = None
        self.grants = {member.account: 0 for member in MEMBERS}
        self.holds: dict[str, Taken] = {}

    @initialize(hour=st.integers(0, 23))
    def start(self, hour: int) -> None:
        self.now += hour * 3_600_000

    @property
    def day(self) -> int:
        return self.now // DAY

    @property
    def daily(self) -> int:
        if self.role is not None:
            return self.role
        return 5 if self.server is None else self.server

    def of_today(self, account: str) -> tuple[int, int]:
        """Used and held of today's allowance, by the model."""
        today = [each for each in self.holds.values() if (each.account, each.day) == (account, self.day)]
        used = sum(min(each.of_day, each.used) for each in today if each.used is not None)
        return used, sum(each.of_day for each in today if each.used is None)

    def chosen(self, pick: int) -> str:
        """One of the open requests, and now and then one that is closed or was never held."""
        still_open = [name for name, taken in self.holds.items() if taken.used is None]
        names = still_open if still_open and pick else [*self.holds, "never held"]
        return names[pick % len(names)]

    def granted(self, account: str) -> int:
        mine = [each for each in self.holds.values() if each.account == account]
        spent = sum(each.of_grants if each.used is None else max(0, each.used - each.of_day) for each in mine)
        return self.grants[account] - spent

    @rule(again=PICK, member=st.sampled_from(MEMBERS), amount=AMOUNTS)
    def hold(self, again: int, member: Requester, amount: int) -> None:
        request = self.chosen(again) if again > 5 else f"request {len(self.holds)}"
        before = self.holds.get(request)
        if before is not None and before.account != member.account:
            return
        answer = in_transaction(
            self.db,
            lambda db: self.ledger.hold(db, request_id=request, requester=member, amount=amount, now=self.now),
        )
        if before is not None:
            assert isinstance(answer, Held)
            assert answer.amount == before.of_day + before.of_grants
            return
        left_today = max(0, self.daily - sum(self.of_today(member.account)))
        enough = amount <= left_today + self.granted(member.account)
        assert isinstance(answer, Held) == enough
        if enough:
            of_day = min(amount, left_today)
            self.holds[request] = Taken(member.account, self.day, of_day, amount - of_day)

    @rule(pick=PICK, share=st.integers(0, 6))
    def settle(self, pick: int, share: int) -> None:
        request = self.chosen(pick)
        taken = self.holds.get(request)
        is_open = taken is not None and taken.used is None
        used = min(share, taken.of_day + taken.of_grants) if taken else share
        assert in_transaction(self.db, lambda db: self.ledger.settle(db, request, used, self.now)) == is_open
        if taken and is_open:
            taken.used = used

    @rule(pick=PICK)
    def release(self, pick: int) -> None:
        request = self.chosen(pick)
        taken = self.holds.get(request)
        is_open = taken is not None and taken.used is None
        assert in_transaction(self.db, lambda db: self.ledger.release(db, request, self.now, "test")) == is_open
        if taken and is_open:
            taken.used = 0

    @rule(member=st.sampled_from(MEMBERS), amount=AMOUNTS)
    def grant(self, member: Requester, amount: int) -> None:
        self.ledger.grant(self.db, member.account, amount, actor="mod", reason="", now=self.now)
        self.grants[member.account] += amount

    @rule(amount=st.none() | st.integers(0, 9), for_role=st.booleans())
    def set_allowance(self, amount: int | None, *, for_role: bool) -> None:
        scope, subject = (Scope.ROLE, "r") if for_role else (Scope.SERVER, "")
        self.ledger.set_allowance(self.db, "slack:T1", scope, subject, amount=amount, actor="mod", now=self.now)
        if for_role:
            self.role = amount
        else:
            self.server = amount

    @rule(hours=st.integers(1, 12))
    def time_passes(self, hours: int) -> None:
        self.now += hours * 3_600_000

    @invariant()
    def it_is_sound_and_agrees_with_the_model(self) -> None:
        assert self.ledger.audit(self.db) == []
        for member in MEMBERS:
            status = self.ledger.status(self.db, member, self.now)
            assert (status.used, status.held) == self.of_today(member.account)
            assert status.granted == self.granted(member.account) >= 0
            assert status.daily == self.daily

    @invariant()
    def held_is_settled_plus_released_plus_open(self) -> None:
        totals = dict(self.db.execute("SELECT kind, SUM(amount) FROM ledger_entries GROUP BY kind").fetchall())
        still_open = sum(self.ledger.open_holds(self.db).values())
        assert totals.get("hold", 0) == totals.get("settle", 0) + totals.get("release", 0) + still_open

    def teardown(self) -> None:
        self.db.close()


TestLedgerMachine = LedgerMachine.TestCase
# Deadlines are off: how long SQLite takes on a busy machine is no property of the ledger.
TestLedgerMachine.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
