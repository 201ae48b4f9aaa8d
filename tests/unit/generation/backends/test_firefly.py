"""The Firefly backend against the stand-in: tokens kept and renewed, jobs followed and cancelled, ends told apart."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Generated, Watch
from generation.backends.firefly import FireflyBackend
from generation.backends.firefly_reply import read_token
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
from tests.peers.firefly import CLIENT_ID, FireflyPeer
from tests.peers.pictures import draw

TOKEN, SUBMIT, LOOK, CANCEL, LINK = (
    "/ims/token/v3",
    "/v3/images/generate-async",
    "/v3/status",
    "/v3/cancel",
    "/presigned",
)
PLAIN: dict[str, Any] = {"num_inference_steps": None, "guidance_scale": None}


@pytest.fixture
async def peer() -> AsyncIterator[FireflyPeer]:
    async with FireflyPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _entry(**arguments: Any) -> ModelEntry:
    return api_entry({"model": "image4_standard"} | arguments, backend="firefly", seeds=True, max_images=10)


def _backend(peer: FireflyPeer, **changes: Any) -> FireflyBackend:
    known: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "client_secret": peer.key,
        "base_url": peer.url,
        "ims_url": peer.url,
        "poll_s": 0.01,
        "patience": Patience(jitter=lambda: 0.0),
    }
    return FireflyBackend(**known | changes)


async def _generate(
    peer: FireflyPeer, *, entry: ModelEntry | None = None, backend: FireflyBackend | None = None, **changes: Any
) -> Generated:
    backend = backend or _backend(peer)
    try:
        return await backend.generate(entry or _entry(), order(**PLAIN | changes), _watch())
    finally:
        await backend.aclose()


async def _until_looked_at(peer: FireflyPeer) -> None:
    while not peer.called(LOOK):
        await asyncio.sleep(0.01)


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: FireflyPeer) -> None:
    entry = _entry(content_class="art", visual_intensity=4, locale="en-US", negative_prompt="text")

    made = await _generate(peer, entry=entry, num_images=2, width=128)

    token, submitted, looked, *_ = peer.calls
    assert (token.method, token.path) == ("POST", TOKEN)
    assert token.sent["grant_type"] == "client_credentials"
    assert (submitted.method, submitted.path) == ("POST", SUBMIT)
    assert submitted.headers["x-model-version"] == "image4_standard"
    assert submitted.sent == {
        "prompt": "a red boat",
        "size": {"width": 128, "height": 64},
        "contentClass": "art",
        "visualIntensity": 4,
        "promptBiasingLocaleCode": "en-US",
        "negativePrompt": "text",
        "numVariations": 2,
        "seeds": [7, 8],
    }
    assert (looked.method, looked.path) == ("GET", f"{LOOK}/urn:ff:jobs:1")
    assert peer.called(CANCEL) == []
    assert made.notes == ()


async def test_the_pictures_of_one_job_are_kept_as_they_came_in_the_order_of_their_seeds(peer: FireflyPeer) -> None:
    made = await _generate(peer, num_images=3, seed=7)

    assert len(peer.called(SUBMIT)) == 1
    assert [image.data for image in made.images] == [draw(64, 64, seed) for seed in (7, 8, 9)]
    assert [image.seed for image in made.images] == [7, 8, 9]


async def test_more_pictures_than_a_job_holds_are_several_jobs_with_one_token(peer: FireflyPeer) -> None:
    made = await _generate(peer, num_images=6, seed=2**31 - 2)

    seeds = [2**31 - 2, 2**31 - 1, 0, 1, 2, 3]
    assert sorted(call.sent["numVariations"] for call in peer.called(SUBMIT)) == [2, 4]
    assert [image.seed for image in made.images] == seeds
    assert len(peer.called(TOKEN)) == 1
    assert set((made.made_by.provider_request_id or "").split(", ")) == {"urn:ff:jobs:1", "urn:ff:jobs:2"}


async def test_a_model_that_draws_one_picture_a_job_is_given_one(peer: FireflyPeer) -> None:
    await _generate(peer, entry=_entry(model="image4_ultra", variations=1), num_images=2)

    assert [call.sent["numVariations"] for call in peer.called(SUBMIT)] == [1, 1]


async def test_without_a_public_price_the_cost_is_not_known(peer: FireflyPeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    assert made_by.cost is None
    assert dict(made_by.usage) == {"image": 2}
    assert made_by.revision == "image4_standard"
    assert made_by.provider_request_id == "urn:ff:jobs:1"


async def test_what_firefly_cannot_be_told_and_what_it_left_out_is_said(peer: FireflyPeer) -> None:
    peer.denied_words, peer.lost_pictures = True, 1

    made = await _generate(peer, num_images=3, num_inference_steps=20, guidance_scale=3.0)

    assert made.notes == (
        "Closed takes no number of steps.",
        "Closed takes no guidance scale.",
        "Closed left words of the prompt out that it does not draw.",
        "Closed made 2 of 3 pictures.",
    )
    assert dict(made.made_by.usage) == {"image": 2}


async def test_a_token_is_kept_from_one_picture_to_the_next(peer: FireflyPeer) -> None:
    backend = _backend(peer)

    await backend.generate(_entry(), order(**PLAIN), _watch())
    await backend.generate(_entry(), order(**PLAIN), _watch())
    await backend.aclose()

    assert len(peer.called(TOKEN)) == 1


async def test_a_token_that_ran_out_before_its_time_is_renewed_and_nothing_is_lost(peer: FireflyPeer) -> None:
    backend = _backend(peer)
    await backend.generate(_entry(), order(**PLAIN), _watch())
    peer.forget_tokens()

    assert (await backend.generate(_entry(), order(**PLAIN), _watch())).images
    await backend.aclose()

    assert len(peer.called(TOKEN)) == 2
    assert [call.status for call in peer.called(SUBMIT)] == [202, 401, 202]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        (86_399, 86_099.0),
        (10**12, 86_100.0),
        (60, 30.0),
        (0, 0.0),
        (-5, 0.0),
        (None, 0.0),
        ("86399", 0.0),
        (float("nan"), 0.0),
        (float("inf"), 86_100.0),
    ],
)
def test_how_long_a_token_is_kept(told: object, kept: float) -> None:
    assert read_token({"access_token": "t", "expires_in": told}) == ("t", kept)


async def test_a_token_that_lives_no_known_time_serves_once(peer: FireflyPeer) -> None:
    peer.lifetime_s = float("nan")

    assert (await _generate(peer)).images
    assert len(peer.called(TOKEN)) == len(peer.called(SUBMIT)) + len(peer.called(LOOK))


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("invalid_client", AccountProblem, 1),
        ("invalid_scope", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("long_rate_limit", RateLimited, 1),
        ("server_error", BackendUnavailable, 3),
        ("drop", TimedOut, 3),
        ("garbage", BadReply, 1),
        ("no_token", BadReply, 1),
        ("odd_token", BadReply, 1),
    ],
)
async def test_without_a_token_nothing_is_asked_for(
    peer: FireflyPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=TOKEN, times=9)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert len(peer.called(TOKEN)) == calls
    assert peer.called(SUBMIT) == []
    assert caught.value.detail.startswith("Adobe Firefly")
    for secret in ("zorblax", peer.key, "sk-sec"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("prompt_unsafe", ContentRefused, 1),
        ("quota_exhausted", AccountProblem, 1),
        ("not_entitled", AccountProblem, 1),
        ("denied", AccountProblem, 1),
        ("token_refused", AccountProblem, 2),
        ("not_found", ModelMissing, 1),
        ("validation", UnsupportedRequest, 1),
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
    peer: FireflyPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=SUBMIT, times=9)
    backend = _backend(peer, timeout_s=0.7 if fault == "hang" else 10.0)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", backend=backend)

    assert type(caught.value) is kind
    assert len(peer.called(SUBMIT)) == calls
    assert peer.called(LOOK) == peer.called(CANCEL) == []
    assert caught.value.detail.startswith("Adobe Firefly")
    for secret in ("zorblax", peer.key, "sk-sec", "of-the-stand-in"):
        assert secret not in caught.value.detail + caplog.text


@pytest.mark.parametrize(
    ("fault", "path", "kind"),
    [
        ("failed", LOOK, BackendUnavailable),
        ("failed_as_unsafe", LOOK, ContentRefused),
        ("failed_as_withheld", LOOK, ContentRefused),
        ("failed_as_foreign", LOOK, UnsupportedRequest),
        ("timed_out", LOOK, TimedOut),
        ("cancelled_there", LOOK, BackendUnavailable),
        ("unknown_job", LOOK, BadReply),
        ("token_refused", LOOK, AccountProblem),
        ("no_status", LOOK, BadReply),
        ("garbage", LOOK, BadReply),
        ("no_result", LOOK, BadReply),
        ("no_outputs", LOOK, BadReply),
        ("too_many", LOOK, BadReply),
        ("odd_output", LOOK, BadReply),
        ("no_link", LOOK, BadReply),
        ("odd_link", LOOK, BadReply),
        ("expired", LINK, BadReply),
        ("not_found", LINK, BadReply),
        ("not_a_picture", LINK, BadReply),
        ("break_off", LINK, BadReply),
    ],
)
async def test_a_job_that_comes_to_nothing_has_its_kind_and_is_not_asked_for_again(
    peer: FireflyPeer, fault: str, path: str, kind: type[GenerationError], caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, path=path, times=9)

    with caplog.at_level(logging.DEBUG), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert caught.value.detail.startswith("Adobe Firefly")
    assert "zorblax" not in caught.value.detail + caplog.text
    assert len(peer.called(SUBMIT)) == 1


@pytest.mark.parametrize("fault", ["server_error", "unavailable", "rate_limit", "long_rate_limit", "drop"])
async def test_an_outage_while_waiting_loses_no_job_that_is_taken(peer: FireflyPeer, fault: str) -> None:
    peer.fault(fault, path=LOOK, times=5)

    assert (await _generate(peer)).images
    assert len(peer.called(SUBMIT)) == 1
    assert peer.called(CANCEL) == []


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: FireflyPeer) -> None:
    peer.fault("truncated", path=LINK)
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_of_several_jobs_one_that_fails_cancels_the_others_at_adobe(peer: FireflyPeer) -> None:
    peer.delay_s = 30.0
    peer.fault("failed_as_unsafe", path=f"{LOOK}/urn:ff:jobs:2")

    with pytest.raises(ContentRefused):
        await _generate(peer, num_images=8)

    assert [call.path for call in peer.called(CANCEL)] == [f"{CANCEL}/urn:ff:jobs:1"]
    assert peer.jobs["urn:ff:jobs:1"].cancelled


async def test_the_stand_in_refuses_what_the_platform_would(peer: FireflyPeer) -> None:
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, width=72)
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, entry=_entry(model="image99"))
    with pytest.raises(AccountProblem):
        await _generate(peer, backend=_backend(peer, client_secret="another"))


async def test_cancelling_in_the_middle_cancels_the_job_at_adobe(peer: FireflyPeer) -> None:
    peer.delay_s = 30.0
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(num_images=8, **PLAIN), watch))
    await _until_looked_at(peer)
    while len(peer.jobs) < 2:
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert peer.waiting == []
    assert {call.method for call in peer.called(CANCEL)} == {"PUT"}
    await backend.aclose()


async def test_a_task_that_is_cancelled_cancels_the_job_at_adobe(peer: FireflyPeer) -> None:
    peer.delay_s = 30.0
    backend = _backend(peer)
    work = asyncio.create_task(backend.generate(_entry(), order(**PLAIN), _watch()))
    await _until_looked_at(peer)

    work.cancel()

    with pytest.raises(asyncio.CancelledError):
        await work
    assert peer.waiting == []
    await backend.aclose()


async def test_a_job_that_adobe_is_just_taking_is_cancelled_too(peer: FireflyPeer) -> None:
    peer.delay_s, peer.taking_s = 30.0, 0.4
    backend, watch = _backend(peer), _watch()
    work = asyncio.create_task(backend.generate(_entry(), order(**PLAIN), watch))
    while not peer.jobs:
        await asyncio.sleep(0.01)

    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert len(peer.jobs) == 1
    assert peer.waiting == []
    await backend.aclose()


async def test_a_job_that_cannot_be_cancelled_hides_nothing(
    peer: FireflyPeer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault("no_status", path=LOOK)
    peer.fault("server_error", path=CANCEL)

    with caplog.at_level(logging.DEBUG), pytest.raises(BadReply, match="how the job stands"):
        await _generate(peer, prompt="zorblax")

    assert "could not be cancelled" in caplog.text
    assert "zorblax" not in caplog.text


async def test_a_job_that_is_never_done_is_left_in_time_and_cancelled(peer: FireflyPeer) -> None:
    peer.delay_s = 30.0

    with pytest.raises(TimedOut, match="did not finish it"):
        await _generate(peer, backend=_backend(peer, deadline_s=0.5))

    assert peer.waiting == []


async def test_progress_is_what_adobe_says_of_all_jobs_together(peer: FireflyPeer) -> None:
    for told in ("odd_progress", "half_way"):
        peer.fault(told, path=f"{LOOK}/urn:ff:jobs:1")
    heard: list[tuple[str, int, int]] = []
    backend = _backend(peer)

    await backend.generate(_entry(), order(num_images=8, **PLAIN), Watch(lambda *word: heard.append(word)))
    await backend.aclose()

    assert heard == [("drawing", 0, 0), ("drawing", 50, 200)]


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        ({"client_id": None, "client_secret": None}, "FIREFLY_CLIENT_ID"),
        ({"client_id": "x", "client_secret": None}, "FIREFLY_CLIENT_SECRET"),
        ({"client_id": "", "client_secret": "x"}, "FIREFLY_CLIENT_ID"),
    ],
)
async def test_without_a_key_the_operator_is_told_which(known: dict[str, str | None], missing: str) -> None:
    backend = FireflyBackend(client_id=known["client_id"], client_secret=known["client_secret"])

    with pytest.raises(ModelMissing, match=missing):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: FireflyPeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=api_entry({}, backend="firefly"))

    assert peer.calls == []
