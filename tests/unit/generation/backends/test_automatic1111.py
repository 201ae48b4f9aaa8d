"""The AUTOMATIC1111 backend against the stand-in: what is asked, heard and stopped, and what each failure is."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from generation.backends.automatic1111 import Automatic1111Backend
from generation.backends.base import Generated, Watch
from generation.backends.remote import Patience
from generation.catalogue import ModelEntry
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    GenerationCancelled,
    GenerationError,
    ModelMissing,
    OutOfMemory,
    RateLimited,
    TimedOut,
    UnsupportedRequest,
)
from generation.worker.pictures import look_at
from tests.making_jobs import api_entry, order
from tests.peers.automatic1111 import TITLE, Automatic1111Peer
from tests.peers.pictures import draw

DRAW, MODELS = "/sdapi/v1/txt2img", "/sdapi/v1/sd-models"


@pytest.fixture
async def peer() -> AsyncIterator[Automatic1111Peer]:
    async with Automatic1111Peer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(*, prices: dict[str, int] | None = None, **arguments: Any) -> ModelEntry:
    return api_entry({"checkpoint": TITLE} | arguments, seeds=True, prices=prices or {})


def _backend(peer: Automatic1111Peer, **changes: Any) -> Automatic1111Backend:
    known: dict[str, Any] = {"base_url": peer.url, "poll_s": 0.02, "patience": Patience(jitter=lambda: 0.0)}
    return Automatic1111Backend(**known | changes)


async def _generate(
    peer: Automatic1111Peer,
    *,
    entry: ModelEntry | None = None,
    backend: Automatic1111Backend | None = None,
    watch: Watch | None = None,
    **changes: Any,
) -> Generated:
    backend = backend or _backend(peer)
    try:
        return await backend.generate(entry or _entry(), order(**changes), watch or _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: Automatic1111Peer) -> None:
    entry = _entry(sampler="Euler", scheduler="Karras", negative_prompt="blurred", clip_skip=2, vae="a.vae")

    await _generate(peer, entry=entry, width=128, num_images=2)

    (call,) = peer.called(DRAW)
    assert call.sent.pop("force_task_id").startswith("task(tessera-")
    assert call.sent == {
        "prompt": "a red boat",
        "negative_prompt": "blurred",
        "seed": 7,
        "steps": 2,
        "cfg_scale": 2.0,
        "width": 128,
        "height": 64,
        "batch_size": 1,
        "n_iter": 2,
        "sampler_name": "Euler",
        "scheduler": "Karras",
        "send_images": True,
        "save_images": False,
        "do_not_save_grid": True,
        "override_settings": {"sd_model_checkpoint": TITLE, "CLIP_stop_at_last_layers": 2, "sd_vae": "a.vae"},
    }
    assert "Authorization" not in call.headers


async def test_the_bytes_are_kept_and_each_picture_has_its_seed(peer: Automatic1111Peer) -> None:
    made = await _generate(peer, num_images=3, seed=7)

    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, 8, 9]
    assert made.notes == ()


async def test_what_made_it_is_noted_and_costs_nothing_unless_prices_say_so(peer: Automatic1111Peer) -> None:
    free = (await _generate(peer, num_images=2)).made_by
    priced = (await _generate(peer, num_images=2, entry=_entry(prices={"image": 1_500}))).made_by

    assert (free.cost, priced.cost) == (None, 3_000)
    assert dict(free.usage) == {"image": 2}
    assert (free.backend, free.revision) == ("automatic1111", TITLE)
    assert free.versions == (("aiohttp", aiohttp.__version__),)


@pytest.mark.parametrize(
    "name", [TITLE, "sub/boats_v2.safetensors", "boats_v2.safetensors", "boats_v2", "sub_boats_v2", "a1b2c3d4e5"]
)
async def test_a_checkpoint_goes_by_any_of_its_names(peer: Automatic1111Peer, name: str) -> None:
    await _generate(peer, entry=_entry(checkpoint=name))

    assert peer.drawn[0]["override_settings"]["sd_model_checkpoint"] == TITLE


@pytest.mark.parametrize("fault", [None, "odd_list"])
async def test_a_checkpoint_that_is_not_there_is_told_before_another_draws(
    peer: Automatic1111Peer, fault: str | None
) -> None:
    if fault:
        peer.fault(fault, path=MODELS)

    with pytest.raises(ModelMissing, match=r"“gone”.*arguments\.checkpoint"):
        await _generate(peer, entry=_entry(checkpoint="gone"))

    assert peer.called(DRAW) == []


async def test_pictures_of_another_checkpoint_are_not_taken_for_this_ones(peer: Automatic1111Peer) -> None:
    peer.stubborn = True

    with pytest.raises(ModelMissing, match="another checkpoint"):
        await _generate(peer)


@pytest.mark.parametrize(("count", "batch", "shape"), [(4, 4, (4, 1)), (4, 3, (2, 2)), (3, 2, (1, 3)), (1, 8, (1, 1))])
async def test_pictures_are_drawn_together_where_the_entry_says_so(
    peer: Automatic1111Peer, count: int, batch: int, shape: tuple[int, int]
) -> None:
    made = await _generate(peer, entry=_entry(batch=batch), num_images=count)

    assert (peer.drawn[0]["batch_size"], peer.drawn[0]["n_iter"]) == shape
    assert [image.seed for image in made.images] == list(range(7, 7 + count))


async def test_a_sheet_in_front_is_no_picture(peer: Automatic1111Peer) -> None:
    peer.sheet = True

    made = await _generate(peer, num_images=2)

    assert [image.data for image in made.images] == [draw(64, 64, 7), draw(64, 64, 8)]


async def test_a_size_off_the_grid_is_drawn_on_it_and_said(peer: Automatic1111Peer) -> None:
    made = await _generate(peer, width=100, height=66)

    look = look_at(made.images[0].data)
    assert (look.width, look.height) == (96, 64)
    assert made.notes == ("Closed draws in steps of 8 pixels: 96x64 instead of 100x66.",)


@pytest.mark.parametrize("started", ["--api", "--nowebui"])
async def test_steps_are_heard_and_never_go_back(peer: Automatic1111Peer, started: str) -> None:
    peer.page, peer.delay_s = started == "--api", 0.4
    heard: list[tuple[str, int, int]] = []

    await _generate(peer, num_inference_steps=4, watch=Watch(lambda *word: heard.append(word)))

    assert heard[0] == ("drawing", 0, 0)
    assert len(heard) > 1
    assert heard == sorted(set(heard))
    assert {total for _, _, total in heard[1:]} == {4}


@pytest.mark.parametrize("fault", ["odd_progress", "garbage", "server_error", "bad_key"])
async def test_progress_that_cannot_be_had_costs_nothing_else(peer: Automatic1111Peer, fault: str) -> None:
    peer.delay_s = 0.2
    peer.fault(fault, path="/internal/progress", times=99)
    peer.fault(fault, path="/sdapi/v1/progress", times=99)

    assert (await _generate(peer)).images


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("sampler", ModelMissing, 1),
        ("no_api", ModelMissing, 1),
        ("not_found", ModelMissing, 1),
        ("oom", OutOfMemory, 1),
        ("nans", BadReply, 1),
        ("type_error", BackendUnavailable, 1),
        ("invalid", UnsupportedRequest, 1),
        ("bad_key", AccountProblem, 1),
        ("rate_limit", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("server_error", BackendUnavailable, 1),
        ("unavailable", BackendUnavailable, 3),
        ("drop", TimedOut, 1),
        ("hang", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("endless", BadReply, 1),
        ("garbage", BadReply, 1),
        ("no_images", BadReply, 1),
        ("odd_images", BadReply, 1),
        ("odd_entry", BadReply, 1),
        ("not_base64", BadReply, 1),
        ("not_a_picture", BadReply, 1),
    ],
)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: Automatic1111Peer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=DRAW, times=9)
    backend = _backend(peer, auth=peer.key, deadline_s=0.7 if fault == "hang" else 10.0)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", backend=backend)

    assert type(caught.value) is kind
    assert len(peer.called(DRAW)) == calls
    assert caught.value.detail.startswith("AUTOMATIC1111 at 127.0.0.1:")
    for secret in ("zorblax", "made-up-password", "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("no_api", ModelMissing),
        ("bad_key", AccountProblem),
        ("no_list", BadReply),
        ("garbage", BadReply),
        ("server_error", BackendUnavailable),
    ],
)
async def test_a_list_of_checkpoints_that_cannot_be_had_has_its_kind(
    peer: Automatic1111Peer, fault: str, kind: type[GenerationError]
) -> None:
    peer.fault(fault, path=MODELS, times=9)

    with pytest.raises(GenerationError) as caught:
        await _generate(peer)

    assert type(caught.value) is kind
    assert peer.called(DRAW) == []


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: Automatic1111Peer) -> None:
    peer.fault("truncated", path=DRAW)
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


@pytest.mark.parametrize("fault", ["odd_info", "odd_numbers"])
async def test_seeds_that_are_not_told_are_missed(peer: Automatic1111Peer, fault: str) -> None:
    peer.fault(fault, path=DRAW)

    made = await _generate(peer, num_images=2)

    assert [image.seed for image in made.images] == [None]
    assert made.notes == ("Closed did not say which seeds it took.", "Closed made 1 of 2 pictures.")


async def test_a_picture_with_a_head_before_it_is_taken_too(peer: Automatic1111Peer) -> None:
    peer.fault("with_a_head", path=DRAW)

    assert (await _generate(peer)).images[0].data == draw(64, 64, 1)


async def _until(peer: Automatic1111Peer, *, drawing: int) -> None:
    """Until so many pictures are being drawn, which are one or none."""
    while bool(peer.state.jobs) != bool(drawing):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("started", ["--api", "--nowebui"])
async def test_cancelling_in_the_middle_stops_the_drawing(peer: Automatic1111Peer, started: str) -> None:
    peer.page, peer.delay_s = started == "--api", 60.0
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(num_images=2), watch))
    await _until(peer, drawing=1)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    await _until(peer, drawing=0)
    assert peer.drawn == []
    peer.delay_s = 0.0
    assert (await _generate(peer, backend=backend)).images


async def test_a_task_that_is_cancelled_stops_the_drawing_too(peer: Automatic1111Peer) -> None:
    peer.delay_s = 60.0
    backend = _backend(peer)
    work = asyncio.create_task(backend.generate(_entry(), order(), _watch()))
    await _until(peer, drawing=1)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    await _until(peer, drawing=0)
    assert peer.drawn == []
    await backend.aclose()


async def test_cancelling_leaves_the_drawing_of_others_alone(peer: Automatic1111Peer) -> None:
    peer.delay_s = 60.0
    others, ours, watch = _backend(peer), _backend(peer), _watch()
    theirs = asyncio.create_task(others.generate(_entry(), order(), _watch()))
    await _until(peer, drawing=1)
    state = peer.state
    work = asyncio.create_task(ours.generate(_entry(), order(), watch))
    while len(peer.called(DRAW)) < 2:
        await asyncio.sleep(0.01)

    watch.cancel()
    await asyncio.sleep(0.3)

    assert not state.stopped.is_set()
    # Theirs ends, ours begins, and is stopped as soon as it has.
    theirs.cancel()
    with pytest.raises(GenerationCancelled):
        await work
    await asyncio.wait({theirs})
    await _until(peer, drawing=0)
    assert peer.drawn == []
    await others.aclose()
    await ours.aclose()


async def test_orders_of_one_backend_take_turns(peer: Automatic1111Peer) -> None:
    peer.delay_s = 0.2
    backend, watch = _backend(peer), _watch()
    first = asyncio.create_task(backend.generate(_entry(), order(), _watch()))
    await _until(peer, drawing=1)
    second = asyncio.create_task(backend.generate(_entry(), order(), watch))
    await asyncio.sleep(0.05)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await second
    assert (await first).images
    assert len(peer.called(DRAW)) == 1
    await backend.aclose()


async def test_pictures_that_somebody_else_stopped_are_not_taken_for_finished(peer: Automatic1111Peer) -> None:
    peer.delay_s = 60.0
    work = asyncio.create_task(_generate(peer))
    await _until(peer, drawing=1)

    async with aiohttp.ClientSession() as session:
        await session.post(f"{peer.url}/sdapi/v1/interrupt")

    with pytest.raises(BackendUnavailable, match="somebody else"):
        await work


async def test_a_drawing_that_never_ends_is_left_in_time_and_stopped(peer: Automatic1111Peer) -> None:
    peer.delay_s = 60.0

    with pytest.raises(TimedOut):
        await _generate(peer, backend=_backend(peer, deadline_s=0.5))

    await _until(peer, drawing=0)
    assert peer.drawn == []


async def test_a_drawing_that_cannot_be_stopped_hides_nothing(
    peer: Automatic1111Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.delay_s = 60.0
    peer.fault("server_error", path="/sdapi/v1/interrupt")
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(prompt="zorblax"), watch))
    await _until(peer, drawing=1)

    with caplog.at_level(logging.DEBUG):
        watch.cancel()
        await asyncio.wait({work})

    assert isinstance(work.exception(), GenerationCancelled)
    assert "could not be stopped" in caplog.text
    assert "zorblax" not in caplog.text
    await backend.aclose()


async def test_the_password_of_the_api_goes_with_every_question(peer: Automatic1111Peer) -> None:
    peer.guarded = True

    assert (await _generate(peer, backend=_backend(peer, auth=peer.key))).images
    with pytest.raises(AccountProblem, match="AUTOMATIC1111_AUTH"):
        await _generate(peer)


async def test_nobody_there_is_an_outage_told_with_the_address_and_without_a_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = Automatic1111Backend(
        base_url=f"http://zorblax:sk-secret@127.0.0.1:{port}/", patience=Patience(jitter=lambda: 0.0)
    )

    with pytest.raises(BackendUnavailable) as caught:
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()

    assert caught.value.detail == f"AUTOMATIC1111 at 127.0.0.1:{port} could not be reached."


async def test_an_entry_without_a_checkpoint_is_told_to_the_operator(peer: Automatic1111Peer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.checkpoint"):
        await _generate(peer, entry=api_entry({}))

    assert peer.calls == []


async def test_numbers_that_the_order_lacks_are_left_to_the_web_ui(peer: Automatic1111Peer) -> None:
    await _generate(peer, num_inference_steps=None, guidance_scale=None)

    assert not {"steps", "cfg_scale"} & set(peer.drawn[0])
