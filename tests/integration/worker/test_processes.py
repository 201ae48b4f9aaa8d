"""Workers as processes: drained, killed, cut off from Redis, fed with rubbish; nothing is lost or runs wild."""

import asyncio
import pickle
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from generation.jobs import Notice, queue_name
from generation.result import FailureKind, OutcomeKind
from tests.conftest import RedisServer
from tests.integration.worker.conftest import Stage


async def _waiting(stage: Stage, pool: str = "api") -> tuple[str, ...]:
    return await stage.front.line_up(pool)


async def test_a_worker_for_providers_alone_serves_without_torch_and_drains_on_sigterm(stage: Stage) -> None:
    process = await stage.started("one")
    stage.peer.delay_s = 0.7
    await stage.enqueue("first", prompt="zorblax")
    await stage.enqueue("second")
    await stage.drawing()

    loaded = await asyncio.to_thread(Path(f"/proc/{process.pid}/maps").read_text)
    process.send_signal(signal.SIGTERM)

    assert await stage.exit_code("one") == 0
    assert (await stage.outcome("first")).kind is OutcomeKind.PRODUCED
    assert stage.store.get_outcome("second", 1) is None
    assert await _waiting(stage) == ("second",)
    assert await stage.front.workers() == ()
    assert await stage.redis.keys("arq:in-progress:*") == []
    assert "torch" not in loaded
    assert "job ended request=first" in stage.log("one")
    assert "zorblax" not in stage.log("one")
    assert stage.peer.key not in stage.log("one")


@pytest.mark.parametrize("how", ["the drain runs out", "a second signal"])
async def test_what_does_not_finish_in_time_is_handed_back_and_taken_at_once(stage: Stage, how: str) -> None:
    # With this lease, a job that is not handed back would stay away longer than the test waits.
    long = {"lease_s": "120", "drain_s": "0.2" if how == "the drain runs out" else "100"}
    stage.peer.fault("hang")
    await asyncio.gather(stage.started("one", **long))
    await stage.enqueue("r")
    await stage.drawing()

    stage.processes["one"].send_signal(signal.SIGTERM)
    if how == "a second signal":
        await stage.until(lambda: "stopping" in stage.log("one"))
        stage.processes["one"].send_signal(signal.SIGTERM)

    assert await stage.exit_code("one") == 0
    assert await _waiting(stage) == ("r",)
    assert await stage.redis.keys("arq:in-progress:*") == []
    # Being handed back is no sign that the job takes workers down.
    assert await stage.redis.get("arq:retry:r") == b"0"
    await stage.started("two", **long)
    outcome = await stage.outcome("r")
    assert (outcome.kind, outcome.worker) == (OutcomeKind.PRODUCED, "two")


async def test_after_kill_nine_another_worker_takes_over_when_the_short_lease_ends(stage: Stage) -> None:
    stage.peer.fault("hang")
    await asyncio.gather(stage.started("one"), stage.started("two"))
    await stage.enqueue("r")
    await stage.drawing()
    busy = next(worker.id for worker in await stage.until(stage.front.workers) if "r" in worker.running)
    # The lease is renewed: well after its length the job is still the busy worker's.
    await asyncio.sleep(1.5)
    assert len(stage.peer.image_calls) == 1
    assert 0 < await stage.redis.pttl("arq:in-progress:r") <= 1000

    stage.processes[busy].kill()

    outcome = await stage.outcome("r")
    assert outcome.kind is OutcomeKind.PRODUCED
    assert outcome.worker != busy
    await stage.until(lambda: _is_empty(stage))
    assert await stage.redis.keys("arq:in-progress:*") == []


async def _is_empty(stage: Stage) -> bool:
    return await _waiting(stage) == ()


async def test_flushall_in_the_middle_of_a_picture_loses_nothing(stage: Stage) -> None:
    await stage.started("one")
    stage.peer.delay_s = 0.6
    await stage.enqueue("r")
    await stage.drawing()

    await stage.redis.flushall()
    await stage.enqueue("next")

    # The sign of life is back before the front could think the request lost, and names it.
    await stage.until(lambda: _runs(stage, "r"))
    assert (await stage.outcome("r")).kind is OutcomeKind.PRODUCED
    assert (await stage.outcome("next")).kind is OutcomeKind.PRODUCED
    assert {await stage.front.next_notice(5) for _ in range(2)} == {Notice("r", 1), Notice("next", 1)}
    # The lease that was forgotten is not brought back.
    await stage.until(lambda: _is_empty(stage))
    await asyncio.sleep(0.5)
    assert await stage.redis.keys("arq:in-progress:*") == []


async def _runs(stage: Stage, request_id: str) -> bool:
    return any(request_id in worker.running for worker in await stage.front.workers())


async def test_redis_may_die_and_come_back_at_any_time(
    make_stage: Callable[[str], Stage], own_redis: RedisServer
) -> None:
    stage = make_stage(own_redis.url)
    peer, ear = stage.peer, make_stage(own_redis.url).front
    await stage.started("one")
    peer.delay_s = 0.5
    await stage.enqueue("r")
    await stage.drawing()

    # Under a running job: it ends in the store, and is announced when somebody can hear it.
    own_redis.kill()
    assert (await stage.outcome("r")).kind is OutcomeKind.PRODUCED
    own_redis.start()
    assert await ear.next_notice(10) == Notice("r", 1)

    peer.delay_s = 0.0
    await stage.enqueue("between")
    assert await ear.next_notice(10) == Notice("between", 1)

    # Under an idle worker: said once, and then it serves on with its only slot free.
    before = stage.log("one").count("redis does not answer")
    own_redis.kill()
    await stage.until(lambda: stage.log("one").count("redis does not answer") == before + 1)
    await asyncio.sleep(0.4)
    own_redis.start()
    await stage.until(lambda: stage.log("one").endswith("redis is back\n"))
    await stage.enqueue("next")
    assert (await stage.outcome("next")).kind is OutcomeKind.PRODUCED
    assert stage.log("one").count("redis does not answer") == before + 1


class _Trap:
    """Unpickling this touches a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self._path,))


async def test_rubbish_in_the_line_is_thrown_out_and_never_run(stage: Stage, tmp_path: Path) -> None:
    rubbish = {
        "pickle": pickle.dumps({"t": None, "f": "generate", "a": (_Trap(tmp_path / "sprung"),), "k": {}, "et": 1}),
        "words": b"zorblax",
        "list": b"[]",
        "bare": b"{}",
        "no-order": b'{"t":null,"f":"generate","a":[],"k":{},"et":1}',
        "odd-order": b'{"t":null,"f":"generate","a":[{"v":1,"prompt":"zorblax"}],"k":{"x":1},"et":1}',
        "no-arguments": b'{"t":null,"f":"generate","a":5,"k":{},"et":1}',
        "stranger": b'{"t":null,"f":"zorblax","a":[],"k":{},"et":1}',
        "too-many": b'{"t":null,"f":"generate","a":[1,2,3],"k":{},"et":1}',
    }
    for name, data in rubbish.items():
        await stage.redis.set(f"arq:job:{name}", data)
        await stage.redis.zadd(queue_name("api"), {name: 1})
    await stage.redis.zadd(queue_name("api"), {"nothing-behind-it": 1})
    await stage.enqueue("good")
    # Its worker went down three times already.
    await stage.enqueue("deadly")
    await stage.redis.set("arq:retry:deadly", b"3")
    await stage.started("one")

    assert (await stage.outcome("good")).kind is OutcomeKind.PRODUCED
    lost = (await stage.outcome("deadly")).failure
    assert lost is not None
    assert lost.kind is FailureKind.WORKER_LOST
    await stage.until(lambda: _is_empty(stage))
    assert not (tmp_path / "sprung").exists()
    assert len(stage.peer.image_calls) == 1
    assert "zorblax" not in stage.log("one").replace("function 'zorblax' not found", "")


async def test_a_worker_of_the_device_draws_checks_and_leaves_in_the_middle_of_a_picture(stage: Stage) -> None:
    process = await stage.started("device", pool="gpu", drain_s="0")
    await stage.enqueue("short", model="slow", pool="gpu", prompt="zorblax", num_inference_steps=3)
    outcome = await stage.outcome("short")
    assert outcome.made_by is not None
    assert (outcome.kind, outcome.made_by.device) == (OutcomeKind.PRODUCED, "cpu")
    assert [e.name for e in outcome.timeline] == ["started", "loading", *["step"] * 3, "drawn", "checked", "stored"]

    await stage.enqueue("long", model="slow", pool="gpu", prompt="zorblax" * 90, num_inference_steps=900)
    await stage.until(lambda: "job started request=long" in stage.log("device"))
    process.send_signal(signal.SIGINT)

    assert await stage.exit_code("device") == 0
    assert await _waiting(stage, "gpu") == ("long",)
    assert await stage.redis.keys("arq:in-progress:*") == []
    assert "zorblax" not in stage.log("device")


async def test_a_worker_that_cannot_serve_says_why_and_leaves(stage: Stage) -> None:
    stage.start("nowhere", pool="mars")
    stage.start("mistaken", lease_s="soon")

    assert (await stage.exit_code("nowhere"), await stage.exit_code("mistaken")) == (2, 2)
    assert "nothing to serve: none of the offered models is in mars" in stage.log("nowhere")
    assert "worker.lease_s" in stage.log("mistaken")
    assert "Traceback" not in stage.log("nowhere") + stage.log("mistaken")
