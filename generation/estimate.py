"""How long it takes: measured seconds a picture for each model and size, and a request's place in its line.

Owns the `speeds` table and `Place`. Functions are synchronous and run inside the caller's transaction or read. It
knows neither Redis nor sentences.
"""

from dataclasses import dataclass

from sqlite_utils import Database

from generation import journal
from generation.catalogue import Catalogue
from generation.journal import Entry, State

_WEIGHT = 0.3
"""How much the newest measurement counts: enough to follow a new GPU within a few pictures."""


_SPEEDS = "SELECT model, sum(seconds * samples) / sum(samples) FROM speeds GROUP BY model"
_WAITING = "SELECT pool, model, sum(images) FROM requests WHERE state = 'queued' GROUP BY pool, model"


@dataclass(frozen=True, slots=True)
class Place:
    """`position` 1 is next (or being worked on); `seconds` until the pictures are expected, `own` to draw them."""

    position: int
    seconds: float
    own: float = 1.0


def learn(db: Database, entry: Entry) -> None:
    """Take a produced request's measured time into account."""
    if entry.outcome is None or not entry.outcome.images:
        return
    params, seconds = entry.request.params, entry.outcome.seconds / len(entry.outcome.images)
    db.execute(
        """INSERT INTO speeds (model, width, height, seconds, samples) VALUES (?, ?, ?, ?, 1)
           ON CONFLICT (model, width, height) DO UPDATE
           SET seconds = seconds + ? * (excluded.seconds - seconds), samples = samples + 1""",
        (entry.request.model, params.width, params.height, seconds, _WEIGHT),
    )


def expected_seconds(db: Database, entry: Entry, catalogue: Catalogue) -> float:
    """How long a worker will be busy with this request."""
    params = entry.request.params
    row = db.execute(
        "SELECT seconds FROM speeds WHERE model = ? AND width = ? AND height = ?",
        (entry.request.model, params.width, params.height),
    ).fetchone()
    known = catalogue.entries.get(entry.request.model)
    single = row[0] if row else known.typical_seconds if known else 20.0
    return float(single) * params.num_images


def speeds(db: Database) -> dict[str, float]:
    """Measured seconds a picture by model, over the sizes that were drawn."""
    return {model: float(seconds) for model, seconds in db.execute(_SPEEDS).fetchall()}


def lines(db: Database, catalogue: Catalogue) -> dict[str, float]:
    """Seconds of work that wait in each pool, by measured speeds: roughly when a new request would be begun."""
    measured, waiting = speeds(db), dict[str, float]()
    for pool, model, images in db.execute(_WAITING).fetchall():
        known = catalogue.entries.get(model)
        each = measured.get(model) or (known.typical_seconds if known else 20.0)
        waiting[pool] = waiting.get(pool, 0.0) + each * images
    return waiting


def places(db: Database, catalogue: Catalogue, hands: dict[str, int]) -> dict[str, Place]:
    """The place of every waiting or running request; `hands` says how many jobs each pool works on at once."""
    result: dict[str, Place] = {}
    ahead: dict[str, list[float]] = {}
    for entry in journal.in_state(db, State.QUEUED):
        pool = entry.request.pool
        line = ahead.setdefault(pool, [])
        own = expected_seconds(db, entry, catalogue)
        wait = sum(line) / max(1, hands.get(pool, 1))
        line.append(own)
        result[entry.request.id] = Place(len(line), wait + own, own)
    return result
