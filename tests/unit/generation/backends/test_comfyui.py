"""The ComfyUI backend against the stand-in: jobs heard, followed, taken back and fetched, and what each failure is."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from generation.backends.base import Generated, Watch
from generation.backends.comfyui import ComfyUIBackend
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
from tests.peers.comfyui import WORKFLOW, ComfyUIPeer
from tests.peers.pictures import draw


@pytest.fixture
async def peer() -> AsyncIterator[ComfyUIPeer]:
    async with ComfyUIPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**changes: Any) -> ModelEntry:
    arguments = {"workflow": str(WORKFLOW)} | changes.pop("arguments", {})
    return api_entry(arguments, seeds=True, **changes)


def _other_workflow(folder: Path, **inputs: Any) -> str:
    """The path of a template like the shipped one, with other inputs of its latent picture."""
    nodes = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    nodes["5"]["inputs"] |= inputs
    (path := folder / "other.json").write_text(json.dumps(nodes), encoding="utf-8")
    return str(path)


def _backend(peer: ComfyUIPeer, **changes: Any) -> ComfyUIBackend:
    known: dict[str, Any] = {"base_url": peer.url, "poll_s": 0.01, "patience": Patience(jitter=lambda: 0.0)}
    return ComfyUIBackend(**known | changes)


async def _generate(
    peer: ComfyUIPeer,
    *,
    entry: ModelEntry | None = None,
    backend: ComfyUIBackend | None = None,
    watch: Watch | None = None,
    **changes: Any,
) -> Generated:
    backend = backend or _backend(peer)
    try:
        return await backend.generate(entry or _entry(), order(**changes), watch or _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_the_filled_workflow_and_no_more(peer: ComfyUIPeer) -> None:
    await _generate(peer, width=128)

    (call,) = peer.called("/prompt")
    assert set(call.sent) == {"prompt", "client_id", "prompt_id"}
    nodes = call.sent["prompt"]
    assert nodes["3"]["inputs"] | {"seed": 7, "steps": 2, "cfg": 2.0} == nodes["3"]["inputs"]
    assert nodes["5"]["inputs"] == {"width": 128, "height": 64, "batch_size": 1}
    assert nodes["6"]["inputs"]["text"] == "a red boat, sharp"
    assert "Authorization" not in call.headers


async def test_every_picture_is_a_job_with_its_own_seed_and_its_bytes_are_kept(peer: ComfyUIPeer) -> None:
    made = await _generate(peer, num_images=3, seed=7)

    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, 8, 9]
    assert made.notes == ()


async def test_what_made_it_is_noted_and_costs_nothing_unless_prices_say_so(peer: ComfyUIPeer) -> None:
    free = (await _generate(peer, num_images=2)).made_by
    priced = (await _generate(peer, num_images=2, entry=_entry(prices={"image": 1_500}))).made_by

    assert (free.cost, priced.cost) == (None, 3_000)
    assert dict(free.usage) == {"image": 2}
    assert set(str(free.provider_request_id).split(", ")) == {job.id for job in peer.jobs[:2]}
    assert str(free.revision).startswith("comfyui.json@")
    assert free.backend == "comfyui"
    assert free.versions == (("aiohttp", aiohttp.__version__),)


async def test_steps_are_heard_over_all_jobs_and_never_go_back(peer: ComfyUIPeer) -> None:
    heard: list[tuple[str, int, int]] = []

    await _generate(peer, num_images=2, num_inference_steps=4, watch=Watch(lambda *word: heard.append(word)))

    assert heard[0] == ("drawing", 0, 0)
    assert ("drawing", 8, 8) in heard
    assert heard == sorted(heard)


async def test_a_websocket_that_breaks_costs_nothing_but_the_progress(peer: ComfyUIPeer) -> None:
    peer.mute, peer.delay_s = True, 0.3

    assert (await _generate(peer)).images
    assert len(peer.called("/history")) > 1


@pytest.mark.parametrize("fault", ["not_found", "bad_key", "server_error", "drop", "garbage"])
async def test_a_websocket_that_is_refused_costs_nothing_but_the_progress(peer: ComfyUIPeer, fault: str) -> None:
    peer.fault(fault, path="/ws", times=9)
    heard: list[tuple[str, int, int]] = []

    made = await _generate(peer, watch=Watch(lambda *word: heard.append(word)))

    assert made.images
    assert heard == [("drawing", 0, 0)]


async def test_looking_again_after_an_outage_loses_no_job(peer: ComfyUIPeer) -> None:
    for path in ("/history", "/view", "/queue"):
        peer.fault("server_error", path=path)

    assert (await _generate(peer)).images
    assert len(peer.jobs) == 1


async def test_a_count_in_the_workflow_draws_all_in_one_job(peer: ComfyUIPeer, tmp_path: Path) -> None:
    entry = _entry(arguments={"workflow": _other_workflow(tmp_path, batch_size="{{count}}")})

    made = await _generate(peer, entry=entry, num_images=3)

    assert len(peer.jobs) == 1
    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, None, None]
    assert made.notes == ("Closed draws several pictures from the seed of the first.",)


async def test_what_the_workflow_cannot_do_is_said(peer: ComfyUIPeer, tmp_path: Path) -> None:
    entry = _entry(arguments={"workflow": _other_workflow(tmp_path, width=96, height=64)})

    made = await _generate(peer, entry=entry)

    assert look_at(made.images[0].data).width == 96
    assert made.notes == ("Closed takes no size.",)


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("unknown_node", ModelMissing, 1),
        ("no_outputs", UnsupportedRequest, 1),
        ("wrong_number", UnsupportedRequest, 1),
        ("odd_refusal", UnsupportedRequest, 1),
        ("not_found", ModelMissing, 1),
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
        ("no_job", BadReply, 1),
        ("odd_job", BadReply, 1),
    ],
)
async def test_each_refusal_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: ComfyUIPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path="/prompt", times=9)
    backend = _backend(peer, api_key=peer.key, timeout_s=0.7 if fault == "hang" else 10.0)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", backend=backend)

    assert type(caught.value) is kind
    assert len(peer.called("/prompt")) == calls
    assert caught.value.detail.startswith("ComfyUI at 127.0.0.1:")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("unknown_node", "(ZorblaxSampler)"),
        ("no_outputs", "(prompt_no_outputs)"),
        ("wrong_number", "(KSampler, ckpt_name, value_bigger_than_max)"),
    ],
)
async def test_a_refused_workflow_is_told_by_its_names(peer: ComfyUIPeer, fault: str, says: str) -> None:
    peer.fault(fault, path="/prompt")

    with pytest.raises(GenerationError) as caught:
        await _generate(peer)

    assert says in caught.value.detail


async def test_a_checkpoint_that_comfyui_does_not_have_is_told_to_the_operator(
    peer: ComfyUIPeer, tmp_path: Path
) -> None:
    nodes = json.loads(WORKFLOW.read_text(encoding="utf-8"))
    nodes["4"]["inputs"]["ckpt_name"] = "gone.safetensors"
    (path := tmp_path / "gone.json").write_text(json.dumps(nodes), encoding="utf-8")

    with pytest.raises(ModelMissing, match="CheckpointLoaderSimple, ckpt_name"):
        await _generate(peer, entry=_entry(arguments={"workflow": str(path)}))


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ("error", UnsupportedRequest),
        ("oom", OutOfMemory),
        ("interrupted", BackendUnavailable),
        ("forgotten", BackendUnavailable),
        ("empty", BadReply),
        ("twice", UnsupportedRequest),
    ],
)
async def test_a_job_that_comes_to_nothing_has_its_kind(
    peer: ComfyUIPeer, ending: str, kind: type[GenerationError], caplog: pytest.LogCaptureFixture
) -> None:
    peer.endings = [ending]
    # Deaf, so that a job of whose end no word comes is looked for at once.
    peer.fault("not_found", path="/ws")

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert caught.value.detail.startswith("ComfyUI")
    assert "zorblax" not in caught.value.detail + caplog.text
    assert len(peer.jobs) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("gone", BadReply),
        ("outside", BadReply),
        ("not_a_picture", BadReply),
        ("endless", BadReply),
        ("bad_key", AccountProblem),
        ("server_error", BackendUnavailable),
    ],
)
async def test_a_picture_that_cannot_be_fetched_has_its_kind(
    peer: ComfyUIPeer, fault: str, kind: type[GenerationError]
) -> None:
    peer.fault(fault, path="/view", times=9)

    with pytest.raises(GenerationError) as caught:
        await _generate(peer)

    assert type(caught.value) is kind
    assert caught.value.detail.startswith("ComfyUI")


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: ComfyUIPeer) -> None:
    peer.fault("truncated", path="/view")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_previews_are_taken_where_nothing_is_saved(peer: ComfyUIPeer) -> None:
    peer.endings = ["preview"]

    assert (await _generate(peer)).images[0].data == draw(64, 64, 7)


async def test_of_two_nodes_that_save_the_entry_names_one(peer: ComfyUIPeer) -> None:
    peer.endings = ["twice"]

    assert len((await _generate(peer, entry=_entry(arguments={"output": "9"}))).images) == 1


async def test_of_several_pictures_one_that_fails_takes_the_others_back(peer: ComfyUIPeer) -> None:
    peer.endings = ["error", "hang", "hang"]
    peer.delay_s = 0.05

    with pytest.raises(UnsupportedRequest):
        await _generate(peer, num_images=3)

    await _until_idle(peer)
    assert not any(job.drawn for job in peer.jobs)


async def _until_idle(peer: ComfyUIPeer) -> None:
    """Until the stand-in draws nothing any more; a job that was not taken back keeps it from that for ever."""
    while peer.pending or peer.running is not None:
        await asyncio.sleep(0.01)


async def _until_drawing(peer: ComfyUIPeer) -> None:
    while peer.running is None:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("year", [2024, 2026])
async def test_cancelling_in_the_middle_interrupts_the_job_and_takes_the_next_from_the_queue(
    peer: ComfyUIPeer, year: int
) -> None:
    peer.old, peer.endings = year == 2024, ["hang", "hang"]
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(num_images=2), watch))
    while len(peer.jobs) < 2:
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    await _until_idle(peer)
    assert (await _generate(peer, backend=backend)).images


async def test_cancelling_leaves_the_jobs_of_others_alone(peer: ComfyUIPeer) -> None:
    peer.old, peer.endings = True, ["hang", "success"]
    others, ours, watch = _backend(peer), _backend(peer), _watch()
    theirs = asyncio.create_task(others.generate(_entry(), order(), _watch()))
    await _until_drawing(peer)
    work = asyncio.create_task(ours.generate(_entry(), order(), watch))
    while not peer.pending:
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert peer.pending == []
    assert peer.running is not None
    assert not peer.running.stopped.is_set()
    theirs.cancel()
    await asyncio.wait({theirs})
    await others.aclose()
    await ours.aclose()


async def test_a_task_that_is_cancelled_while_the_job_is_taken_takes_it_back(peer: ComfyUIPeer) -> None:
    peer.endings = ["hang"]
    backend = _backend(peer)
    work = asyncio.create_task(backend.generate(_entry(), order(), _watch()))
    while not peer.called("/prompt"):
        await asyncio.sleep(0)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    await _until_idle(peer)
    await backend.aclose()


async def test_a_job_that_cannot_be_taken_back_hides_nothing(
    peer: ComfyUIPeer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.endings = ["hang"]
    peer.fault("bad_key", path="/history", times=9)
    peer.fault("server_error", path="/queue", times=9)
    peer.fault("not_found", path="/ws")

    with caplog.at_level(logging.DEBUG), pytest.raises(AccountProblem):
        await _generate(peer, prompt="zorblax")

    assert "could not be taken back" in caplog.text
    assert "zorblax" not in caplog.text


async def test_a_job_that_never_ends_is_left_in_time_and_taken_back(peer: ComfyUIPeer) -> None:
    peer.endings = ["hang"]

    with pytest.raises(TimedOut):
        await _generate(peer, backend=_backend(peer, deadline_s=0.5))

    await _until_idle(peer)


async def test_a_proxy_in_front_gets_its_key_everywhere(peer: ComfyUIPeer) -> None:
    peer.guarded = True
    heard: list[tuple[str, int, int]] = []

    await _generate(peer, backend=_backend(peer, api_key=peer.key), watch=Watch(lambda *word: heard.append(word)))

    assert len(heard) > 1
    with pytest.raises(AccountProblem, match="COMFYUI_API_KEY"):
        await _generate(peer)


async def test_nobody_there_is_an_outage_told_with_the_address_and_without_a_password() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = ComfyUIBackend(
        base_url=f"http://zorblax:sk-secret@127.0.0.1:{port}/", patience=Patience(jitter=lambda: 0.0)
    )

    with pytest.raises(BackendUnavailable) as caught:
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()

    assert caught.value.detail == f"ComfyUI at 127.0.0.1:{port} could not be reached."


@pytest.mark.parametrize("arguments", [{}, {"workflow": ""}])
async def test_an_entry_without_a_workflow_is_told_to_the_operator(
    peer: ComfyUIPeer, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.workflow"):
        await _generate(peer, entry=api_entry(arguments))

    assert peer.calls == []


async def test_work_that_was_cancelled_before_is_not_begun(peer: ComfyUIPeer) -> None:
    watch = _watch()
    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await _generate(peer, watch=watch)

    assert peer.calls == []
