"""The Ideogram backend against the stand-in: what is sent, what is kept, what each failure becomes, what is paid."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Generated, Watch
from generation.backends.ideogram import IdeogramBackend
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
from tests.peers.ideogram import IdeogramPeer
from tests.peers.pictures import draw

PATH = "/v2/image/generate/ideogram-4-5"
PLAIN: dict[str, Any] = {"num_inference_steps": None, "guidance_scale": None}


@pytest.fixture
async def peer() -> AsyncIterator[IdeogramPeer]:
    async with IdeogramPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**arguments: Any) -> ModelEntry:
    arguments = {"model": "ideogram-4-5", "quality": "medium"} | arguments
    return api_entry(arguments, backend="ideogram", prices={"image": 60_000})


def _backend(peer: IdeogramPeer, timeout_s: float = 10.0) -> IdeogramBackend:
    patience = Patience(jitter=lambda: 0.0)
    return IdeogramBackend(api_key=peer.key, base_url=peer.url, timeout_s=timeout_s, patience=patience)


async def _generate(
    peer: IdeogramPeer, *, entry: ModelEntry | None = None, timeout_s: float = 10.0, **changes: Any
) -> Generated:
    backend = _backend(peer, timeout_s)
    try:
        return await backend.generate(entry or _entry(), order(**PLAIN | changes), _watch())
    finally:
        await backend.aclose()


async def test_each_picture_is_asked_for_with_its_own_seed_and_no_more_than_needed(peer: IdeogramPeer) -> None:
    await _generate(peer, num_images=2, width=128, seed=7)

    calls = peer.called(PATH)
    assert [call.method for call in calls] == ["POST", "POST"]
    assert sorted((call.sent for call in calls), key=lambda sent: sent["seed"]) == [
        {
            "prompt": "a red boat",
            "num_images": 1,
            "magic_prompt": "off",
            "size": "128x64",
            "quality": "medium",
            "seed": seed,
        }
        for seed in (7, 8)
    ]


async def test_an_older_model_takes_its_size_and_its_effort_in_other_fields(peer: IdeogramPeer) -> None:
    entry = api_entry(
        {"model": "ideogram-4", "size_field": "resolution", "rendering_speed": "turbo", "magic_prompt": "auto"},
        backend="ideogram",
    )

    made = await _generate(peer, entry=entry)

    (call,) = peer.called("/v2/")
    assert call.path == "/v2/image/generate/ideogram-4"
    assert call.sent["resolution"] == "64x64"
    assert call.sent["rendering_speed"] == "turbo"
    assert call.sent["magic_prompt"] == "auto"
    assert made.made_by.cost is None  # the entry has no prices


async def test_the_providers_bytes_are_kept_in_the_order_of_the_seeds(peer: IdeogramPeer) -> None:
    made = await _generate(peer, num_images=3, seed=7)

    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, 8, 9]
    assert made.notes == ()


async def test_a_seed_that_is_too_large_for_ideogram_is_noted_as_it_was_sent(peer: IdeogramPeer) -> None:
    made = await _generate(peer, seed=2**31 + 5)

    assert [image.seed for image in made.images] == [5]


async def test_cost_and_the_ids_of_the_requests_are_noted(peer: IdeogramPeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    assert made_by.cost == 120_000
    assert dict(made_by.usage) == {"image": 2}
    assert made_by.revision == "ideogram-4-5"
    assert set((made_by.provider_request_id or "").split(", ")) == {"gen-1", "gen-2"}


async def test_what_it_cannot_be_told_is_said(peer: IdeogramPeer) -> None:
    made = await _generate(peer, num_inference_steps=20, guidance_scale=3.0)

    assert made.notes == ("Closed takes no number of steps.", "Closed takes no guidance scale.")


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("unsafe_prompt", ContentRefused, 1),
        ("withheld", ContentRefused, 1),
        ("no_funds", AccountProblem, 1),
        ("daily_limit", AccountProblem, 1),
        ("plan_limit", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("no_credit", AccountProblem, 1),
        ("forbidden", AccountProblem, 1),
        ("not_found", ModelMissing, 1),
        ("in_flight", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("server_error", BackendUnavailable, 1),
        ("unavailable", BackendUnavailable, 3),
        ("drop", TimedOut, 1),
        ("hang", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("garbage", BadReply, 1),
        ("accepted_only", BadReply, 1),
        ("no_pictures", BadReply, 1),
        ("odd_entry", BadReply, 1),
        ("no_link", BadReply, 1),
        ("no_address", BadReply, 1),
    ],
)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: IdeogramPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=PATH, times=9)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", timeout_s=0.7 if fault == "hang" else 10.0)

    assert type(caught.value) is kind
    assert len(peer.called(PATH)) == calls
    assert caught.value.detail.startswith("Ideogram")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize("fault", ["expired", "not_found", "not_a_picture"])
async def test_a_link_that_leads_to_no_picture_is_a_bad_reply(peer: IdeogramPeer, fault: str) -> None:
    peer.fault(fault, path="/pictures", times=9)

    with pytest.raises(BadReply):
        await _generate(peer)


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: IdeogramPeer) -> None:
    peer.fault("truncated", path="/pictures")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_of_several_pictures_the_withheld_one_is_missed_and_paid(peer: IdeogramPeer) -> None:
    peer.fault("withheld", path=PATH)

    made = await _generate(peer, num_images=3)

    assert len(made.images) == 2
    assert made.notes == ("Closed withheld 1 of 3 pictures.",)
    assert made.made_by.cost == 180_000


async def test_of_several_pictures_one_that_fails_ends_the_others(peer: IdeogramPeer) -> None:
    peer.delay_s = 30.0
    peer.fault("unsafe_prompt", path=PATH)

    with pytest.raises(ContentRefused):
        await _generate(peer, num_images=3)

    assert not any(call.status == 200 for call in peer.calls)


async def test_the_stand_in_refuses_what_the_platform_would(peer: IdeogramPeer) -> None:
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, width=72)
    with pytest.raises(ModelMissing):
        await _generate(peer, entry=_entry(model="ideogram-99"))


async def test_cancelling_in_the_middle_leaves_the_provider_and_nothing_is_fetched(peer: IdeogramPeer) -> None:
    peer.delay_s = 30.0
    backend, watch = _backend(peer, timeout_s=60.0), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(**PLAIN), watch))
    while not peer.calls:
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    while not peer.abandoned:
        await asyncio.sleep(0.01)
    assert peer.called("/pictures") == []
    await backend.aclose()


async def test_progress_counts_pictures(peer: IdeogramPeer) -> None:
    heard: list[tuple[str, int, int]] = []
    backend = _backend(peer)

    await backend.generate(_entry(), order(num_images=2, **PLAIN), Watch(lambda *word: heard.append(word)))
    await backend.aclose()

    assert heard == [("drawing", 0, 0), ("drawing", 1, 2), ("drawing", 2, 2)]


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = IdeogramBackend(api_key=None)

    with pytest.raises(ModelMissing, match="IDEOGRAM_API_KEY"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: IdeogramPeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=api_entry({}, backend="ideogram"))

    assert peer.calls == []
