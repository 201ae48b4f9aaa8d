"""Outbox, intake and sweeper together, with a real Redis that is wiped and killed: nothing is lost, nothing twice."""

import asyncio
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from sqlite_utils import Database as SqliteDatabase

from generation import journal
from generation.artifacts import ArtifactStore
from generation.catalogue import Catalogue, load_entries
from generation.database import Database
from generation.jobs import LINE_ERRORS, FrontLine, WorkerLine, connect
from generation.journal import State
from generation.outbox import Relay
from generation.outcomes import Intake, RetryRule, ending_of
from generation.result import Failure, FailureKind, OutcomeKind
from generation.router import Router, RouteRules
from generation.sweeper import Patience, Sweeper
from moderation.verdict import Action, Verdict
from tests.conftest import Clock, RedisServer
from tests.making import NOW, image, outcome, request


@dataclass
class Half:
    """The front's half that keeps requests alive, with a hand on its clock."""

    database: Database
    store: ArtifactStore
    line: FrontLine
    clock: Clock
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.relay = Relay(self.database, self.line, self.clock)
        self.intake = Intake(
            database=self.database,
            store=self.store,
            line=self.line,
            retry=RetryRule(attempts=3, first_pause_s=5),
            router=Router(Catalogue(load_entries(), ["starter"]), RouteRules(), self.clock),
            now=self.clock,
            wake_relay=lambda: self.woken.append("relay"),
            wake_delivery=lambda: self.woken.append("delivery"),
        )
        self.sweeper = Sweeper(
            database=self.database,
            line=self.line,
            intake=self.intake,
            patience=Patience(every_s=1, lost_after_s=8, unserved_s=3600),
            now=self.clock,
            wake_relay=lambda: self.woken.append("relay"),
            wake_delivery=lambda: self.woken.append("delivery"),
        )

    async def accept(self, *request_ids: str) -> None:
        def insert(db: SqliteDatabase) -> None:
            for place, request_id in enumerate(request_ids):
                journal.insert(db, request(request_id), score=NOW + place)

        await self.database.write(insert)

    async def state(self, request_id: str) -> State | None:
        entry = await self.database.read(lambda db: journal.get(db, request_id))
        return entry.state if entry else None


@pytest.fixture
async def half(database: Database, own_redis: RedisServer, tmp_path: Path, clock: Clock) -> AsyncIterator[Half]:
    clock.now = NOW
    line = FrontLine(connect(own_redis.url))
    yield Half(database, ArtifactStore((tmp_path / "artifacts").as_uri()), line, clock)
    await line.aclose()


async def test_a_request_accepted_while_redis_is_down_is_sent_when_it_is_back(
    half: Half, own_redis: RedisServer
) -> None:
    own_redis.kill()
    await half.accept("a", "b")
    with pytest.raises(LINE_ERRORS):
        await half.relay.send_due()
    own_redis.start()

    running = asyncio.ensure_future(half.relay.run())
    half.relay.wake()
    while await half.line.line_up("gpu") != ("a", "b"):
        await asyncio.sleep(0.01)
    running.cancel()

    assert await half.relay.send_due() == 0


async def test_a_wiped_redis_gets_everything_back_in_the_same_order(half: Half, own_redis: RedisServer) -> None:
    await half.accept("a", "b", "c")
    await half.relay.send_due()
    own_redis.kill()
    own_redis.start()

    await half.sweeper.sweep()
    assert await half.relay.send_due() == 0, "a job seen missing once may only be on its way"
    half.clock.advance(9)
    await half.sweeper.sweep()

    assert await half.relay.send_due() == 3
    assert await half.line.line_up("gpu") == ("a", "b", "c")


async def test_an_outcome_nobody_announced_is_found_in_the_store(half: Half, own_redis: RedisServer) -> None:
    await half.accept("a")
    await half.relay.send_due()
    half.store.put_outcome(outcome("a"))
    own_redis.kill()

    await half.sweeper.sweep()

    assert await half.state("a") is State.TELLING
    assert half.woken == ["delivery"]


async def test_an_announced_outcome_is_taken_once(half: Half, own_redis: RedisServer) -> None:
    await half.accept("a")
    await half.relay.send_due()
    half.store.put_outcome(outcome("a"))
    worker = connect(own_redis.url)
    for _ in range(2):
        await WorkerLine(worker).announce(outcome("a"))
    await worker.aclose()
    await worker.connection_pool.disconnect()

    running = asyncio.ensure_future(half.intake.run())
    while await half.state("a") is not State.TELLING:
        await asyncio.sleep(0.01)
    running.cancel()

    assert not await half.intake.take("a", 1)
    names = [event.name for event in await half.database.read(lambda db: journal.timeline(db, "a"))]
    assert names.count("started") == 1


async def test_an_outage_is_tried_again_with_patience_and_then_ends(half: Half) -> None:
    await half.accept("a")
    down = Failure(kind=FailureKind.OUTAGE, detail="no answer", retry_after_s=20)
    for attempt, pause in ((1, 20), (2, 20)):
        failed = outcome("a", attempt=attempt, kind=OutcomeKind.FAILED, images=(), failure=down)
        assert await half.intake.record(failed)
        assert await half.relay.send_due() == 0
        half.clock.advance(pause)
        assert await half.relay.send_due() == 1

    assert await half.intake.record(outcome("a", attempt=3, kind=OutcomeKind.FAILED, images=(), failure=down))
    assert await half.state("a") is State.TELLING


async def test_an_owners_refusal_is_never_tried_again(half: Half) -> None:
    await half.accept("a")
    refused = Failure(kind=FailureKind.OWNER_REFUSED)

    assert await half.intake.record(outcome("a", kind=OutcomeKind.FAILED, images=(), failure=refused))

    assert await half.state("a") is State.TELLING


async def test_a_request_nobody_serves_ends_and_is_told(half: Half) -> None:
    await half.accept("a")
    await half.relay.send_due()
    half.clock.advance(3601)

    await half.sweeper.sweep()

    entry = await half.database.read(lambda db: journal.get(db, "a"))
    assert entry is not None
    assert (entry.state, entry.ending) == (State.TELLING, State.FAILED)
    assert entry.outcome is not None
    assert entry.outcome.failure is not None
    assert entry.outcome.failure.kind is FailureKind.UNSERVED


async def test_what_nobody_waits_for_any_more_is_drawn_by_nobody(half: Half, own_redis: RedisServer) -> None:
    await half.accept("a")
    await half.relay.send_due()
    half.clock.advance(3601)

    await half.sweeper.sweep()

    assert await half.line.line_up("gpu") == ()
    worker = connect(own_redis.url)
    assert await WorkerLine(worker).cancelled("a")
    await worker.aclose()
    await worker.connection_pool.disconnect()


async def test_what_was_finished_at_the_last_moment_is_not_given_up(half: Half) -> None:
    await half.accept("a")
    await half.relay.send_due()
    half.store.put_outcome(outcome("a"))
    half.clock.advance(3601)

    await half.sweeper.sweep()

    entry = await half.database.read(lambda db: journal.get(db, "a"))
    assert entry is not None
    assert entry.ending is State.DELIVERED


async def test_an_outcome_that_cannot_be_read_holds_up_no_other(
    half: Half, own_redis: RedisServer, tmp_path: Path
) -> None:
    await half.accept("a", "b")
    await half.relay.send_due()
    # Reading a folder fails for everybody, the superuser included, who may read any file.
    (tmp_path / "artifacts" / "a" / "outcome-1.json").mkdir(parents=True)
    half.store.put_outcome(outcome("b"))
    own_redis.kill()

    await half.sweeper.sweep()
    assert (await half.state("a"), await half.state("b")) == (State.QUEUED, State.TELLING)
    half.clock.advance(3601)
    await half.sweeper.sweep()

    assert await half.state("a") is State.TELLING, "what cannot be read for so long is given up"


@pytest.mark.parametrize("wish", [math.inf, math.nan, 1e30])
async def test_a_provider_may_ask_for_any_pause_and_gets_a_day(half: Half, wish: float) -> None:
    await half.accept("a")
    down = Failure(kind=FailureKind.RATE_LIMITED, retry_after_s=wish)

    assert await half.intake.record(outcome("a", kind=OutcomeKind.FAILED, images=(), failure=down))

    half.clock.advance(86_400)
    assert await half.relay.send_due() == 1


async def test_nonsense_in_the_store_moves_nothing(half: Half) -> None:
    await half.accept("a")
    half.store.put("a/outcome-1.json", b"{}")
    assert not await half.intake.take("a", 1)
    half.store.put_outcome(outcome("b"))
    half.store.put("a/outcome-1.json", half.store.get("b/outcome-1.json"))

    assert not await half.intake.take("a", 1)
    assert not await half.intake.take("../a", 1)
    assert await half.state("a") is State.QUEUED


@pytest.mark.parametrize(
    ("actions", "ending"),
    [
        ([Action.ALLOW, Action.REJECT], State.DELIVERED),
        ([Action.BLUR], State.DELIVERED),
        ([Action.HOLD, Action.REJECT], State.HELD),
        ([Action.REJECT, Action.REJECT], State.WITHHELD),
        ([], State.HELD),
    ],
)
def test_an_outcomes_ending_follows_its_verdicts(actions: list[Action], ending: State) -> None:
    assert ending_of(outcome(images=tuple(image(action=action) for action in actions))) is ending


def test_a_picture_without_a_reason_to_pass_is_held() -> None:
    assert ending_of(outcome(images=(replace(image(), verdict=Verdict()),))) is State.HELD
