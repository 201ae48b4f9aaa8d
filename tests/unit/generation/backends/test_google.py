"""The Google backend against the stand-in: what is sent, what is kept, what each failure becomes, what is retried."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from generation.backends.base import Watch
from generation.backends.google import GoogleBackend
from generation.backends.google_reply import format_for, read_reply, understand
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
from tests.peers.google import TOKENS, GooglePeer, size_of
from tests.peers.pictures import draw

MODEL = "gemini-nano-banana-2.1"
PRICES = {"text_input": 500_000, "image_output": 30_000_000}


@pytest.fixture
async def peer() -> AsyncIterator[GooglePeer]:
    async with GooglePeer() as peer:
        yield peer


def _entry(arguments: dict[str, Any] | None = None) -> ModelEntry:
    return ModelEntry.model_validate(
        {
            "id": "banana",
            "title": "Banana",
            "maker": "Google",
            "backend": "google",
            "arguments": {"model": MODEL} if arguments is None else arguments,
            "openness": "api_only",
            "prompt_goes_to": "Google",
            "licence": "Gemini API terms",
            "bot_use": "yes",
            "sizes": ["1024x1024"],
            "seeds": False,
            "prices": PRICES,
            "checked_at": "2026-11-27",
        }
    )


def _watch() -> Watch:
    return Watch(lambda *_: None)


def _backend(peer: GooglePeer, timeout_s: float = 30.0, key: str = GooglePeer.key) -> GoogleBackend:
    return GoogleBackend(api_key=key, base_url=peer.url, timeout_s=timeout_s, patience=Patience(jitter=lambda: 0.0))


async def _generate(
    peer: GooglePeer, *, entry: ModelEntry | None = None, timeout_s: float = 30.0, **changes: Any
) -> Any:
    backend = _backend(peer, timeout_s)
    size = {"width": 1024, "height": 1024}
    try:
        return await backend.generate(entry or _entry(), order(**(size | changes)), _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: GooglePeer) -> None:
    await _generate(peer, width=2752, height=1536)

    (call,) = peer.calls
    assert (call.method, call.path, call.status) == ("POST", f"/v1/models/{MODEL}:generateContent", 200)
    assert call.sent == {
        "contents": [{"parts": [{"text": "a red boat"}], "role": "user"}],
        "generationConfig": {
            "responseModalities": ["IMAGE"],
            "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
        },
    }


async def test_googles_bytes_are_kept_as_they_came(peer: GooglePeer) -> None:
    made = await _generate(peer, num_images=2)

    assert {image.data for image in made.images} == {draw(64, 64, 0), draw(64, 64, 1)}
    assert b"provenance" in made.images[0].data
    assert [(image.seed, image.media_type) for image in made.images] == [(None, "image/png")] * 2
    assert "Banana takes no seed." in made.notes


async def test_cost_tokens_and_the_answers_ids_are_noted(peer: GooglePeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    # The stand-in counts a token for each of the prompt's three words.
    assert dict(made_by.usage) == {"text_input": 6, "image_input": 0, "image_output": 2 * TOKENS}
    assert made_by.cost == 3 + 2 * TOKENS * 30
    assert sorted(made_by.provider_request_id.split(", ")) == ["answer-0", "answer-1"]
    assert made_by.revision == MODEL
    assert made_by.versions[0][0] == "google-genai"


async def test_several_pictures_are_several_calls_and_a_few_at_a_time(peer: GooglePeer) -> None:
    peer.delay_s = 0.2
    backend = _backend(peer)

    work = asyncio.create_task(backend.generate(_entry(), order(num_images=6), _watch()))
    while not peer.calls:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    begun = len(peer.calls)
    made = await work
    await backend.aclose()

    assert begun <= 4
    assert len({image.data for image in made.images}) == len(peer.calls) == 6


async def test_one_that_fails_takes_the_others_with_it(peer: GooglePeer) -> None:
    peer.fault("image_safety")
    peer.delay_s = 60.0

    with pytest.raises(ContentRefused):
        await _generate(peer, num_images=3)


FAILURES = [
    ("prompt_blocked", ContentRefused, 1),
    ("safety", ContentRefused, 1),
    ("image_safety", ContentRefused, 1),
    ("recitation", ContentRefused, 1),
    ("banned", AccountProblem, 1),
    ("per_day", AccountProblem, 1),
    ("not_in_plan", AccountProblem, 1),
    ("depleted", AccountProblem, 1),
    ("bad_key", AccountProblem, 1),
    ("forbidden", AccountProblem, 1),
    ("no_billing", AccountProblem, 1),
    ("no_credit", AccountProblem, 1),
    ("not_found", ModelMissing, 1),
    ("language", UnsupportedRequest, 1),
    ("per_minute", RateLimited, 3),
    ("long_minute", RateLimited, 1),
    ("rate_limit", RateLimited, 3),
    ("long_rate_limit", RateLimited, 1),
    ("overloaded", BackendUnavailable, 3),
    ("server_error", BackendUnavailable, 1),
    ("deadline", TimedOut, 1),
    ("drop", TimedOut, 1),
    ("break_off", BadReply, 1),
    ("endless", BadReply, 1),
    ("garbage", BadReply, 1),
    ("unreadable", BackendUnavailable, 1),
    ("elsewhere", BadReply, 1),
    ("no_image", BadReply, 1),
    ("only_words", BadReply, 1),
    ("odd_reason", BadReply, 1),
    ("no_candidates", BadReply, 1),
    ("a_list", BadReply, 1),
    ("not_base64", BadReply, 1),
    ("not_text", BadReply, 1),
    ("not_a_picture", BadReply, 1),
]


@pytest.mark.parametrize(("fault", "kind", "calls"), FAILURES)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: GooglePeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, times=9)

    with caplog.at_level(logging.INFO), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax")

    assert type(caught.value) is kind
    assert len(peer.calls) == calls
    assert caught.value.detail.startswith("Google")
    assert "zorblax" not in caught.value.detail + caplog.text
    assert "sk-sec" not in caught.value.detail + caplog.text
    assert peer.key not in caught.value.detail + caplog.text


async def test_an_answer_that_never_comes_is_left_in_time(peer: GooglePeer) -> None:
    peer.fault("hang")

    with pytest.raises(TimedOut):
        await _generate(peer, timeout_s=0.5)

    assert len(peer.calls) == 1


@pytest.mark.parametrize("fault", ["long_minute", "long_rate_limit"])
async def test_how_long_to_wait_is_passed_on_when_it_is_long(peer: GooglePeer, fault: str) -> None:
    peer.fault(fault)

    with pytest.raises(RateLimited) as caught:
        await _generate(peer)

    assert caught.value.retry_after_s == 45.0


async def test_a_passing_rate_limit_costs_the_member_nothing(peer: GooglePeer) -> None:
    peer.fault("per_minute", times=2)

    made = await _generate(peer)

    assert len(made.images) == 1
    assert [call.status for call in peer.calls] == [429, 429, 200]


async def test_a_wrong_key_is_told_to_the_operator(peer: GooglePeer) -> None:
    backend = _backend(peer, key="another made-up key")

    with pytest.raises(AccountProblem, match="GEMINI_API_KEY"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_nobody_there_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    backend = GoogleBackend(api_key="made-up", base_url=nobody, patience=Patience(jitter=lambda: 0.0))

    with pytest.raises(BackendUnavailable, match="could not be reached"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: GooglePeer) -> None:
    peer.fault("truncated")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_cancelling_closes_the_connections_and_the_next_goes_well(peer: GooglePeer) -> None:
    peer.fault("hang", times=2)
    backend, watch = _backend(peer), _watch()

    work = asyncio.create_task(backend.generate(_entry(), order(num_images=2), watch))
    while len(peer.calls) < 2:
        await asyncio.sleep(0.01)
    watch.cancel()

    with pytest.raises(GenerationCancelled):
        await work
    assert (await backend.generate(_entry(), order(), _watch())).images
    await backend.aclose()


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = GoogleBackend(api_key=None)

    with pytest.raises(ModelMissing, match="GEMINI_API_KEY"):
        await backend.generate(_entry(), order(), _watch())
    await backend.aclose()


async def test_an_entry_without_a_model_is_told_to_the_operator(peer: GooglePeer) -> None:
    with pytest.raises(ModelMissing, match=r"arguments\.model"):
        await _generate(peer, entry=_entry({}))


async def test_what_the_model_cannot_honour_is_said(peer: GooglePeer) -> None:
    made = await _generate(peer, width=1000, height=600)

    assert made.notes == (
        "Banana takes no seed.",
        "Banana takes no number of steps.",
        "Banana takes no guidance scale.",
        "Banana was asked for 16:9 in 1K, the nearest it has to 1000x600.",
    )
    seen = look_at(made.images[0].data)
    assert (seen.width, seen.height) == size_of("16:9", "1K")


async def test_nothing_is_said_where_all_was_honoured(peer: GooglePeer) -> None:
    made = await _generate(peer, num_inference_steps=None, guidance_scale=None)

    assert made.notes == ("Banana takes no seed.",)


@pytest.mark.parametrize(("fixed", "sent"), [("1K", {"imageSize": "1K"}), ("", {})])
async def test_an_entry_can_fix_the_tier_or_leave_it_to_the_model(
    peer: GooglePeer, fixed: str, sent: dict[str, str]
) -> None:
    made = await _generate(peer, entry=_entry({"model": MODEL, "image_size": fixed}), width=2048, height=2048)

    assert peer.calls[0].sent["generationConfig"]["imageConfig"] == {"aspectRatio": "1:1", **sent}
    assert any("nearest it has to 2048x2048" in note for note in made.notes)


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1024, 1024, ("1:1", "1K", True)),
        (2048, 2048, ("1:1", "2K", True)),
        (4096, 4096, ("1:1", "4K", True)),
        (1376, 768, ("16:9", "1K", True)),
        (768, 1376, ("9:16", "1K", True)),
        (848, 1264, ("2:3", "1K", True)),
        (1584, 672, ("21:9", "1K", True)),
        (1152, 928, ("5:4", "1K", True)),
        (512, 512, ("1:1", "1K", False)),
        (1000, 900, ("1:1", "1K", False)),
        (4000, 500, ("21:9", "1K", False)),
    ],
)
def test_each_size_has_the_nearest_shape_and_tier(width: int, height: int, expected: tuple[str, str, bool]) -> None:
    found = format_for(width, height)

    assert (found.shape, found.tier, found.exact) == expected


def _answer(parts: list[dict[str, Any]], usage: object = None) -> str:
    return json.dumps({"candidates": [{"content": {"parts": parts}}], "usageMetadata": usage})


_PICTURE = {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}
_DRAFT = {"inlineData": {"mimeType": "image/png", "data": "R0lGODlh"}, "thought": True}


def test_drafts_of_a_model_that_thinks_are_left_and_its_thoughts_counted_as_text() -> None:
    usage = {
        "promptTokenCount": 9,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}, {"modality": "IMAGE", "tokenCount": 2}],
        "candidatesTokenCount": 1125,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
        "thoughtsTokenCount": 300,
    }

    reply = read_reply(_answer([_DRAFT, _PICTURE, _DRAFT], usage))

    assert reply.image.media_type == "image/png"
    assert reply.usage == {"text_input": 7, "image_input": 2, "image_output": 1120, "text_output": 305}


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, {}),
        ({"candidatesTokenCount": 1290}, {"image_output": 1290}),
        ({"candidatesTokenCount": True, "promptTokenCount": -1}, {}),
        ({"candidatesTokenCount": "NaN"}, {}),
        ("zorblax", {}),
    ],
)
def test_only_what_is_told_is_counted(usage: object, counted: dict[str, int]) -> None:
    assert read_reply(_answer([_PICTURE], usage)).usage == counted


@pytest.mark.parametrize("status", [400, 402, 409, 413, 418, 422, 500, 502, 529])
@pytest.mark.parametrize("content", [None, [], "zorblax", {"error": "zorblax"}, [{"error": {"status": "zorblax"}}]])
def test_every_other_status_has_a_kind(status: int, content: object) -> None:
    problem = understand(status, content, None)

    account = AccountProblem if status == 402 else UnsupportedRequest
    assert type(problem) is (BackendUnavailable if status >= 500 else account)
    assert "zorblax" not in problem.detail
