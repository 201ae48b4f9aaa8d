"""Routing: how long a choice among a hundred models takes, and what a member notices of one that fails every time.

The second half runs the front's own router over real SQLite files: a named model fails at each call, its breaker opens,
and each further request is accepted with another. `failover_added_ms` is how much longer accepting then takes than with
all models well, in the same run; `visible_failures` counts requests that ended without a model to make them.
"""

import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.artifacts import ArtifactStore
from generation.catalogue import Catalogue, load_entries
from generation.database import Database, open_sqlite
from generation.jobs import FrontLine, connect
from generation.ledger import Ledger
from generation.outcomes import Intake, RetryRule
from generation.refusals import Accepted
from generation.result import Failure, FailureKind, OutcomeKind
from generation.router import Router, RouteRules
from generation.routing import Needs, RoutePolicy, RouteState, route
from generation.submit import Limits, Submitter
from migrations import apply_all
from moderation.rule_store import RuleStore
from tests.bench.figures import Figure, percentile
from tests.making import ask, outcome

ENTRIES = 100
ROUNDS = 3000
REQUESTS = 150
FAILING, WELL = "gpt-image-2", "sdxl"


async def measure() -> list[Figure]:
    spent = _routing()
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        added, visible, medians = await _failing(Path(folder))
    return [
        Figure("routing", "route_p99_ms", percentile(spent, 0.99), "ms", limit=1.0, more={"entries": ENTRIES}),
        Figure("routing", "failover_added_ms", added, "ms", limit=50.0, more=medians),
        Figure("routing", "visible_failures", visible, "requests", limit=0.0, more={"requests": REQUESTS}),
    ]


def _routing() -> list[float]:
    """Milliseconds of each choice, over all kinds of needs."""
    known = [entry for entry in load_entries() if entry.may_serve]
    models = [known[n % len(known)].model_copy(update={"id": f"m{n}"}) for n in range(ENTRIES)]
    state = RouteState(today=dt.date(2026, 11, 27))
    needs = [Needs(), Needs(legible_text=True), Needs(size="portrait", count=2), Needs(private=True, seed=True)]
    policy = RoutePolicy(highest_price=100_000)
    spent = []
    for number in range(ROUNDS):
        begun = time.perf_counter()
        route(needs[number % len(needs)], models, policy, state)
        spent.append((time.perf_counter() - begun) * 1000)
    return spent


async def _failing(folder: Path) -> tuple[float, float, dict[str, object]]:
    path = folder / "tessera.db"
    db = open_sqlite(path)
    apply_all(db)
    db.close()
    database = Database(path)
    line = FrontLine(connect("unix:///nowhere"))  # never spoken to: nothing is relayed here
    try:
        return await _both(database, line, folder)
    finally:
        await line.aclose()
        database.close()


async def _both(database: Database, line: FrontLine, folder: Path) -> tuple[float, float, dict[str, object]]:
    catalogue = Catalogue(load_entries(), [FAILING, WELL])
    router = Router(catalogue, RouteRules(), _now)
    submitter = Submitter(
        database=database,
        catalogue=catalogue,
        router=router,
        ledger=Ledger(dt.UTC, 10_000),
        rules=RuleStore(),
        limits=Limits(longest_prompt=2000, under_way=10_000),
        now=_now,
        wake_relay=lambda: None,
    )
    intake = Intake(
        database=database,
        store=ArtifactStore((folder / "artifacts").as_uri()),
        line=line,
        retry=RetryRule(attempts=1, first_pause_s=1),
        router=router,
        now=_now,
        wake_relay=lambda: None,
        wake_delivery=lambda: None,
    )

    async def submit(number: int) -> str:
        answer = await submitter.submit(replace(ask(), id=f"bench-{number}", model=FAILING, created_at=_now()))
        return answer.request.model if isinstance(answer, Accepted) else ""

    async def fail(number: int) -> None:
        failure = Failure(kind=FailureKind.OUTAGE, detail="it is away")
        await intake.record(
            outcome(f"bench-{number}", kind=OutcomeKind.FAILED, images=(), failure=failure, made_by=None)
        )

    before = [(await _timed(submit, number))[0] for number in range(REQUESTS)]
    for number in range(3):
        await fail(number)
    timed = [await _timed(submit, number) for number in range(REQUESTS, 2 * REQUESTS)]
    visible = sum(model != WELL for _, model in timed) + await database.read(_ended_without)
    well, failing = statistics.median(before), statistics.median([spent for spent, _ in timed])
    return failing - well, float(visible), {"well_ms": round(well, 3), "failing_ms": round(failing, 3)}


def _ended_without(db: SqliteDatabase) -> int:
    return len(journal.in_state(db, journal.State.TELLING))


async def _timed(work: Callable[[int], Awaitable[str]], number: int) -> tuple[float, str]:
    begun = time.perf_counter()
    result = await work(number)
    return (time.perf_counter() - begun) * 1000, result


def _now() -> int:
    return time.time_ns() // 1_000_000
