"""The AI Horde backend against the stand-in: jobs followed to their end, taken back, withheld, and refused."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Generated, Watch
from generation.backends.horde import ANONYMOUS, HordeBackend
from generation.backends.remote import Patience
from generation.catalogue import ModelEntry
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    ContentRefused,
    GenerationCancelled,
    GenerationError,
    ModelMissing,
    RateLimited,
    TimedOut,
    UnsupportedRequest,
)
from generation.worker.pictures import look_at
from tests.making_jobs import api_entry, order
from tests.peers.horde import HordePeer
from tests.peers.pictures import draw

SUBMIT, CHECK, STATUS = "/api/v2/generate/async", "/api/v2/generate/check", "/api/v2/generate/status"


@pytest.fixture
async def peer() -> AsyncIterator[HordePeer]:
    async with HordePeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**arguments: Any) -> ModelEntry:
    return api_entry({"model": "AlbedoBase XL (SDXL)"} | arguments, backend="horde", seeds=True)


def _backend(peer: HordePeer, **changes: Any) -> HordeBackend:
    patience = Patience(jitter=lambda: 0.0)
    known: dict[str, Any] = {"api_key": peer.key, "base_url": peer.url, "poll_s": 0.01, "patience": patience}
    return HordeBackend(**known | changes)


async def _generate(
    peer: HordePeer, *, entry: ModelEntry | None = None, backend: HordeBackend | None = None, **changes: Any
) -> Generated:
    backend = backend or _backend(peer)
    try:
        return await backend.generate(entry or _entry(), order(**changes), _watch())
    finally:
        await backend.aclose()


async def _until_submitted(peer: HordePeer, jobs: int) -> None:
    while len(peer.jobs) < jobs:
        await asyncio.sleep(0.01)


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: HordePeer) -> None:
    await _generate(peer, entry=_entry(sampler_name="k_euler", trusted_workers=True), width=128, guidance_scale=3.14159)

    (call,) = peer.called(SUBMIT)
    assert call.headers["Client-Agent"] == "tessera:0.1:unknown"
    assert call.sent == {
        "prompt": "a red boat",
        "models": ["AlbedoBase XL (SDXL)"],
        "nsfw": False,
        "censor_nsfw": True,
        "replacement_filter": False,
        "shared": False,
        "r2": True,
        "trusted_workers": True,
        "params": {
            "n": 1,
            "width": 128,
            "height": 64,
            "steps": 2,
            "cfg_scale": 3.14,
            "seed": "7",
            "sampler_name": "k_euler",
        },
    }
    assert {call.method for call in peer.called(CHECK)} == {"GET"}


async def test_every_picture_is_a_job_with_its_own_seed_and_its_bytes_are_kept(peer: HordePeer) -> None:
    made = await _generate(peer, num_images=3, seed=7)

    assert [call.sent["params"]["seed"] for call in peer.called(SUBMIT)] == ["7", "8", "9"]
    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, 8, 9]
    assert made.notes == ()


async def test_kudos_are_noted_and_are_no_money(peer: HordePeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    assert made_by.cost == 0
    assert dict(made_by.usage) == {"kudos": 21}
    assert made_by.provider_request_id == "job-1, job-2"
    assert made_by.revision == "AlbedoBase XL (SDXL)"


async def test_a_size_off_the_grid_is_drawn_on_it_and_said(peer: HordePeer) -> None:
    made = await _generate(peer, width=100, height=20)

    look = look_at(made.images[0].data)
    assert (look.width, look.height) == (128, 64)
    assert made.notes == ("Closed draws in steps of 64 pixels: 128x64 instead of 100x20.",)


async def test_without_a_key_everybodys_is_used(peer: HordePeer) -> None:
    made = await _generate(peer, backend=_backend(peer, api_key=None))

    assert made.images
    assert {call.headers["apikey"] for call in peer.called(SUBMIT)} == {ANONYMOUS}


async def test_a_job_that_waits_is_looked_at_until_it_is_done(peer: HordePeer) -> None:
    peer.delay_s = 0.2
    heard: list[tuple[str, int, int]] = []
    backend = _backend(peer)

    await backend.generate(_entry(), order(num_images=2), Watch(lambda *word: heard.append(word)))
    await backend.aclose()

    assert len(peer.called(CHECK)) > 2
    assert heard == [("drawing", 0, 0), ("drawing", 1, 2), ("drawing", 2, 2)]
    assert not any(call.method == "DELETE" for call in peer.calls)


async def test_looking_again_after_an_outage_loses_no_job(peer: HordePeer) -> None:
    peer.fault("server_error", path=CHECK)
    peer.fault("drop", path=STATUS)

    assert (await _generate(peer)).images
    assert len(peer.called(SUBMIT)) == 1


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("declined", ContentRefused, 1),
        ("shut_out", AccountProblem, 1),
        ("kudos_upfront", AccountProblem, 1),
        ("no_kudos", AccountProblem, 1),
        ("wrong_key", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("no_volunteers", BackendUnavailable, 1),
        ("maintenance", BackendUnavailable, 1),
        ("too_many_prompts", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("bad_steps", UnsupportedRequest, 1),
        ("server_error", BackendUnavailable, 1),
        ("unavailable", BackendUnavailable, 3),
        ("drop", TimedOut, 1),
        ("hang", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("garbage", BadReply, 1),
        ("no_job", BadReply, 1),
        ("odd_job", BadReply, 1),
    ],
)
async def test_each_refusal_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: HordePeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=SUBMIT, times=9)
    backend = _backend(peer, timeout_s=0.7 if fault == "hang" else 10.0)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", backend=backend)

    assert type(caught.value) is kind
    assert len(peer.called(SUBMIT)) == calls
    assert caught.value.detail.startswith("AI Horde")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize(
    ("fault", "path", "kind"),
    [
        ("faulted", CHECK, BackendUnavailable),
        ("impossible", CHECK, BackendUnavailable),
        ("lost", CHECK, BackendUnavailable),
        ("garbage", CHECK, BadReply),
        ("censored", STATUS, ContentRefused),
        ("censored_quietly", STATUS, ContentRefused),
        ("nothing", STATUS, BadReply),
        ("odd_entry", STATUS, BadReply),
        ("no_image", STATUS, BadReply),
        ("not_base64", STATUS, BadReply),
        ("not_a_picture", STATUS, BadReply),
        ("expired", "/pictures", BadReply),
    ],
)
async def test_a_job_that_comes_to_nothing_has_its_kind(
    peer: HordePeer, fault: str, path: str, kind: type[GenerationError]
) -> None:
    peer.fault(fault, path=path, times=9)

    with pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert caught.value.detail.startswith("AI Horde")
    assert "zorblax" not in caught.value.detail
    assert len(peer.called(SUBMIT)) == 1


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: HordePeer) -> None:
    peer.fault("truncated", path="/pictures")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_a_picture_inside_the_answer_is_taken_too(peer: HordePeer) -> None:
    peer.fault("inline", path=STATUS)

    (image,) = (await _generate(peer)).images

    assert image.data == draw(64, 64, 3)
    assert image.seed == 3


async def test_numbers_that_are_none_are_left_out(peer: HordePeer) -> None:
    peer.fault("odd_numbers", path=STATUS)

    made = await _generate(peer)

    assert made.images[0].seed is None
    assert dict(made.made_by.usage) == {"kudos": 0}


async def test_of_several_pictures_the_withheld_one_is_missed(peer: HordePeer) -> None:
    peer.fault("censored", path=STATUS)

    made = await _generate(peer, num_images=3)

    assert len(made.images) == 2
    assert made.notes == ("Closed withheld 1 of 3 pictures.",)


async def test_of_several_pictures_one_that_fails_takes_the_others_back(peer: HordePeer) -> None:
    peer.workers = False
    peer.fault("faulted", path=f"{CHECK}/job-2")

    with pytest.raises(BackendUnavailable):
        await _generate(peer, num_images=3)

    assert peer.waiting == []


async def test_a_second_job_that_is_refused_takes_the_first_back(peer: HordePeer) -> None:
    peer.workers, peer.most_jobs = False, 1

    with pytest.raises(AccountProblem, match="kudos"):
        await _generate(peer, num_images=2)

    assert [job.cancelled for job in peer.jobs.values()] == [True]


async def test_cancelling_in_the_middle_takes_the_jobs_back(peer: HordePeer) -> None:
    peer.workers = False
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(num_images=2), watch))
    await _until_submitted(peer, 2)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert [job.cancelled for job in peer.jobs.values()] == [True, True]
    await backend.aclose()


async def test_a_task_that_is_cancelled_takes_the_jobs_back(peer: HordePeer) -> None:
    peer.workers = False
    backend = _backend(peer)
    work = asyncio.create_task(backend.generate(_entry(), order(), _watch()))
    while not peer.called(CHECK):
        await asyncio.sleep(0.01)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert peer.waiting == []
    await backend.aclose()


async def test_a_job_that_cannot_be_taken_back_hides_nothing(peer: HordePeer, caplog: pytest.LogCaptureFixture) -> None:
    peer.fault("faulted", path=CHECK)
    peer.fault("server_error", path=STATUS)

    with caplog.at_level(logging.DEBUG), pytest.raises(BackendUnavailable, match="failed"):
        await _generate(peer, prompt="zorblax")

    assert "could not be taken back" in caplog.text
    assert "zorblax" not in caplog.text


async def test_a_job_that_nobody_draws_is_left_in_time_and_taken_back(peer: HordePeer) -> None:
    peer.workers = False

    with pytest.raises(TimedOut):
        await _generate(peer, backend=_backend(peer, deadline_s=0.5))

    assert peer.waiting == []


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: HordePeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=api_entry({}, backend="horde"))

    assert peer.calls == []
