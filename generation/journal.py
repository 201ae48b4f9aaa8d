"""The life of a request in SQLite: its one row, its states, its timeline, its verdicts.

Owns the tables of `migrations/generation.py` but for `speeds`, and every move between states. Each move is a
compare-and-set: it says whether it happened, so a second attempt at the same move changes nothing. It must not know
Redis, platforms or sentences. All functions are synchronous and run inside the caller's transaction.

    queued ──outcome──▶ telling ──told──▶ delivered | withheld | failed | cancelled      (terminal)
       ▲ └──cancel──────▲   │                                                   ▲
       └───try again────────┘ └──told──▶ held ──expired──▶ telling ─────────────┘

`ending` is the state that `telling` becomes once the member was told.
"""

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from generation import codec
from generation.request import GenerationRequest
from generation.result import Outcome, ProducedImage, TimelineEvent

LEFT = "left"
"""The timeline's word for going on with another model; its detail is the id of the one that failed."""


class State(enum.StrEnum):
    """Where a request is."""

    QUEUED = "queued"
    TELLING = "telling"
    HELD = "held"
    DELIVERED = "delivered"
    WITHHELD = "withheld"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A request as the journal has it."""

    request: GenerationRequest
    state: State
    ending: State | None
    attempt: int
    score: int
    outcome: Outcome | None
    created_at: int
    changed_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A message that should be tried now: the entry, which attempt this is, and what earlier ones noted."""

    entry: Entry
    attempt: int
    marks: Mapping[str, str]


def insert(db: Database, request: GenerationRequest, *, score: int) -> None:
    """Write a newly accepted request and its outbox row."""
    db.execute(
        """INSERT INTO requests (id, account, workspace, platform, model, pool, images, request, state, score,
                                 created_at, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'queued', ?, ?, ?)""",
        (
            request.id,
            request.requester.account,
            request.requester.workspace,
            request.requester.platform,
            request.model,
            request.pool,
            request.params.num_images,
            codec.to_json(request),
            score,
            request.created_at,
            request.created_at,
        ),
    )
    db.execute(
        "INSERT INTO outbox (request_id, attempt, not_before) VALUES (?, 1, ?)", (request.id, request.created_at)
    )
    note(db, request.id, "submitted", request.created_at)


def get(db: Database, request_id: str) -> Entry | None:
    """The request with this id, if there is one."""
    return next(iter(_entries(db, "id = ?", (request_id,))), None)


def in_state(db: Database, *states: State) -> list[Entry]:
    """All requests in these states, in the order of their turn."""
    marks = ", ".join("?" * len(states))
    return _entries(db, f"state IN ({marks}) ORDER BY score, id", states)


def under_way(db: Database, account: str) -> int:
    """How many of an account's requests wait or run."""
    row = db.execute("SELECT count(*) FROM requests WHERE account = ? AND state = 'queued'", (account,)).fetchone()
    return int(row[0])


def attach(db: Database, request_id: str, placeholder_id: str) -> None:
    """Remember which message is the request's placeholder."""
    db.execute(
        "UPDATE requests SET request = json_set(request, '$.reply_to.placeholder_id', ?) WHERE id = ?",
        (placeholder_id, request_id),
    )


def note(db: Database, request_id: str, name: str, at: int, detail: str = "") -> None:
    """Add a line to the request's timeline."""
    db.execute(
        "INSERT INTO timeline (request_id, name, at, detail) VALUES (?, ?, ?, ?)", (request_id, name, at, detail)
    )


def timeline(db: Database, request_id: str) -> tuple[TimelineEvent, ...]:
    """All that happened to a request, in order of time."""
    rows = db.execute("SELECT name, at, detail FROM timeline WHERE request_id = ? ORDER BY at, id", (request_id,))
    return tuple(TimelineEvent(name=name, at=at, detail=detail) for name, at, detail in rows.fetchall())


def decide(db: Database, request_id: str, *, attempt: int, ending: State, outcome: Outcome | None, now: int) -> bool:
    """Move a queued request to `telling`, with how it will end; False if it was not queued in this attempt."""
    moved = db.execute(
        """UPDATE requests SET state = 'telling', ending = ?, outcome = ?, changed_at = ?
           WHERE id = ? AND state = 'queued' AND attempt = ? RETURNING id""",
        (ending, codec.to_json(outcome) if outcome else None, now, request_id, attempt),
    ).fetchall()
    if not moved:
        return False
    db.execute("DELETE FROM outbox WHERE request_id = ?", (request_id,))
    db.execute("INSERT INTO deliveries (request_id, ending) VALUES (?, ?)", (request_id, ending))
    for event in outcome.timeline if outcome else ():
        note(db, request_id, event.name, event.at, event.detail)
    for image in outcome.images if outcome else ():
        _store_verdict(db, request_id, image, now)
    return True


def try_again(db: Database, request_id: str, *, attempt: int, not_before: int, now: int) -> bool:
    """Send a queued request to a worker anew, as attempt + 1; False if it was not queued in this attempt."""
    moved = db.execute(
        """UPDATE requests SET attempt = attempt + 1, changed_at = ?
           WHERE id = ? AND state = 'queued' AND attempt = ? RETURNING id""",
        (now, request_id, attempt),
    ).fetchall()
    if moved:
        put_in_outbox(db, request_id, attempt + 1, not_before)
    return bool(moved)


def go_on(db: Database, request: GenerationRequest, *, attempt: int, left: str, not_before: int, now: int) -> bool:
    """Send a queued request to another model, as attempt + 1; False if it was not queued in this attempt.

    `request` is as that model gets it, `left` the id of the one that failed.
    """
    moved = db.execute(
        """UPDATE requests SET attempt = attempt + 1, model = ?, pool = ?, request = ?, changed_at = ?
           WHERE id = ? AND state = 'queued' AND attempt = ? RETURNING id""",
        (request.model, request.pool, codec.to_json(request), now, request.id, attempt),
    ).fetchall()
    if moved:
        note(db, request.id, LEFT, now, left)
        put_in_outbox(db, request.id, attempt + 1, not_before)
    return bool(moved)


def put_in_outbox(db: Database, request_id: str, attempt: int, not_before: int) -> None:
    """Have the request said to Redis (again); once it is in the outbox, saying so again changes nothing."""
    db.execute(
        """INSERT INTO outbox (request_id, attempt, not_before) SELECT id, ?, ? FROM requests
           WHERE id = ? AND state = 'queued'
           ON CONFLICT (request_id) DO UPDATE SET attempt = excluded.attempt, not_before = excluded.not_before""",
        (attempt, not_before, request_id),
    )


def outbox(db: Database, now: int) -> list[Entry]:
    """The requests whose outbox row is due, in the order of their turn."""
    condition = "id IN (SELECT request_id FROM outbox WHERE not_before <= ?) AND state = 'queued' ORDER BY score, id"
    return _entries(db, condition, (now,))


def in_outbox(db: Database) -> set[str]:
    """The ids of all requests with an outbox row, due or not."""
    return {row[0] for row in db.execute("SELECT request_id FROM outbox").fetchall()}


def sent(db: Database, request_id: str, attempt: int, now: int) -> None:
    """Strike the outbox row of this attempt: Redis has the job."""
    gone = db.execute(
        "DELETE FROM outbox WHERE request_id = ? AND attempt = ? RETURNING request_id", (request_id, attempt)
    ).fetchall()
    if gone:
        note(db, request_id, "queued", now)


def due(db: Database, now: int) -> list[Due]:
    """The messages to try now, oldest first."""
    rows = db.execute(
        """SELECT d.request_id, d.attempt, d.marks FROM deliveries d JOIN requests r
           ON r.id = d.request_id AND r.state = 'telling' AND r.ending = d.ending
           WHERE d.not_before <= ? ORDER BY r.changed_at, r.id""",
        (now,),
    ).fetchall()
    entries = {entry.request.id: entry for entry in in_state(db, State.TELLING)}
    return [
        Due(entry=entries[request_id], attempt=attempt + 1, marks=json.loads(marks))
        for request_id, attempt, marks in rows
    ]


def begin_telling(db: Database, request_id: str, ending: State) -> None:
    """Count an attempt before it is made, so that one cut short is known to have begun."""
    db.execute("UPDATE deliveries SET attempt = attempt + 1 WHERE request_id = ? AND ending = ?", (request_id, ending))


def mark(db: Database, request_id: str, ending: State, marks: Mapping[str, str]) -> None:
    """Keep what a messenger noted about an attempt."""
    db.execute(
        "UPDATE deliveries SET marks = json_patch(marks, ?) WHERE request_id = ? AND ending = ?",
        (json.dumps(dict(marks)), request_id, ending),
    )


def postpone(db: Database, request_id: str, ending: State, not_before: int) -> None:
    """Try the message again later."""
    db.execute(
        "UPDATE deliveries SET not_before = ? WHERE request_id = ? AND ending = ?", (not_before, request_id, ending)
    )


def told(db: Database, request_id: str, *, ending: State, message_id: str | None, now: int, hold_ms: int) -> bool:
    """Move a request from `telling` to its ending; False if it was not telling of that ending."""
    moved = db.execute(
        """UPDATE requests SET state = ending, changed_at = ?, held_until = CASE WHEN ending = 'held' THEN ? END
           WHERE id = ? AND state = 'telling' AND ending = ? RETURNING id""",
        (now, now + hold_ms, request_id, ending),
    ).fetchall()
    if moved:
        db.execute(
            "UPDATE deliveries SET message_id = ? WHERE request_id = ? AND ending = ?", (message_id, request_id, ending)
        )
        note(db, request_id, ending.value, now)
    if moved and ending is not State.HELD:
        # The interaction token is a secret, and nobody needs it any more.
        db.execute("UPDATE requests SET request = json_remove(request, '$.reply_to.token') WHERE id = ?", (request_id,))
    return bool(moved)


def redirect(db: Database, request_id: str, *, old: State, new: State, now: int) -> bool:
    """Change how a request that is being told of will end (its pictures may not be shown after all)."""
    moved = db.execute(
        """UPDATE requests SET ending = ?, changed_at = ? WHERE id = ? AND state = 'telling' AND ending = ?
           RETURNING id""",
        (new, now, request_id, old),
    ).fetchall()
    if moved:
        db.execute("INSERT OR IGNORE INTO deliveries (request_id, ending) VALUES (?, ?)", (request_id, new))
    return bool(moved)


def expire_held(db: Database, now: int) -> list[str]:
    """Move held requests whose time is over to `telling` of `withheld`; return their ids."""
    rows = db.execute(
        """UPDATE requests SET state = 'telling', ending = 'withheld', changed_at = ?
           WHERE state = 'held' AND held_until <= ? RETURNING id""",
        (now, now),
    ).fetchall()
    for (request_id,) in rows:
        db.execute("INSERT OR IGNORE INTO deliveries (request_id, ending) VALUES (?, 'withheld')", (request_id,))
    return [row[0] for row in rows]


def passing(db: Database, request_id: str, sha256: str) -> bool:
    """Whether a passing verdict is stored for exactly these bytes."""
    row = db.execute(
        "SELECT action FROM image_verdicts WHERE request_id = ? AND sha256 = ?", (request_id, sha256)
    ).fetchone()
    return row is not None and row[0] in {"allow", "blur"}


def _store_verdict(db: Database, request_id: str, image: ProducedImage, now: int) -> None:
    reasons = json.dumps([codec.encode(reason) for reason in image.verdict.reasons])
    # A verdict without a reason means nobody looked; it is stored as a hold and can never pass.
    action = image.verdict.action.name.lower() if image.verdict.reasons else "hold"
    db.execute(
        "INSERT OR IGNORE INTO image_verdicts (request_id, sha256, action, reasons, at) VALUES (?, ?, ?, ?, ?)",
        (request_id, image.sha256, action, reasons, now),
    )


def _entries(db: Database, condition: str, values: Iterable[Any]) -> list[Entry]:
    # `condition` is always one of this module's own constants.
    rows = db.execute(
        "SELECT request, state, ending, attempt, score, outcome, created_at, changed_at FROM requests "  # noqa: S608
        f"WHERE {condition}",
        tuple(values),
    ).fetchall()
    return [
        Entry(
            request=codec.from_json(GenerationRequest, request),
            state=State(state),
            ending=State(ending) if ending else None,
            attempt=attempt,
            score=score,
            outcome=codec.from_json(Outcome, outcome) if outcome else None,
            created_at=created_at,
            changed_at=changed_at,
        )
        for request, state, ending, attempt, score, outcome, created_at, changed_at in rows
    ]
