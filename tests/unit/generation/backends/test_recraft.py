"""The Recraft backend against the stand-in: what is sent, what is kept, what each failure becomes, what it costs."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Generated, Watch
from generation.backends.recraft import RecraftBackend
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
from tests.peers.pictures import draw
from tests.peers.recraft import RecraftPeer

PATH = "/v1/images/generations"
PLAIN: dict[str, Any] = {"num_inference_steps": None, "guidance_scale": None}


@pytest.fixture
async def peer() -> AsyncIterator[RecraftPeer]:
    async with RecraftPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**arguments: Any) -> ModelEntry:
    return api_entry({"model": "recraftv4_1"} | arguments, backend="recraft", prices={"image": 36_000})


def _backend(peer: RecraftPeer, timeout_s: float = 10.0) -> RecraftBackend:
    patience = Patience(jitter=lambda: 0.0)
    return RecraftBackend(api_key=peer.key, base_url=peer.url, timeout_s=timeout_s, patience=patience)


async def _generate(
    peer: RecraftPeer, *, entry: ModelEntry | None = None, timeout_s: float = 10.0, **changes: Any
) -> Generated:
    backend = _backend(peer, timeout_s)
    try:
        return await backend.generate(entry or _entry(), order(**PLAIN | changes), _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: RecraftPeer) -> None:
    await _generate(peer, entry=_entry(style="Photorealism"), num_images=3, width=128)

    (call,) = peer.called(PATH)
    assert call.method == "POST"
    assert call.sent == {
        "prompt": "a red boat",
        "model": "recraftv4_1",
        "n": 3,
        "size": "128x64",
        "response_format": "url",
        "style": "Photorealism",
    }


async def test_the_providers_bytes_are_kept_and_have_no_seed(peer: RecraftPeer) -> None:
    made = await _generate(peer, num_images=2)

    assert [image.data for image in made.images] == [draw(64, 64, 1), draw(64, 64, 2)]
    assert [image.seed for image in made.images] == [None, None]
    assert made.notes == ("Closed takes no seed.",)


async def test_the_cost_is_what_the_reply_says_in_units(peer: RecraftPeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    # 35 units a picture; a thousand units are a dollar.
    assert made_by.cost == 70_000
    assert dict(made_by.usage) == {"image": 2}
    assert made_by.provider_request_id == "image-1, image-2"
    assert made_by.revision == "recraftv4_1"


async def test_a_reply_without_believable_units_is_priced_by_the_catalogue(peer: RecraftPeer) -> None:
    peer.fault("odd_units", path=PATH)

    made_by = (await _generate(peer)).made_by

    assert made_by.cost == 36_000
    assert made_by.provider_request_id is None


async def test_what_it_cannot_be_told_or_does_not_make_is_said(peer: RecraftPeer) -> None:
    made = await _generate(peer, num_images=8, num_inference_steps=20, guidance_scale=3.0)

    assert len(made.images) == 6
    assert made.notes == (
        "Closed takes no seed.",
        "Closed takes no number of steps.",
        "Closed takes no guidance scale.",
        "Closed made 6 of 8 pictures.",
    )


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("declined", ContentRefused, 1),
        ("declined_plainly", ContentRefused, 1),
        ("no_units", AccountProblem, 1),
        ("plain_401", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("no_credit", AccountProblem, 1),
        ("not_found", ModelMissing, 1),
        ("bad_size", UnsupportedRequest, 1),
        ("rate_limit", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("server_error", BackendUnavailable, 1),
        ("unavailable", BackendUnavailable, 3),
        ("drop", TimedOut, 1),
        ("hang", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("garbage", BadReply, 1),
        ("no_pictures", BadReply, 1),
        ("too_many", BadReply, 1),
        ("odd_entry", BadReply, 1),
        ("no_link", BadReply, 1),
    ],
)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: RecraftPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=PATH, times=9)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", timeout_s=0.7 if fault == "hang" else 10.0)

    assert type(caught.value) is kind
    assert len(peer.called(PATH)) == calls
    assert caught.value.detail.startswith("Recraft")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize("fault", ["expired", "bad_key", "svg"])
async def test_a_link_that_leads_to_no_picture_is_a_bad_reply(peer: RecraftPeer, fault: str) -> None:
    peer.fault(fault, path="/pictures/2", times=9)

    with pytest.raises(BadReply):
        await _generate(peer, num_images=3)

    assert peer.called("/pictures/3") == []


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: RecraftPeer) -> None:
    peer.fault("truncated", path="/pictures")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_the_stand_in_refuses_what_the_platform_would(peer: RecraftPeer) -> None:
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, width=72)


async def test_a_model_that_draws_vectors_is_not_asked(peer: RecraftPeer) -> None:
    with pytest.raises(UnsupportedRequest, match="SVG"):
        await _generate(peer, entry=_entry(model="recraftv4_1_vector"))

    assert peer.calls == []


async def test_cancelling_in_the_middle_leaves_the_provider_and_nothing_is_fetched(peer: RecraftPeer) -> None:
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


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = RecraftBackend(api_key=None)

    with pytest.raises(ModelMissing, match="RECRAFT_API_TOKEN"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: RecraftPeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=api_entry({}, backend="recraft"))

    assert peer.calls == []
