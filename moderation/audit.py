"""The audit log: one row a decision, and none is ever changed.

Owns `audit` and how a verdict is written as JSON. It must not know rules, platforms or sentences. It never begins or
commits: the row is part of the transaction that makes the decision.

A row says who decided what about whom and when. It never holds a prompt: an accepted prompt is in its request, a held
or rejected one in its case, and both can be deleted without touching this log.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlite_utils import Database

from moderation.verdict import Action, Reason, Verdict

SYSTEM: Final = "tessera"
"""The actor of what no person decided."""


class AuditAction(StrEnum):
    """What was decided or done."""

    PROMPT_CHECKED = "prompt.checked"
    IMAGE_CHECKED = "image.checked"
    SANCTION_APPLIED = "sanction.applied"
    DELIVERED = "delivered"
    HELD = "held"
    WITHHELD = "withheld"
    FAILED = "failed"
    CANCELLED = "cancelled"
    QUOTA_SHORT = "quota.short"
    QUOTA_SET = "quota.set"
    QUOTA_GRANTED = "quota.granted"
    FILTER_ADDED = "filter.added"
    FILTER_REMOVED = "filter.removed"
    TIMED_OUT = "sanction.timeout"
    BANNED = "sanction.ban"
    LIFTED = "sanction.lift"
    CASE_READ = "case.read"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row. `actor` is an account or `SYSTEM`; `subject` an account, a role, a keyword: what it is about.

    `at` is milliseconds since the epoch. `detail` is small facts (`{"before": 40, "amount": 60}`), never a prompt.
    """

    at: int
    workspace: str
    actor: str
    action: AuditAction
    subject: str = ""
    request_id: str | None = None
    case: str | None = None
    verdict: Verdict | None = None
    detail: Mapping[str, str | int | None] = field(default_factory=dict)


def record(db: Database, entry: AuditEntry) -> None:
    """Add a row."""
    db.execute(
        "INSERT INTO audit (at, workspace, actor, action, subject, request_id, case_id, verdict, detail)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            entry.at,
            entry.workspace,
            entry.actor,
            entry.action.value,
            entry.subject,
            entry.request_id,
            entry.case,
            None if entry.verdict is None else verdict_to_json(entry.verdict),
            json.dumps(dict(entry.detail), ensure_ascii=False, sort_keys=True),
        ],
    )


def entries(
    db: Database, workspace: str, *, request_id: str | None = None, case: str | None = None, most: int = 100
) -> tuple[AuditEntry, ...]:
    """The workspace's newest rows, newest first; of one request or case where that is asked for."""
    rows = db.execute(
        "SELECT at, workspace, actor, action, subject, request_id, case_id, verdict, detail FROM audit"
        " WHERE workspace = :workspace AND (:request_id IS NULL OR request_id = :request_id)"
        " AND (:case_id IS NULL OR case_id = :case_id) ORDER BY id DESC LIMIT :most",
        {"workspace": workspace, "request_id": request_id, "case_id": case, "most": most},
    ).fetchall()
    return tuple(
        AuditEntry(
            at=row[0],
            workspace=row[1],
            actor=row[2],
            action=AuditAction(row[3]),
            subject=row[4],
            request_id=row[5],
            case=row[6],
            verdict=None if row[7] is None else verdict_from_json(row[7]),
            detail=json.loads(row[8]),
        )
        for row in rows
    )


def verdict_to_json(verdict: Verdict) -> str:
    """A verdict as it is stored: its action, for whoever reads the table, and every reason."""
    return json.dumps(
        {
            "action": verdict.action.name.lower(),
            "reasons": [
                {
                    "action": reason.action.name.lower(),
                    "detector": reason.detector,
                    "category": reason.category,
                    "detail": reason.detail,
                    "score": reason.score,
                }
                for reason in verdict.reasons
            ],
        },
        ensure_ascii=False,
        allow_nan=False,
    )


def verdict_from_json(stored: str) -> Verdict:
    """The verdict that was stored. Raises ValueError, KeyError or TypeError when it is none."""
    return Verdict.of(
        Reason(
            action=Action[reason["action"].upper()],
            detector=reason["detector"],
            category=reason["category"],
            detail=reason["detail"],
            score=reason["score"],
        )
        for reason in json.loads(stored)["reasons"]
    )
