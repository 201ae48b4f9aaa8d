"""The quota ledger: what each member may use, holds, has used and was given.

Owns `ledger_entries` and `allowances`. Entries are only ever added; every balance is computed from them. It must not
know requests' states, platforms or sentences, and it never begins or commits: the caller's transaction (`BEGIN
IMMEDIATE`, see `generation.database`) covers the hold together with the request it is for.

A balance lies in buckets: one a day (`day:2026-11-20`, in the configured time zone) that the daily allowance fills, and
`grants`, which a moderator fills and which never resets. A hold takes from today's bucket first and from grants for
the rest, and it is settled or released in the buckets it was taken from, also after midnight.

To count something else (GPU seconds, money) add a `Unit`; to hold against a channel or a workspace write entries with
another `scope` and that account's key. The table has room for both.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlite_utils import Database

from generation.quota import Allowance, QuotaStatus, Scope, Unit, effective
from generation.refusals import QuotaUsed
from generation.request import Requester

_GRANTS = "grants"
_MEMBER = "member"
_DAY = "day"
_SYSTEM = "tessera"

# One statement reads the balances, decides and writes, so that nothing can come between. It writes one row a bucket it
# takes from, or none at all. `ceiling` is what the bucket could bear at that moment; `Ledger.audit` checks against it.
_HOLD = """
    WITH day AS (
        SELECT COALESCE(SUM(CASE kind WHEN 'hold' THEN amount WHEN 'release' THEN -amount ELSE 0 END), 0) AS taken
        FROM ledger_entries WHERE scope = :scope AND account = :account AND unit = :unit AND bucket = :day
    ), grants AS (
        SELECT
            COALESCE(SUM(CASE kind WHEN 'hold' THEN amount WHEN 'release' THEN -amount ELSE 0 END), 0) AS taken,
            COALESCE(SUM(CASE kind WHEN 'grant' THEN amount ELSE 0 END), 0) AS given
        FROM ledger_entries WHERE scope = :scope AND account = :account AND unit = :unit AND bucket = :grants
    ), plan AS (
        SELECT MIN(:amount, MAX(0, :daily - day.taken)) AS of_day, grants.given - grants.taken AS spare, grants.given
        FROM day, grants
    )
    INSERT INTO ledger_entries (request_id, scope, account, bucket, unit, kind, amount, ceiling, at, actor)
    SELECT :request_id, :scope, :account, bucket, :unit, 'hold', part, ceiling, :at, :account
    FROM (
        SELECT :day AS bucket, of_day AS part, :daily AS ceiling FROM plan WHERE :amount - of_day <= spare
        UNION ALL
        SELECT :grants, :amount - of_day, given FROM plan WHERE :amount - of_day <= spare
    )
    WHERE part > 0
    RETURNING id
"""

_BALANCE = """
    SELECT
        COALESCE(SUM(CASE WHEN bucket = :day AND kind = 'settle' THEN amount ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN bucket = :day THEN
            CASE kind WHEN 'hold' THEN amount WHEN 'grant' THEN 0 ELSE -amount END ELSE 0 END), 0),
        COALESCE(SUM(CASE WHEN bucket = :grants THEN
            CASE kind WHEN 'grant' THEN amount WHEN 'release' THEN amount WHEN 'hold' THEN -amount ELSE 0 END
            ELSE 0 END), 0)
    FROM ledger_entries
    WHERE scope = :scope AND account = :account AND unit = :unit AND bucket IN (:day, :grants)
"""

# The parts of a request that are neither settled nor released, in the order they were taken: the day's before grants.
_OPEN = """
    SELECT scope, account, bucket, unit, SUM(CASE kind WHEN 'hold' THEN amount ELSE -amount END) AS open
    FROM ledger_entries WHERE request_id = ?
    GROUP BY scope, account, bucket, unit HAVING open > 0 ORDER BY MIN(id)
"""

# Each request: nothing closed without a hold, and once anything is closed, all of it is.
_UNBALANCED = """
    SELECT account, bucket, request_id, held, closed FROM (
        SELECT account, bucket, request_id,
            SUM(CASE WHEN kind = 'hold' THEN amount ELSE 0 END) AS held,
            SUM(CASE WHEN kind <> 'hold' THEN amount ELSE 0 END) AS closed,
            MAX(SUM(CASE WHEN kind <> 'hold' THEN amount ELSE 0 END)) OVER (PARTITION BY request_id) AS any_closed
        FROM ledger_entries WHERE request_id IS NOT NULL GROUP BY request_id, scope, account, bucket, unit
    ) WHERE held <> closed AND any_closed > 0 ORDER BY request_id
"""

# Each bucket at the moment of each hold: what was taken from it against what it could bear. Grants bear what had been
# given by then; a day bears the allowance written beside the hold.
_OVERSPENT = """
    SELECT account, bucket, request_id, taken, ceiling FROM (
        SELECT id, account, bucket, request_id, kind,
            SUM(CASE kind WHEN 'hold' THEN amount WHEN 'release' THEN -amount ELSE 0 END) OVER so_far AS taken,
            CASE bucket WHEN 'grants' THEN SUM(CASE kind WHEN 'grant' THEN amount ELSE 0 END) OVER so_far
                ELSE ceiling END AS ceiling
        FROM ledger_entries
        WINDOW so_far AS (PARTITION BY scope, account, unit, bucket ORDER BY id)
    ) WHERE kind = 'hold' AND taken > ceiling ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """`amount` pictures are held for the request; `status` is the member's allowance with them held."""

    amount: int
    status: QuotaStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An entry that should be impossible, in a sentence for the operator."""

    account: str
    bucket: str
    request_id: str | None
    sentence: str


class Ledger:
    """The ledger's rules. It keeps no state of its own; all of it is in the database handed to each method.

    Amounts are pictures, times are milliseconds since the epoch, an account is `Requester.account`.
    """

    def __init__(self, zone: tzinfo, installation_default: int) -> None:
        """`zone` decides when a day begins; `installation_default` is the daily allowance where none is set."""
        self.zone = zone
        self.installation_default = installation_default

    def hold(self, db: Database, *, request_id: str, requester: Requester, amount: int, now: int) -> Held | QuotaUsed:
        """Hold all of `amount`, or nothing and say what there is.

        Holding again for the same request changes nothing and answers as the first time, also when it has been
        settled or released since. Raises ValueError for an amount below 1 and for another member's request.
        """
        if amount < 1:
            raise ValueError("a hold is for one picture or more")
        before = db.execute(
            "SELECT account, SUM(amount) FROM ledger_entries WHERE request_id = ? AND kind = 'hold' GROUP BY account",
            [request_id],
        ).fetchone()
        if before is not None:
            if before[0] != requester.account:
                raise ValueError("this request is held for another member")
            return Held(amount=before[1], status=self.status(db, requester, now))
        parameters = self._parameters(requester.account, now) | {
            "request_id": request_id,
            "amount": amount,
            "daily": effective(self._applying(db, requester), self.installation_default).amount,
            "at": now,
        }
        written = db.execute(_HOLD, parameters).fetchall()
        status = self.status(db, requester, now)
        return Held(amount=amount, status=status) if written else QuotaUsed(asked=amount, status=status)

    def settle(self, db: Database, request_id: str, used: int, now: int) -> bool:
        """Count `used` of what is held as used, the day's first, and release the rest.

        True if this call closed the hold; False, and nothing changes, when there is none or it was closed before.
        Raises ValueError when `used` is negative or more than is held.
        """
        return self._close(db, request_id, used=used, now=now, reason="")

    def release(self, db: Database, request_id: str, now: int, reason: str) -> bool:
        """Give back all that is held; `reason` is a short word for the operator. True if this call did it."""
        return self._close(db, request_id, used=0, now=now, reason=reason)

    def status(self, db: Database, requester: Requester, now: int) -> QuotaStatus:
        """The member's allowance right now."""
        source = effective(self._applying(db, requester), self.installation_default)
        used, held, granted = db.execute(_BALANCE, self._parameters(requester.account, now)).fetchone()
        return QuotaStatus(
            daily=source.amount,
            used=used,
            held=held,
            granted=granted,
            resets_at=next_day(now, self.zone),
            source=source,
        )

    def grant(self, db: Database, account: str, amount: int, *, actor: str, reason: str, now: int) -> None:
        """Give a member `amount` pictures on top, once; they last until used. Raises ValueError below 1."""
        if amount < 1:
            raise ValueError("a grant is of one picture or more")
        db.execute(
            "INSERT INTO ledger_entries (scope, account, bucket, unit, kind, amount, at, actor, reason)"
            " VALUES (?, ?, ?, ?, 'grant', ?, ?, ?, ?)",
            [_MEMBER, account, _GRANTS, Unit.IMAGES.value, amount, now, actor, reason],
        )

    def set_allowance(
        self, db: Database, workspace: str, scope: Scope, subject: str, *, amount: int | None, actor: str, now: int
    ) -> int | None:
        """Set the pictures a day for a workspace's server, role or member, or take the setting back (None).

        Returns what was set before. Raises ValueError for the installation's own default, which is configuration, and
        for a negative amount.
        """
        if scope is Scope.INSTALLATION or (amount is not None and amount < 0):
            raise ValueError("not an allowance a workspace can set")
        key = [workspace, scope.value, subject, Unit.IMAGES.value, _DAY]
        where = "workspace = ? AND scope = ? AND subject = ? AND unit = ? AND period = ?"
        row = db.execute(f"SELECT amount FROM allowances WHERE {where}", key).fetchone()  # noqa: S608 - a constant
        if amount is None:
            db.execute(f"DELETE FROM allowances WHERE {where}", key)  # noqa: S608 - a constant
        else:
            db.execute(
                "INSERT INTO allowances (workspace, scope, subject, unit, period, amount, actor, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET amount = excluded.amount, actor = excluded.actor, at = excluded.at",
                [*key, amount, actor, now],
            )
        return None if row is None else int(row[0])

    def allowances(self, db: Database, workspace: str) -> tuple[Allowance, ...]:
        """What is set in a workspace: its own figure first, then roles, then members."""
        rows = db.execute(
            "SELECT scope, subject, amount FROM allowances WHERE workspace = ? AND unit = ? AND period = ?",
            [workspace, Unit.IMAGES.value, _DAY],
        ).fetchall()
        found = (Allowance(Scope(scope), subject, amount) for scope, subject, amount in rows)
        return tuple(sorted(found, key=lambda each: (list(Scope).index(each.scope), each.subject)))

    def open_holds(self, db: Database) -> Mapping[str, int]:
        """Requests with something neither settled nor released, and how much: what a sweeper compares with its own."""
        return dict(
            db.execute(
                "SELECT request_id, SUM(CASE kind WHEN 'hold' THEN amount ELSE -amount END) AS open"
                " FROM ledger_entries WHERE request_id IS NOT NULL GROUP BY request_id HAVING open > 0"
            ).fetchall()
        )

    def audit(self, db: Database) -> list[Violation]:
        """Everything in the ledger that breaks its promises; empty when it is sound.

        Held = settled + released for every request that is done and so, with what is still open, in sum; and no
        bucket held more than it could bear at the moment of any hold.
        """
        unbalanced = [
            Violation(
                account=account,
                bucket=bucket,
                request_id=request_id,
                sentence=f"Held {held}, but settled and released {closed}.",
            )
            for account, bucket, request_id, held, closed in db.execute(_UNBALANCED).fetchall()
        ]
        overspent = [
            Violation(
                account=account,
                bucket=bucket,
                request_id=request_id,
                sentence=f"With this hold {taken} were taken where {ceiling} were allowed.",
            )
            for account, bucket, request_id, taken, ceiling in db.execute(_OVERSPENT).fetchall()
        ]
        return unbalanced + overspent

    def _close(self, db: Database, request_id: str, *, used: int, now: int, reason: str) -> bool:
        parts = db.execute(_OPEN, [request_id]).fetchall()
        if not parts:
            return False
        if not 0 <= used <= sum(part[-1] for part in parts):
            raise ValueError("cannot settle more than is held")
        for scope, account, bucket, unit, held in parts:
            settled = min(used, held)
            used -= settled
            for kind, amount in (("settle", settled), ("release", held - settled)):
                if amount:
                    db.execute(
                        "INSERT INTO ledger_entries"
                        " (request_id, scope, account, bucket, unit, kind, amount, at, actor, reason)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        [request_id, scope, account, bucket, unit, kind, amount, now, _SYSTEM, reason],
                    )
        return True

    def _applying(self, db: Database, requester: Requester) -> list[Allowance]:
        """The workspace's allowances that apply to the member: the server's, their roles', their own."""
        rows = db.execute(
            "SELECT scope, subject, amount FROM allowances WHERE workspace = ? AND unit = ? AND period = ? AND ("
            " scope = 'server' OR (scope = 'member' AND subject = ?)"
            " OR (scope = 'role' AND subject IN (SELECT value FROM json_each(?))))",
            [requester.workspace, Unit.IMAGES.value, _DAY, requester.user_id, json.dumps(requester.role_ids)],
        ).fetchall()
        return [Allowance(Scope(scope), subject, amount) for scope, subject, amount in rows]

    def _parameters(self, account: str, now: int) -> dict[str, object]:
        return {
            "scope": _MEMBER,
            "account": account,
            "unit": Unit.IMAGES.value,
            "day": f"{_DAY}:{_local(now, self.zone).date().isoformat()}",
            "grants": _GRANTS,
        }


def next_day(now: int, zone: tzinfo) -> int:
    """When the day after `now` begins in `zone`, both in milliseconds since the epoch.

    Where the clock skips midnight the new day begins with the skip, which is what a missing local time resolves to.
    """
    tomorrow = _local(now, zone).date() + timedelta(days=1)
    return round(datetime(tomorrow.year, tomorrow.month, tomorrow.day, tzinfo=zone).timestamp() * 1000)


def _local(now: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(now / 1000, zone)
