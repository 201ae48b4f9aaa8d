"""One job from order to outcome, with a real Redis, real files and the real openai client."""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generation import codec
from generation.artifacts import ArtifactStore
from generation.jobs import FrontLine, Notice, WorkerLine
from generation.makers import MAKERS, Maker
from generation.result import FailureKind, Outcome, OutcomeKind
from generation.worker.job import JobRunner, Workshop
from moderation.classifiers.openai import OpenAIModeration
from moderation.verdict import Action
from tests.conftest import Clock, RedisServer
from tests.making_jobs import api_entry, local_entry, order
from tests.peers.openai.peer import OpenAIPeer
from tests.unit.generation.worker.conftest import CLOSED

Make = Callable[..., Workshop]


def _order(request_id: str = "test-1", **changes: Any) -> Any:
    return order(request_id, **{"model": "closed", "pool": "api", **changes})


async def _do(shop: Workshop, wanted: Any = None, *, starts: int = 1) -> Outcome | None:
    wanted = wanted or _order()
    await JobRunner(shop).run(codec.encode(wanted), starts=starts)
    return shop.store.get_outcome(wanted.request_id, wanted.attempt)


async def test_a_job_leaves_pictures_their_verdicts_and_word_of_it(
    workshop: Make, front: FrontLine, clock: Clock
) -> None:
    shop = workshop()

    outcome = await _do(shop, _order(num_images=2, attempt=3))

    assert outcome is not None
    assert (outcome.kind, outcome.attempt, outcome.worker, outcome.finished_at) == (
        OutcomeKind.PRODUCED,
        3,
        "worker-1",
        clock.now,
    )
    for image in outcome.images:
        data = shop.store.get(image.key)
        assert image.sha256 == hashlib.sha256(data).hexdigest()
        assert (image.size, image.width, image.height, image.media_type) == (len(data), 64, 64, "image/png")
        assert [(reason.action, reason.detail) for reason in image.verdict.reasons] == [(Action.ALLOW, CLOSED)]
    assert len({image.key for image in outcome.images}) == 2
    assert [event.name for event in outcome.timeline] == ["started", "drawn", "checked", "stored"]
    assert outcome.notes == ("Closed takes no seed.",)
    assert await front.next_notice(1) == Notice("test-1", 3)


async def test_a_job_that_runs_again_only_repeats_the_word(workshop: Make, front: FrontLine, peer: OpenAIPeer) -> None:
    shop = workshop()
    first = await _do(shop)

    assert await _do(replace(shop, worker_id="worker-2")) == first
    assert len(peer.image_calls) == 1
    assert [await front.next_notice(1), await front.next_notice(1)] == [Notice("test-1", 1)] * 2


async def test_another_attempt_is_another_job(workshop: Make, peer: OpenAIPeer) -> None:
    shop = workshop()
    await _do(shop)
    second = await _do(shop, _order(attempt=2))

    assert second is not None
    assert second.attempt == 2
    assert len(peer.image_calls) == 2


async def test_the_same_job_is_not_done_twice_at_once(workshop: Make, peer: OpenAIPeer) -> None:
    peer.delay_s = 0.2
    runner = JobRunner(workshop())
    data = codec.encode(_order())

    one = asyncio.create_task(runner.run(data, starts=1))
    await asyncio.sleep(0.05)
    assert list(runner.running) == ["test-1"]
    await runner.run(data, starts=2)
    await one

    assert len(peer.image_calls) == 1
    assert list(runner.running) == []


async def test_without_a_check_the_picture_is_held(workshop: Make) -> None:
    outcome = await _do(workshop(entries={"closed": api_entry()}))

    assert outcome is not None
    assert outcome.action is Action.HOLD


@pytest.mark.parametrize(("score", "action"), [(0.01, Action.ALLOW), (0.95, Action.REJECT)])
async def test_checks_look_at_every_picture(workshop: Make, peer: OpenAIPeer, score: float, action: Action) -> None:
    peer.scores["sexual"] = score
    check = OpenAIModeration(api_key=peer.key, base_url=peer.base_url)

    outcome = await _do(workshop(entries={"closed": api_entry()}, checks=(check,)), _order(num_images=2))
    await check.aclose()

    assert outcome is not None
    assert [image.verdict.action for image in outcome.images] == [action, action]
    assert {reason.detector for image in outcome.images for reason in image.verdict.reasons} == {"openai"}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("moderation_blocked", FailureKind.OWNER_REFUSED),
        ("insufficient_quota", FailureKind.ACCOUNT),
        ("long_rate_limit", FailureKind.RATE_LIMITED),
        ("server_error", FailureKind.OUTAGE),
        ("truncated_png", FailureKind.BAD_REPLY),
        ("endless", FailureKind.BAD_REPLY),
    ],
)
async def test_what_the_backend_cannot_do_is_an_outcome(
    workshop: Make, peer: OpenAIPeer, front: FrontLine, fault: str, kind: FailureKind
) -> None:
    peer.fault(fault)

    outcome = await _do(workshop(), _order(prompt="zorblax"))

    assert outcome is not None
    assert outcome.failure is not None
    assert (outcome.kind, outcome.failure.kind) == (OutcomeKind.FAILED, kind)
    assert "zorblax" not in repr(outcome)
    assert await front.next_notice(1) == Notice("test-1", 1)


async def test_a_model_nobody_here_knows(workshop: Make) -> None:
    outcome = await _do(workshop(entries={}))

    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.MODEL_MISSING


async def test_a_job_that_took_its_worker_down_too_often_is_given_up(workshop: Make, peer: OpenAIPeer) -> None:
    shop = workshop(max_starts=3)

    fine = await _do(shop, _order("fine"), starts=3)
    lost = await _do(shop, _order("lost"), starts=4)

    assert fine is not None
    assert fine.kind is OutcomeKind.PRODUCED
    assert lost is not None
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.WORKER_LOST
    assert len(peer.image_calls) == 1


async def test_a_job_that_takes_too_long_is_stopped(workshop: Make, peer: OpenAIPeer) -> None:
    peer.fault("hang")

    outcome = await _do(workshop(job_timeout_s=0.2))

    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.TIMEOUT


async def test_a_request_cancelled_while_it_waited_is_not_begun(
    workshop: Make, front: FrontLine, peer: OpenAIPeer
) -> None:
    await front.withdraw("test-1", "api")

    outcome = await _do(workshop())

    assert outcome is not None
    assert outcome.kind is OutcomeKind.CANCELLED
    assert peer.image_calls == []


async def test_a_request_cancelled_while_it_is_drawn_stops(workshop: Make, front: FrontLine, peer: OpenAIPeer) -> None:
    peer.fault("hang")
    work = asyncio.create_task(_do(workshop()))
    async with asyncio.timeout(5):
        while not peer.image_calls:
            await asyncio.sleep(0.01)

    await front.withdraw("test-1", "api")
    outcome = await work

    assert outcome is not None
    assert outcome.kind is OutcomeKind.CANCELLED
    assert outcome.images == ()


async def test_a_job_handed_back_leaves_nothing_behind(workshop: Make, peer: OpenAIPeer) -> None:
    peer.fault("hang")
    shop = workshop()
    runner = JobRunner(shop)
    work = asyncio.create_task(runner.run(codec.encode(_order()), starts=1))
    async with asyncio.timeout(5):
        while not peer.image_calls:
            await asyncio.sleep(0.01)

    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert shop.store.get_outcome("test-1", 1) is None
    assert runner.running == ()
    assert (await _do(shop)) is not None


async def test_a_bug_is_an_outcome_with_a_number_and_no_prompt(
    workshop: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(data: bytes) -> None:
        raise ZeroDivisionError("zorblax")

    # A bug cannot be had on demand; this one sits where the guard is called.
    monkeypatch.setattr("generation.worker.job.look_at", broken)

    with caplog.at_level(logging.DEBUG):
        outcome = await _do(workshop(), _order(prompt="zorblax"))

    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.INTERNAL
    number = outcome.failure.detail.removeprefix("event ")
    assert number in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "zorblax" not in caplog.text


@pytest.mark.parametrize("data", [None, [], "zorblax", {}, {"v": 1}, {"v": 2, "request_id": "x"}, {"v": 1, "x": "y"}])
async def test_a_malformed_job_is_dropped_with_a_line_in_the_log(
    workshop: Make, data: object, caplog: pytest.LogCaptureFixture
) -> None:
    await JobRunner(workshop()).run(data, starts=1)

    assert "malformed job dropped" in caplog.text
    assert "zorblax" not in caplog.text


async def test_a_damaged_outcome_is_made_anew(workshop: Make, tmp_path: Path) -> None:
    shop = workshop()
    await _do(shop)
    (path,) = (tmp_path / "artifacts" / "test-1").glob("outcome-*")
    path.write_text("{", encoding="utf-8")

    outcome = await _do(shop)

    assert outcome is not None
    assert outcome.kind is OutcomeKind.PRODUCED


async def test_with_redis_away_the_outcome_still_lies_in_the_store(
    workshop: Make, own_redis: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    from generation import jobs

    redis = jobs.connect(own_redis.url)
    shop = workshop(line=WorkerLine(redis))
    own_redis.kill()

    outcome = await _do(shop)
    await redis.aclose(close_connection_pool=True)

    assert outcome is not None
    assert outcome.kind is OutcomeKind.PRODUCED
    assert "could not be announced" in caplog.text


async def test_an_announcement_waits_for_redis_to_come_back(workshop: Make, own_redis: RedisServer) -> None:
    from generation import jobs

    redis, ear = jobs.connect(own_redis.url), FrontLine(jobs.connect(own_redis.url))
    own_redis.kill()
    work = asyncio.create_task(_do(workshop(line=WorkerLine(redis), announce_s=10)))
    await asyncio.sleep(0.3)
    own_redis.start()
    await work

    assert await ear.next_notice(2) == Notice("test-1", 1)
    await redis.aclose(close_connection_pool=True)
    await ear.aclose()


async def test_a_disk_that_fails_once_is_tried_again(workshop: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    put, failures = ArtifactStore.put_outcome, [OSError("disk full")]

    def fail_once(store: ArtifactStore, outcome: Outcome) -> None:
        if failures:
            raise failures.pop()
        put(store, outcome)

    # A full disk cannot be had without a privileged mount.
    monkeypatch.setattr(ArtifactStore, "put_outcome", fail_once)

    assert await _do(workshop()) is not None


async def test_nothing_is_paid_for_that_could_not_be_kept(workshop: Make, peer: OpenAIPeer, tmp_path: Path) -> None:
    # A link to nowhere: nothing is there to be read, and nobody can write below it, not even the superuser.
    folder = tmp_path / "artifacts" / "test-1"
    folder.parent.mkdir()
    folder.symlink_to(tmp_path / "nowhere")
    runner = JobRunner(workshop())

    with pytest.raises(OSError, match="test-1"):
        await runner.run(codec.encode(_order()), starts=1)
    assert peer.image_calls == []

    folder.unlink()
    await runner.run(codec.encode(_order()), starts=2)
    assert len(peer.image_calls) == 1


async def test_a_backend_that_is_not_installed_is_told_to_the_operator(
    workshop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The environment of the tests has everything; a worker for providers alone has not.
    monkeypatch.setattr("generation.backends.registry.MAKERS", {**MAKERS, "diffusers": Maker(("zorblax",))})

    outcome = await _do(workshop(entries={"closed": local_entry({"shipped": "starter"})}))

    assert outcome is not None
    assert outcome.failure is not None
    assert outcome.failure.kind is FailureKind.MODEL_MISSING
