"""A model that fails and another that goes on: in the journal, once, and never round a refusal."""

from pathlib import Path
from typing import Any

import pytest

from generation import journal
from generation.artifacts import ArtifactStore
from generation.catalogue import Catalogue, load_entries
from generation.database import Database
from generation.failover import Consent
from generation.jobs import FrontLine, connect
from generation.journal import Entry, State
from generation.outcomes import Intake, RetryRule
from generation.result import Failure, FailureKind, Outcome, OutcomeKind
from generation.router import Router, RouteRules
from generation.routing import Health
from tests.conftest import Clock
from tests.making import NOW, PARAMS, outcome, request


class Half:
    """An intake with a closed model and a local one, over a real file."""

    def __init__(self, database: Database, clock: Clock, folder: Path, rules: RouteRules, attempts: int = 1) -> None:
        self.database, self.woken = database, list[str]()
        self.router = Router(Catalogue(load_entries(), ["gpt-image-2", "sdxl"]), rules, clock)
        self.intake = Intake(
            database=database,
            store=ArtifactStore(folder.as_uri()),
            line=FrontLine(connect("unix:///nowhere")),  # nothing is said to workers here
            retry=RetryRule(attempts=attempts, first_pause_s=5),
            router=self.router,
            now=clock,
            wake_relay=lambda: self.woken.append("relay"),
            wake_delivery=lambda: self.woken.append("delivery"),
        )

    async def accept(self, model: str, **changes: Any) -> None:
        accepted = request(model=model, pool="api" if model == "gpt-image-2" else "gpt", **changes)
        await self.database.write(lambda db: journal.insert(db, accepted, score=NOW))

    async def fails(self, kind: FailureKind = FailureKind.OUTAGE, attempt: int = 1) -> Entry:
        failure = Failure(kind=kind, detail="it is away")
        await self.intake.record(
            outcome(attempt=attempt, kind=OutcomeKind.FAILED, images=(), failure=failure, made_by=None)
        )
        return await self.entry()

    async def entry(self) -> Entry:
        entry = await self.database.read(lambda db: journal.get(db, "discord-1"))
        assert entry is not None
        return entry


@pytest.fixture
def half(database: Database, clock: Clock, tmp_path: Path) -> Half:
    clock.now = NOW
    return Half(database, clock, tmp_path, RouteRules())


async def test_a_local_model_goes_on_for_a_closed_one_and_the_request_says_so(half: Half) -> None:
    await half.accept("gpt-image-2", params=PARAMS)

    entry = await half.fails()

    assert (entry.state, entry.attempt) == (State.QUEUED, 2)
    assert (entry.request.model, entry.request.pool, entry.request.instead_of) == ("sdxl", "gpu", "GPT Image 2")
    assert entry.request.seen_by == ("OpenAI",)
    # Its own size, steps and guidance; the member's seed.
    assert (entry.request.params.width, entry.request.params.num_inference_steps) == (1024, 30)
    assert entry.request.params.seed == PARAMS.seed
    assert half.woken == ["relay"]
    waiting = await half.database.read(lambda db: [e.request.model for e in journal.outbox(db, NOW + 1000)])
    assert waiting == ["sdxl"]


async def test_the_same_word_twice_moves_it_once(half: Half) -> None:
    await half.accept("gpt-image-2")

    await half.fails()
    again = await half.fails()

    assert (again.attempt, again.request.model) == (2, "sdxl")


async def test_nobody_new_sees_the_prompt_without_consent(half: Half) -> None:
    await half.accept("sdxl")

    entry = await half.fails()

    assert (entry.state, entry.ending, entry.request.model) == (State.TELLING, State.FAILED, "sdxl")


async def test_a_standing_consent_lets_it_go_out(database: Database, clock: Clock, tmp_path: Path) -> None:
    clock.now = NOW
    half = Half(database, clock, tmp_path, RouteRules(consent=Consent(others_may_see=True, dearer=True)))
    await half.accept("sdxl")

    assert (await half.fails()).request.model == "gpt-image-2"


@pytest.mark.parametrize("kind", [FailureKind.OWNER_REFUSED, FailureKind.TIMEOUT, FailureKind.UNSUPPORTED])
async def test_a_refusal_or_what_may_have_been_paid_for_goes_nowhere_else(half: Half, kind: FailureKind) -> None:
    await half.accept("gpt-image-2")

    entry = await half.fails(kind)

    assert (entry.state, entry.request.model) == (State.TELLING, "gpt-image-2")


async def test_it_never_goes_in_circles(database: Database, clock: Clock, tmp_path: Path) -> None:
    clock.now = NOW
    half = Half(database, clock, tmp_path, RouteRules(consent=Consent(others_may_see=True, dearer=True)))
    await half.accept("gpt-image-2")

    await half.fails()
    entry = await half.fails(attempt=2)

    assert (entry.state, entry.request.model) == (State.TELLING, "sdxl")


async def test_the_same_model_is_tried_again_first_unless_it_is_known_to_fail(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    clock.now = NOW
    half = Half(database, clock, tmp_path, RouteRules(), attempts=3)
    await half.accept("gpt-image-2")

    first = await half.fails()
    assert (first.attempt, first.request.model) == (2, "gpt-image-2")
    half.router.heard("gpt-image-2", _lost())
    second = await half.fails(attempt=2)

    assert half.router.health("gpt-image-2") is Health.FAILING
    assert (second.attempt, second.request.model) == (3, "sdxl")


async def test_a_picture_closes_the_breaker(half: Half) -> None:
    for _ in range(3):
        half.router.heard("gpt-image-2", _lost())
    assert half.router.health("gpt-image-2") is Health.FAILING

    half.router.heard("gpt-image-2", outcome())

    assert half.router.health("gpt-image-2") is Health.WELL


async def test_who_cancels_says_nothing_of_the_model(half: Half) -> None:
    for _ in range(3):
        half.router.heard("gpt-image-2", _lost())

    half.router.heard("gpt-image-2", outcome(kind=OutcomeKind.CANCELLED, images=(), made_by=None))

    assert half.router.health("gpt-image-2") is Health.FAILING


def _lost() -> Outcome:
    return outcome(kind=OutcomeKind.FAILED, images=(), failure=Failure(kind=FailureKind.OUTAGE), made_by=None)
