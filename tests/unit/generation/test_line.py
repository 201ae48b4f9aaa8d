"""The line to the workers, against a real redis-server: places in line, loss, notices, nonsense."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from generation import codec
from generation.jobs import LINE_ERRORS, FrontLine, Notice, WorkerInfo, WorkerLine, connect
from generation.request import order_for
from generation.result import ProgressEvent
from tests.conftest import RedisServer
from tests.making import NOW, outcome, request


@pytest.fixture
async def ends(redis_url: str) -> AsyncIterator[tuple[FrontLine, WorkerLine]]:
    client, other = connect(redis_url), connect(redis_url)
    yield FrontLine(client), WorkerLine(other)
    for each in (client, other):
        await each.aclose()
        await each.connection_pool.disconnect()


Ends = tuple[FrontLine, WorkerLine]


def worker(*running: str) -> WorkerInfo:
    return WorkerInfo(
        id="w1", host="h", pid=1, pools=("gpu",), models=("starter",), device="cpu", version="0", started_at=NOW,
        running=running,
    )  # fmt: skip


async def test_jobs_stand_in_line_by_their_score(ends: Ends) -> None:
    front, _ = ends
    for name, score in (("late", NOW), ("early", NOW - 5000), ("early", NOW - 1)):
        await front.enqueue(order_for(request(name), 1), score)

    assert await front.line_up("gpu") == ("early", "late")
    assert await front.line_up("api") == ()


async def test_a_withdrawn_job_is_gone_and_its_worker_is_told(ends: Ends) -> None:
    front, back = ends
    await front.enqueue(order_for(request("a"), 1), NOW)

    await front.withdraw("a", "gpu")

    assert await front.line_up("gpu") == ()
    assert await front.missing(["a"]) == {"a"}
    assert await back.cancelled("a")
    assert not await back.cancelled("b")


async def test_a_job_is_missing_only_if_nobody_has_it(ends: Ends) -> None:
    front, back = ends
    await front.enqueue(order_for(request("waiting"), 1), NOW)
    await back.beat(worker("running"), 10)

    assert await front.missing(["waiting", "running", "lost"]) == {"lost"}
    assert await front.missing([]) == frozenset()


async def test_an_outcomes_notice_arrives_and_nonsense_is_malformed(ends: Ends, redis_url: str) -> None:
    front, back = ends
    await back.announce(outcome("a"))
    assert await front.next_notice(1) == Notice("a", 1)
    assert await front.next_notice(0.05) is None

    raw = connect(redis_url)
    await raw.rpush("tessera:outcomes", b"\x80\x04K\x01.")  # type: ignore[misc]  # redis-py's stubs leave it open
    await raw.aclose()
    await raw.connection_pool.disconnect()
    with pytest.raises(codec.Malformed):
        await front.next_notice(1)


async def test_progress_reaches_who_listens(ends: Ends) -> None:
    front, back = ends
    event = ProgressEvent(request_id="a", attempt=1, stage="drawing", at=NOW, done=3, total=8)
    heard = asyncio.ensure_future(anext(front.progress()))
    while not heard.done():
        await back.progress(event)
        await asyncio.sleep(0.01)

    assert heard.result() == event
    assert event.percent == 37


async def test_signs_of_life_expire(ends: Ends) -> None:
    front, back = ends
    await back.beat(worker(), 0.05)
    assert [each.id for each in await front.workers()] == ["w1"]
    while await front.workers():
        await asyncio.sleep(0.01)
    await back.beat(worker(), 10)
    await back.leave("w1")
    assert await front.workers() == ()


async def test_a_dead_redis_is_one_kind_of_error(own_redis: RedisServer) -> None:
    client = connect(own_redis.url)
    front = FrontLine(client)
    await front.ping()

    own_redis.kill()

    for call in (front.ping(), front.enqueue(order_for(request(), 1), NOW), front.workers(), front.next_notice(0.1)):
        with pytest.raises(LINE_ERRORS):
            await call
    own_redis.start()
    await front.ping()
    await front.aclose()


async def test_a_sign_of_life_nobody_can_read_hides_no_other(ends: Ends, redis_url: str) -> None:
    front, back = ends
    await back.beat(worker("running"), 10)
    client = connect(redis_url)
    await client.set("tessera:worker:of-tomorrow", b'{"v":2,"id":"of-tomorrow"}')
    await client.aclose()
    await client.connection_pool.disconnect()

    assert await front.workers() == (worker("running"),)
    assert await front.missing(["running", "lost"]) == {"lost"}


async def test_a_redis_that_stands_still_is_the_same_kind_of_error(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the test need not stand still for as long as a member may have to wait.
    monkeypatch.setattr("generation.jobs._LONGEST_ANSWER_S", 0.2)
    client, other = connect(own_redis.url), connect(own_redis.url)
    front, back = FrontLine(client), WorkerLine(other)
    await front.enqueue(order_for(request("a"), 1), NOW)
    assert not await back.cancelled("a")
    own_redis.freeze()
    for call in (
        front.enqueue(order_for(request("b"), 1), NOW),
        front.withdraw("a", "gpu"),
        front.workers(),
        front.missing(["a"]),
        front.next_notice(0.1),
        back.cancelled("a"),
        back.announce(outcome("a")),
    ):
        with pytest.raises(LINE_ERRORS):
            await call
    own_redis.thaw()

    # No answer to a call given up is taken for the answer to a later one.
    assert await front.workers() == ()
    assert await front.missing(["c"]) == {"c"}
    for each in (client, other):
        await each.aclose()
        await each.connection_pool.disconnect()


async def test_a_clients_own_limit_holds_for_every_call(own_redis: RedisServer) -> None:
    client = connect(own_redis.url, answer_s=0.2)
    await client.ping()
    own_redis.freeze()
    with pytest.raises(LINE_ERRORS):
        await client.zrange("tessera:queue:gpu", 0, -1)
    own_redis.thaw()

    assert await client.zrange("tessera:queue:gpu", 0, -1) == []
    await client.aclose()
    await client.connection_pool.disconnect()
