"""The Stability backend against the stand-in: what is sent, which shape a size becomes, what each failure becomes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Generated, Watch
from generation.backends.remote import Patience
from generation.backends.stability import StabilityBackend
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
from tests.peers.pictures import draw
from tests.peers.stability import StabilityPeer

PATH = "/v2beta/stable-image/generate"
PLAIN: dict[str, Any] = {"num_inference_steps": None, "guidance_scale": None}


@pytest.fixture
async def peer() -> AsyncIterator[StabilityPeer]:
    async with StabilityPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**arguments: Any) -> ModelEntry:
    return api_entry({"model": "core"} | arguments, backend="stability", seeds=True, prices={"image": 30_000})


def _backend(peer: StabilityPeer, **changes: Any) -> StabilityBackend:
    known: dict[str, Any] = {"api_key": peer.key, "base_url": peer.url, "patience": Patience(jitter=lambda: 0.0)}
    return StabilityBackend(**known | changes)


async def _generate(
    peer: StabilityPeer, *, entry: ModelEntry | None = None, backend: StabilityBackend | None = None, **changes: Any
) -> Generated:
    backend = backend or _backend(peer)
    try:
        return await backend.generate(entry or _entry(), order(**PLAIN | changes), _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: StabilityPeer) -> None:
    entry = _entry(output_format="png", negative_prompt="text", style_preset="line-art")

    await _generate(peer, entry=entry)

    (call,) = peer.calls
    assert (call.method, call.path) == ("POST", f"{PATH}/core")
    assert call.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert call.headers["Accept"] == "image/*"
    assert call.headers["stability-client-id"] == "tessera"
    assert call.headers["stability-client-user-id"] == "5afe" * 16
    assert call.sent == {
        "prompt": "a red boat",
        "aspect_ratio": "1:1",
        "output_format": "png",
        "negative_prompt": "text",
        "style_preset": "line-art",
        "seed": "7",
    }


async def test_models_of_the_sd3_service_are_named_in_the_form_and_take_guidance(peer: StabilityPeer) -> None:
    made = await _generate(peer, entry=_entry(model="sd3.5-large"), num_inference_steps=20, guidance_scale=4.5)

    (call,) = peer.calls
    assert call.path == f"{PATH}/sd3"
    assert (call.sent["model"], call.sent["mode"], call.sent["cfg_scale"]) == ("sd3.5-large", "text-to-image", "4.5")
    assert made.made_by.revision == "sd3.5-large"
    assert made.notes == ("Closed takes no number of steps.",)


async def test_what_a_model_cannot_be_told_is_said(peer: StabilityPeer) -> None:
    made = await _generate(peer, num_inference_steps=20, guidance_scale=3.0)

    assert made.notes == ("Closed takes no number of steps.", "Closed takes no guidance scale.")


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((1024, 1024), "1:1"),
        ((1536, 1024), "3:2"),
        ((1024, 1536), "2:3"),
        ((1344, 768), "16:9"),
        ((768, 1344), "9:16"),
        ((2520, 1080), "21:9"),
        ((1152, 896), "5:4"),
        ((100, 1000), "9:21"),
    ],
)
async def test_a_size_becomes_the_nearest_shape_and_what_came_instead_is_said(
    peer: StabilityPeer, size: tuple[int, int], shape: str
) -> None:
    made = await _generate(peer, width=size[0], height=size[1])

    assert peer.calls[0].sent["aspect_ratio"] == shape
    look = look_at(made.images[0].data)
    assert made.notes == (
        f"Closed chooses the size of a shape by itself: {look.width}x{look.height} instead of {size[0]}x{size[1]}.",
    )


@pytest.mark.parametrize(
    ("width", "notes"),
    [(64, ()), (70, ("Closed was asked for 1:1, the nearest it has to 70x64.",))],
)
async def test_a_kind_that_does_not_tell_its_size_is_spoken_of_by_its_shape(
    peer: StabilityPeer, width: int, notes: tuple[str, ...]
) -> None:
    peer.fault("webp")

    made = await _generate(peer, entry=_entry(output_format="webp"), width=width)

    assert made.images[0].media_type == "image/webp"
    assert made.notes == notes


async def test_the_providers_bytes_are_kept_in_the_order_of_the_seeds(peer: StabilityPeer) -> None:
    made = await _generate(peer, num_images=3, seed=7)

    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, 8, 9]
    assert made.notes == ()


async def test_seeds_that_stability_does_not_take_are_noted_as_they_were_sent(peer: StabilityPeer) -> None:
    made = await _generate(peer, num_images=4, seed=2**32 - 2)

    assert [image.seed for image in made.images] == [2**32 - 2, 2**31 + 1, 2**31, 1]


async def test_cost_and_the_ids_of_the_requests_are_noted(peer: StabilityPeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    assert made_by.cost == 60_000
    assert dict(made_by.usage) == {"image": 2}
    assert made_by.revision == "core"
    assert set((made_by.provider_request_id or "").split(", ")) == {"request-1", "request-2"}


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("content_moderation", ContentRefused, 1),
        ("filtered", ContentRefused, 1),
        ("forbidden", AccountProblem, 1),
        ("unauthorized", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("payment_required", AccountProblem, 1),
        ("not_found", ModelMissing, 1),
        ("too_large", UnsupportedRequest, 1),
        ("rejected", UnsupportedRequest, 1),
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
        ("unfinished", BadReply, 1),
        ("not_a_picture", BadReply, 1),
        ("empty", BadReply, 1),
        ("as_json", BadReply, 1),
    ],
)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: StabilityPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, times=9)
    backend = _backend(peer, timeout_s=0.7 if fault == "hang" else 10.0)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", backend=backend)

    assert type(caught.value) is kind
    assert len(peer.calls) == calls
    assert caught.value.detail.startswith("Stability AI")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


async def test_a_form_can_be_sent_again(peer: StabilityPeer) -> None:
    peer.fault("rate_limit", times=2)

    assert (await _generate(peer)).images
    assert [call.status for call in peer.calls] == [429, 429, 200]
    assert [call.sent for call in peer.calls] == [peer.calls[0].sent] * 3


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: StabilityPeer) -> None:
    peer.fault("truncated")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


@pytest.mark.parametrize("fault", ["odd_seed", "nothing_said"])
async def test_without_a_seed_in_the_answer_the_one_that_was_sent_counts(peer: StabilityPeer, fault: str) -> None:
    peer.fault(fault)

    made = await _generate(peer)

    assert made.images[0].seed == 7
    assert made.made_by.provider_request_id is None


async def test_of_several_pictures_the_withheld_one_is_missed_and_counted(peer: StabilityPeer) -> None:
    peer.fault("filtered")

    made = await _generate(peer, num_images=3)

    assert len(made.images) == 2
    assert made.notes == ("Closed withheld 1 of 3 pictures.",)
    assert made.made_by.cost == 90_000


async def test_of_several_pictures_one_that_fails_ends_the_others(peer: StabilityPeer) -> None:
    peer.delay_s = 30.0
    peer.fault("content_moderation")

    with pytest.raises(ContentRefused):
        await _generate(peer, num_images=3)

    assert not any(call.status == 200 for call in peer.calls)


async def test_the_stand_in_refuses_what_the_platform_would(peer: StabilityPeer) -> None:
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, entry=_entry(model="sd3.5-zorblax"))
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, entry=_entry(output_format="tiff"))
    with pytest.raises(AccountProblem):
        await _generate(peer, backend=_backend(peer, api_key="another"))


async def test_cancelling_in_the_middle_leaves_the_provider(peer: StabilityPeer) -> None:
    peer.delay_s = 30.0
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(**PLAIN), watch))
    while not peer.calls:
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    while not peer.abandoned:
        await asyncio.sleep(0.01)
    await backend.aclose()


async def test_progress_counts_pictures(peer: StabilityPeer) -> None:
    heard: list[tuple[str, int, int]] = []
    backend = _backend(peer)

    await backend.generate(_entry(), order(num_images=2, **PLAIN), Watch(lambda *word: heard.append(word)))
    await backend.aclose()

    assert heard == [("drawing", 0, 0), ("drawing", 1, 2), ("drawing", 2, 2)]


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = StabilityBackend(api_key=None)

    with pytest.raises(ModelMissing, match="STABILITY_API_KEY"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: StabilityPeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=api_entry({}, backend="stability"))

    assert peer.calls == []
