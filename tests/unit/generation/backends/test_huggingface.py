"""The Hugging Face backend against the stand-in, through each kind of provider: what is sent, kept, refused, left."""

import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.inference._providers import get_provider_helper

from generation.backends import huggingface
from generation.backends.base import Watch
from generation.backends.huggingface import HuggingFaceBackend
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
from tests.making_jobs import order
from tests.peers.huggingface import MODEL, HuggingFacePeer
from tests.peers.pictures import draw

PROVIDERS = ["fal-ai", "together", "replicate", "wavespeed", "zai-org", "hf-inference"]


@pytest.fixture
async def peer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[HuggingFacePeer]:
    async with HuggingFacePeer() as peer:
        # The library reads HF_ENDPOINT once, at its import.
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", peer.url)
        yield peer
        huggingface_hub.close_session()


def _entry(provider: str | None = None, **changes: Any) -> ModelEntry:
    arguments = {"model": MODEL, "provider": provider, **changes.pop("arguments", {})}
    return ModelEntry.model_validate(
        {
            "id": "zorb",
            "title": "Zorb",
            "maker": "tests",
            "backend": "huggingface",
            "arguments": {name: value for name, value in arguments.items() if value is not None},
            "openness": "open_weight",
            "licence": "Apache-2.0",
            "bot_use": "yes",
            "sizes": ["64x64"],
            "prices": {"image": 3_000},
            "checked_at": "2026-11-27",
            **changes,
        }
    )


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _backend(peer: HuggingFacePeer, path: str = "", **changes: Any) -> HuggingFaceBackend:
    return HuggingFaceBackend(
        **{
            "api_key": peer.key,
            "base_url": peer.url + path,
            "timeout_s": 30.0,
            "look_every_s": 0.01,
            "patience": Patience(jitter=lambda: 0.0),
            **changes,
        }
    )


async def _generate(
    peer: HuggingFacePeer, entry: ModelEntry | None = None, *, backend: HuggingFaceBackend | None = None, **changes: Any
) -> Any:
    # An entry that names no provider goes to the endpoint.
    entry = entry or _entry()
    backend = backend or _backend(peer, "" if "provider" in entry.arguments else "/endpoint")
    try:
        return await backend.generate(entry, order(**changes), _watch())
    finally:
        await backend.aclose()


def _posts(peer: HuggingFacePeer) -> list[Any]:
    return [call for call in peer.calls if call.method == "POST"]


SENT = {
    "fal-ai": {
        "prompt": "a red boat",
        "image_size": {"width": 64, "height": 32},
        "num_inference_steps": 2,
        "guidance_scale": 2.0,
        "seed": 7,
        "negative_prompt": "rain",
    },
    "together": {
        "prompt": "a red boat",
        "response_format": "base64",
        "model": "zorb/Zorb-one",
        "width": 64,
        "height": 32,
        "steps": 2,
        "guidance_scale": 2.0,
        "seed": 7,
        "negative_prompt": "rain",
    },
}


@pytest.mark.parametrize("provider", SENT)
async def test_the_request_is_the_providers_own(peer: HuggingFacePeer, provider: str) -> None:
    await _generate(peer, _entry(provider, arguments={"negative_prompt": "rain"}), height=32)

    (call,) = _posts(peer)
    assert call.status == 200
    assert call.sent == SENT[provider]
    assert call.headers["Accept"] == "image/png"


async def test_an_endpoint_of_ones_own_is_asked_without_a_look_at_the_hub(peer: HuggingFacePeer) -> None:
    made = await _generate(peer, _entry(arguments={"scheduler": "Zorb"}))

    (call,) = peer.calls
    assert (call.method, call.path) == ("POST", "/endpoint")
    assert call.sent == {
        "inputs": "a red boat",
        "parameters": {
            "width": 64,
            "height": 64,
            "num_inference_steps": 2,
            "guidance_scale": 2.0,
            "seed": 7,
            "scheduler": "Zorb",
        },
    }
    assert made.made_by.provider_request_id == "req-1"


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_the_providers_bytes_and_the_seeds_are_kept(peer: HuggingFacePeer, provider: str) -> None:
    made = await _generate(peer, _entry(provider), num_images=2)

    assert len({image.data for image in made.images}) == 2
    assert all(image.data in {draw(64, 64, number) for number in range(12)} for image in made.images)
    assert [image.seed for image in made.images] == [7, 8]
    assert made.made_by.revision
    assert made.notes == ()


@pytest.mark.parametrize(
    ("prices", "size", "cost"),
    [
        ({"image": 3_000}, 1024, 6_000),
        ({"first_megapixel": 3_000, "megapixel": 1_000}, 2048, 2 * (3_000 + 3 * 1_000)),
        ({}, 64, None),
    ],
)
async def test_the_cost_is_by_what_the_entry_prices(
    peer: HuggingFacePeer, prices: dict[str, int], size: int, cost: int | None
) -> None:
    made = await _generate(peer, _entry("together", prices=prices), num_images=2, width=size, height=size)

    assert made.made_by.cost == cost
    assert [name for name, _ in made.made_by.versions] == ["aiohttp", "huggingface_hub"]
    assert made.made_by.provider_request_id == "tog-1, tog-1"


async def test_a_model_that_takes_no_seed_says_so(peer: HuggingFacePeer) -> None:
    made = await _generate(peer, _entry("fal-ai", seeds=False))

    assert [image.seed for image in made.images] == [None]
    assert made.notes == ("Zorb takes no seed.",)
    assert "seed" not in _posts(peer)[0].sent


async def test_a_provider_that_takes_no_number_of_steps_is_told_of(peer: HuggingFacePeer) -> None:
    made = await _generate(peer, _entry("nscale"))

    assert made.notes == ("Zorb takes no number of steps.",)
    assert _posts(peer)[0].sent["size"] == "64x64"


ENDPOINT_FAILURES = [
    ("flagged", ContentRefused, 1),
    ("flagged_list", ContentRefused, 1),
    ("flagged_by_zai", ContentRefused, 1),
    ("flagged_by_together", ContentRefused, 1),
    ("struck_out", ContentRefused, 1),
    ("job_refused", ContentRefused, 1),
    ("wrong_field", UnsupportedRequest, 1),
    ("bad_key", AccountProblem, 1),
    ("forbidden", AccountProblem, 1),
    ("no_credit", AccountProblem, 1),
    ("not_found", ModelMissing, 1),
    ("rate_limit", RateLimited, 3),
    ("long_rate_limit", RateLimited, 1),
    ("loading", BackendUnavailable, 1),
    ("unavailable", BackendUnavailable, 3),
    ("server_error", BackendUnavailable, 1),
    ("job_failed", BackendUnavailable, 1),
    ("drop", TimedOut, 1),
    ("break_off", BadReply, 1),
    ("endless", BadReply, 1),
    ("garbage", BadReply, 1),
    ("elsewhere", BadReply, 1),
    ("job_lost", BadReply, 1),
    ("job_nowhere", BadReply, 1),
    ("no_images", BadReply, 1),
    ("bad_base64", BadReply, 1),
    ("no_address", BadReply, 1),
    ("not_a_picture", BadReply, 1),
    ("a_number", BadReply, 1),
]


@pytest.mark.parametrize(("fault", "kind", "calls"), ENDPOINT_FAILURES)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: HuggingFacePeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, times=9)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert len(peer.calls) == calls
    assert caught.value.detail.startswith("Hugging Face")
    assert "zorblax" not in caught.value.detail + caplog.text
    assert "sk-sec" not in caught.value.detail + caplog.text
    assert peer.key not in caught.value.detail + caplog.text


async def test_how_long_a_model_takes_to_load_is_passed_on(peer: HuggingFacePeer) -> None:
    peer.fault("loading")

    with pytest.raises(BackendUnavailable, match="loading") as caught:
        await _generate(peer)

    assert caught.value.retry_after_s == 45.0


async def test_an_answer_that_never_comes_is_left_in_time(peer: HuggingFacePeer) -> None:
    peer.fault("hang")

    with pytest.raises(TimedOut):
        await _generate(peer, backend=_backend(peer, "/endpoint", timeout_s=0.5))

    assert len(peer.calls) == 1


@pytest.mark.parametrize("provider", ["fal-ai", "replicate", "wavespeed", "zai-org"])
@pytest.mark.parametrize("fault", ["expired", "not_a_picture", "endless"])
async def test_a_finished_picture_that_cannot_be_fetched(peer: HuggingFacePeer, provider: str, fault: str) -> None:
    peer.fault(fault, path="/files", times=9)

    with pytest.raises(BadReply):
        await _generate(peer, _entry(provider))

    assert len(peer.called("/files")) == 1


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: HuggingFacePeer) -> None:
    peer.fault("truncated")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("job_failed", BackendUnavailable), ("job_refused", ContentRefused), ("not_found", ModelMissing)],
)
@pytest.mark.parametrize("provider", ["replicate", "wavespeed"])
async def test_a_job_that_ends_badly(
    peer: HuggingFacePeer, provider: str, fault: str, kind: type[GenerationError]
) -> None:
    job = {"replicate": "/replicate/v1/predictions/", "wavespeed": "/wavespeed/api/v3/predictions/"}[provider]
    peer.fault(fault, path=job)

    with pytest.raises(GenerationError) as caught:
        await _generate(peer, _entry(provider), prompt="zorblax")

    assert type(caught.value) is kind
    assert "zorblax" not in caught.value.detail


async def test_an_outage_while_looking_at_a_job_is_passed_over(peer: HuggingFacePeer) -> None:
    peer.fault("server_error", path="/wavespeed/api/v3/predictions/", times=2)

    made = await _generate(peer, _entry("wavespeed"))

    assert len(made.images) == 1
    assert len(_posts(peer)) == 1


async def test_a_picture_that_is_never_fetched_is_left_in_time_too(peer: HuggingFacePeer) -> None:
    peer.fault("hang", path="/files", times=9)

    with pytest.raises(TimedOut, match="did not finish the picture"):
        await _generate(peer, _entry("fal-ai"), backend=_backend(peer, timeout_s=0.5, job_s=0.1))


@pytest.mark.parametrize("provider", ["replicate", "wavespeed"])
async def test_a_job_that_never_ends_is_left_in_time_and_cancelled_where_it_can_be(
    peer: HuggingFacePeer, provider: str
) -> None:
    peer.looks = 1_000_000

    with pytest.raises(TimedOut):
        await _generate(peer, _entry(provider), backend=_backend(peer, job_s=0.5))

    assert [work.cancelled for work in peer.work.values()] == [provider == "replicate"]


async def test_cancelling_cancels_the_jobs_and_the_next_goes_well(peer: HuggingFacePeer) -> None:
    peer.looks = 1_000_000
    backend, watch = _backend(peer), _watch()

    work = asyncio.create_task(backend.generate(_entry("replicate"), order(num_images=2), watch))
    while len(peer.work) < 2 or not all(job.looks for job in peer.work.values()):
        await asyncio.sleep(0.01)
    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert [job.cancelled for job in peer.work.values()] == [True, True]
    peer.looks = 1
    assert await _generate(peer, _entry("replicate"), backend=backend)


async def test_a_cancel_that_fails_is_nobodys_trouble(peer: HuggingFacePeer, caplog: pytest.LogCaptureFixture) -> None:
    peer.looks = 1_000_000
    backend, watch = _backend(peer), _watch()

    work = asyncio.create_task(backend.generate(_entry("replicate"), order(), watch))
    while not any(job.looks for job in peer.work.values()):
        await asyncio.sleep(0.01)
    peer.fault("server_error", path="/replicate/v1/predictions/w1/cancel")
    with caplog.at_level(logging.DEBUG, logger="generation"):
        watch.cancel()
        with pytest.raises(GenerationCancelled):
            await work
    await backend.aclose()

    assert "could not be cancelled: BackendUnavailable" in caplog.text


async def test_one_that_fails_takes_the_others_with_it(peer: HuggingFacePeer) -> None:
    peer.fault("flagged", path="/replicate")
    peer.looks = 1_000_000

    with pytest.raises(ContentRefused):
        await _generate(peer, _entry("replicate"), num_images=3)

    assert all(job.cancelled for job in peer.work.values() if job.looks)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": None}, r"arguments\.model"),
        ({"provider": "zorblax-ai"}, "no provider"),
        ({"provider": "hyperbolic"}, "no provider"),
        ({"provider": "groq"}, "no provider"),
        ({"provider": "fal-ai", "model": "zorb/unheard-of"}, "does not know the model"),
        ({"provider": "fal-ai", "model": "no name at all"}, "no provider"),
    ],
)
async def test_what_the_catalogue_says_wrongly_is_told_to_the_operator(
    peer: HuggingFacePeer, arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelMissing, match=said):
        await _generate(peer, _entry(arguments=arguments), prompt="zorblax")

    assert not _posts(peer)


async def test_neither_a_provider_nor_an_endpoint_is_told_to_the_operator() -> None:
    backend = HuggingFaceBackend(api_key="hf_made-up")

    with pytest.raises(ModelMissing, match=r"arguments\.provider.*HF_INFERENCE_BASE_URL"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = HuggingFaceBackend(api_key=None)

    with pytest.raises(ModelMissing, match="HF_TOKEN"):
        await backend.generate(_entry("fal-ai"), order(), _watch())
    await backend.aclose()


async def test_a_hub_that_is_out_is_an_outage(peer: HuggingFacePeer) -> None:
    peer.fault("server_error", path="/api/models", times=9)

    with pytest.raises(BackendUnavailable, match="hub"):
        await _generate(peer, _entry("fal-ai", arguments={"model": "zorb/nobody-looked-for-it-yet"}))


async def test_nobody_there_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", nobody)
    backend = HuggingFaceBackend(api_key="hf_x", base_url=nobody, patience=Patience(jitter=lambda: 0.0))

    for entry in (_entry(), _entry("fal-ai", arguments={"model": "zorb/never-looked-for"})):
        with pytest.raises(BackendUnavailable, match="could not be reached"):
            await backend.generate(entry, order(), _watch())
    await backend.aclose()
    huggingface_hub.close_session()


async def test_a_providers_own_key_goes_to_the_provider_itself(
    peer: HuggingFacePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The library writes the provider's address into its helper; there is no setting for it.
    helper = get_provider_helper("together", task="text-to-image", model=MODEL)
    monkeypatch.setattr(helper, "base_url", f"{peer.url}/together")
    monkeypatch.setattr(HuggingFacePeer, "key", "made-up-key-of-together")

    made = await _generate(peer, _entry("together"), backend=_backend(peer, "/elsewhere"))

    assert len(made.images) == 1
    assert _posts(peer)[0].path == "/together/v1/images/generations"


async def test_looking_a_model_up_never_holds_the_loop(peer: HuggingFacePeer, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[threading.Thread] = []
    ask = get_provider_helper

    def noting(*args: Any, **kwargs: Any) -> Any:
        seen.append(threading.current_thread())
        return ask(*args, **kwargs)

    monkeypatch.setattr(huggingface, "get_provider_helper", noting)

    await _generate(peer, _entry("fal-ai"))

    assert seen
    assert threading.main_thread() not in seen
