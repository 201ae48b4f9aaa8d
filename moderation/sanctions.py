"""Who may not ask for pictures, until when and why.

Owns `sanctions`. It must not know platforms, quotas or sentences. It never begins or commits.

A member of a workspace is under one sanction at most. A new one takes the place of the old, but for a timeout on a
banned member, which would shorten the ban: `impose` answers with the ban instead, for the moderator to lift first.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlite_utils import Database

from moderation.audit import SYSTEM
from moderation.cases import CaseKind, open_case


class SanctionKind(StrEnum):
    """How long it lasts: for a time, or until a moderator lifts it."""

    TIMEOUT = "timeout"
    BAN = "ban"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sanction:
    """A sanction in force. `until` and `at` are milliseconds since the epoch; a ban has no `until`."""

    kind: SanctionKind
    account: str
    until: int | None
    reason: str
    moderator: str
    case: str
    at: int


def active(db: Database, workspace: str, account: str, now: int) -> Sanction | None:
    """What keeps this member from asking right now, if anything does."""
    row = db.execute(
        "SELECT kind, account, until, reason, moderator, case_id, at FROM sanctions"
        " WHERE workspace = ? AND account = ? AND lifted_at IS NULL AND (until IS NULL OR until > ?)",
        [workspace, account, now],
    ).fetchone()
    return None if row is None else _sanction(row)


def impose(
    db: Database, workspace: str, account: str, *, until: int | None, reason: str, moderator: str, now: int
) -> Sanction:
    """Time a member out `until` then, or ban them (None), and open a case; return what is in force.

    That is the new sanction, but for a timeout on a banned member: then nothing changes and it is the ban.
    Raises ValueError for a timeout that is over already.
    """
    if until is not None and until <= now:
        raise ValueError("a timeout ends in the future")
    present = active(db, workspace, account, now)
    if present is not None and present.kind is SanctionKind.BAN and until is not None:
        return present
    _close(db, workspace, account, moderator=moderator, now=now)
    row = db.execute(
        "INSERT INTO sanctions (workspace, account, kind, until, reason, moderator, case_id, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING kind, account, until, reason, moderator, case_id, at",
        [
            workspace,
            account,
            SanctionKind.BAN.value if until is None else SanctionKind.TIMEOUT.value,
            until,
            reason,
            moderator,
            open_case(db, CaseKind.SANCTION, workspace=workspace, account=account, now=now),
            now,
        ],
    ).fetchone()
    return _sanction(row)


def lift(db: Database, workspace: str, account: str, *, moderator: str, now: int) -> Sanction | None:
    """End what is in force and return it as it was; None when nothing was."""
    present = active(db, workspace, account, now)
    if present is not None:
        _close(db, workspace, account, moderator=moderator, now=now)
    return present


def _close(db: Database, workspace: str, account: str, *, moderator: str, now: int) -> None:
    """End what is not lifted; a timeout that ran out by itself was ended by nobody, when it ran out."""
    db.execute(
        "UPDATE sanctions SET lifted_at = MIN(:now, COALESCE(until, :now)),"
        " lifted_by = CASE WHEN until <= :now THEN :nobody ELSE :moderator END"
        " WHERE workspace = :workspace AND account = :account AND lifted_at IS NULL",
        {"now": now, "nobody": SYSTEM, "moderator": moderator, "workspace": workspace, "account": account},
    )


def _sanction(row: tuple[str, str, int | None, str, str, str, int]) -> Sanction:
    kind, account, until, reason, moderator, case, at = row
    return Sanction(
        kind=SanctionKind(kind), account=account, until=until, reason=reason, moderator=moderator, case=case, at=at
    )
