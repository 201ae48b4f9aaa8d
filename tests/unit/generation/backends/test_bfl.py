"""The BFL backend against the stand-in: jobs followed to their end, what is kept, what each end becomes and costs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Generated, Watch
from generation.backends.bfl import BflBackend
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
from tests.peers.bfl import BflPeer
from tests.peers.pictures import draw

SUBMIT, LOOK, LINK = "/v1/flux-2-", "/v1/get_result", "/delivery"
PLAIN: dict[str, Any] = {"num_inference_steps": None, "guidance_scale": None}
PRICES = {"first_megapixel": 30_000, "megapixel": 15_000}


@pytest.fixture
async def peer() -> AsyncIterator[BflPeer]:
    async with BflPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**arguments: Any) -> ModelEntry:
    return api_entry({"model": "flux-2-pro"} | arguments, backend="bfl", seeds=True, prices=PRICES)


def _backend(peer: BflPeer, **changes: Any) -> BflBackend:
    patience = Patience(jitter=lambda: 0.0)
    known: dict[str, Any] = {"api_key": peer.key, "base_url": peer.url, "poll_s": 0.01, "patience": patience}
    return BflBackend(**known | changes)


async def _generate(
    peer: BflPeer, *, entry: ModelEntry | None = None, backend: BflBackend | None = None, **changes: Any
) -> Generated:
    backend = backend or _backend(peer)
    try:
        return await backend.generate(entry or _entry(), order(**PLAIN | changes), _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: BflPeer) -> None:
    made = await _generate(peer, entry=_entry(safety_tolerance=1, output_format="png"), width=128)

    submitted, looked, fetched = peer.calls
    assert (submitted.method, submitted.path) == ("POST", "/v1/flux-2-pro")
    assert submitted.sent == {
        "prompt": "a red boat",
        "width": 128,
        "height": 64,
        "safety_tolerance": 1,
        "output_format": "png",
        "seed": 7,
    }
    assert (looked.method, looked.path) == ("GET", LOOK)
    assert (fetched.method, fetched.path) == ("GET", f"{LINK}/job-1")
    assert made.notes == ()


async def test_a_model_that_takes_steps_and_guidance_is_told_them(peer: BflPeer) -> None:
    entry = _entry(model="flux-2-flex", takes_steps=True, prompt_upsampling=False)

    made = await _generate(peer, entry=entry, num_inference_steps=20, guidance_scale=3.5)

    (call,) = peer.called(SUBMIT)
    assert (call.sent["steps"], call.sent["guidance"], call.sent["prompt_upsampling"]) == (20, 3.5, False)
    assert made.notes == ()
    assert made.made_by.revision == "flux-2-flex"


async def test_what_a_model_cannot_be_told_is_said(peer: BflPeer) -> None:
    made = await _generate(peer, num_inference_steps=20, guidance_scale=3.0)

    assert made.notes == ("Closed takes no number of steps.", "Closed takes no guidance scale.")


async def test_every_picture_is_a_job_with_its_own_seed_and_its_bytes_are_kept(peer: BflPeer) -> None:
    made = await _generate(peer, num_images=3, seed=2**32 - 2)

    seeds = [2**32 - 2, 2**32 - 1, 0]
    assert sorted(call.sent["seed"] for call in peer.called(SUBMIT)) == sorted(seeds)
    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in seeds]
    assert [image.seed for image in made.images] == seeds


async def test_a_size_off_the_grid_is_drawn_on_it_and_said(peer: BflPeer) -> None:
    made = await _generate(peer, width=100, height=20)

    look = look_at(made.images[0].data)
    assert (look.width, look.height) == (96, 64)
    assert made.notes == ("Closed draws in steps of 16 pixels: 96x64 instead of 100x20.",)


async def test_the_cost_is_what_bfl_says_in_credits_and_the_jobs_are_noted(peer: BflPeer) -> None:
    peer.cost = 1.4
    made_by = (await _generate(peer, num_images=2)).made_by

    assert made_by.cost == 28_000
    assert dict(made_by.usage) == {"first_megapixel": 2, "megapixel": 0}
    assert set((made_by.provider_request_id or "").split(", ")) == {"job-1", "job-2"}


@pytest.mark.parametrize("cost", [None, 0.0, -3.0, float("nan"), float("inf"), True, "zorblax"])
async def test_without_a_credible_figure_the_catalogues_prices_count(peer: BflPeer, cost: Any) -> None:
    peer.cost = cost

    assert (await _generate(peer, num_images=2)).made_by.cost == 60_000


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("moderated_at_once", ContentRefused, 1),
        ("not_authenticated", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("no_credit", AccountProblem, 1),
        ("not_found", ModelMissing, 1),
        ("rate_limit", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("server_error", BackendUnavailable, 1),
        ("unavailable", BackendUnavailable, 3),
        ("elsewhere", BadReply, 1),
        ("drop", TimedOut, 1),
        ("hang", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("endless", BadReply, 1),
        ("garbage", BadReply, 1),
        ("no_job", BadReply, 1),
        ("odd_job", BadReply, 1),
        ("odd_address", BadReply, 1),
    ],
)
async def test_each_refusal_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: BflPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=SUBMIT, times=9)
    backend = _backend(peer, timeout_s=0.7 if fault == "hang" else 10.0)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", backend=backend)

    assert type(caught.value) is kind
    assert len(peer.called(SUBMIT)) == calls
    assert len(peer.calls) == calls
    assert caught.value.detail.startswith("Black Forest Labs")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize(
    ("fault", "path", "kind"),
    [
        ("request_moderated", LOOK, ContentRefused),
        ("content_moderated", LOOK, ContentRefused),
        ("failed", LOOK, BackendUnavailable),
        ("lost", LOOK, BadReply),
        ("lost_at_all", LOOK, BadReply),
        ("no_status", LOOK, BadReply),
        ("garbage", LOOK, BadReply),
        ("bad_key", LOOK, AccountProblem),
        ("no_result", LOOK, BadReply),
        ("odd_result", LOOK, BadReply),
        ("odd_link", LOOK, BadReply),
        ("expired", LINK, BadReply),
        ("not_found", LINK, BadReply),
        ("not_a_picture", LINK, BadReply),
        ("break_off", LINK, BadReply),
    ],
)
async def test_a_job_that_comes_to_nothing_has_its_kind_and_is_not_asked_for_again(
    peer: BflPeer, fault: str, path: str, kind: type[GenerationError], caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=path, times=9)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert caught.value.detail.startswith("Black Forest Labs")
    assert "zorblax" not in caught.value.detail + caplog.text
    assert len(peer.called(SUBMIT)) == 1


@pytest.mark.parametrize("fault", ["server_error", "unavailable", "rate_limit", "long_rate_limit", "drop"])
async def test_an_outage_while_waiting_loses_no_job_that_is_paid_for(peer: BflPeer, fault: str) -> None:
    peer.fault(fault, path=LOOK, times=5)

    assert (await _generate(peer)).images
    assert len(peer.called(SUBMIT)) == 1


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: BflPeer) -> None:
    peer.fault("truncated", path=LINK)
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_of_several_pictures_the_withheld_one_is_missed_and_counted(peer: BflPeer) -> None:
    peer.fault("content_moderated", path=LOOK)

    made = await _generate(peer, num_images=3)

    assert len(made.images) == 2
    assert made.notes == ("Closed withheld 1 of 3 pictures.",)
    assert made.made_by.cost == 90_000


async def test_of_several_pictures_one_that_fails_ends_the_others(peer: BflPeer) -> None:
    peer.delay_s = 30.0
    peer.fault("request_moderated", path=LOOK)

    with pytest.raises(ContentRefused):
        await _generate(peer, num_images=3)

    assert peer.called(LINK) == []


async def test_the_stand_in_refuses_what_the_platform_would(peer: BflPeer) -> None:
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, width=4096, height=4096)
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, entry=_entry(safety_tolerance=9))
    with pytest.raises(ModelMissing):
        await _generate(peer, entry=_entry(model="flux-2-zorblax"))
    with pytest.raises(AccountProblem):
        await _generate(peer, backend=_backend(peer, api_key="another"))


async def test_cancelling_in_the_middle_ends_the_looking(peer: BflPeer) -> None:
    peer.delay_s = 30.0
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(**PLAIN), watch))
    while not peer.called(LOOK):
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    looks = len(peer.called(LOOK))
    await asyncio.sleep(0.1)
    assert len(peer.called(LOOK)) == looks
    await backend.aclose()


async def test_a_job_that_is_never_ready_is_left_in_time(peer: BflPeer) -> None:
    peer.delay_s = 30.0

    with pytest.raises(TimedOut, match="did not finish it"):
        await _generate(peer, backend=_backend(peer, deadline_s=0.5))


async def test_progress_counts_pictures(peer: BflPeer) -> None:
    heard: list[tuple[str, int, int]] = []
    backend = _backend(peer)

    await backend.generate(_entry(), order(num_images=2, **PLAIN), Watch(lambda *word: heard.append(word)))
    await backend.aclose()

    assert heard == [("drawing", 0, 0), ("drawing", 1, 2), ("drawing", 2, 2)]


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = BflBackend(api_key=None)

    with pytest.raises(ModelMissing, match="BFL_API_KEY"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: BflPeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=api_entry({}, backend="bfl"))

    assert peer.calls == []
