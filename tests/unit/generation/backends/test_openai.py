"""The OpenAI backend against the stand-in: what is sent, what is kept, what each failure becomes, what is retried."""

import base64
import logging
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest

from generation.backends.base import Watch
from generation.backends.openai import OpenAIBackend
from generation.backends.openai_reply import read_reply, understand
from generation.backends.remote import Patience
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    ContentRefused,
    GenerationError,
    ModelMissing,
    RateLimited,
    TimedOut,
    UnsupportedRequest,
)
from generation.result import FailureKind
from generation.worker.pictures import look_at
from tests.making_jobs import api_entry, order
from tests.peers.openai.peer import OpenAIPeer
from tests.peers.pictures import draw

PRICES = {"text_input": 5_000_000, "image_input": 8_000_000, "image_output": 30_000_000}


@pytest.fixture
async def peer() -> AsyncIterator[OpenAIPeer]:
    async with OpenAIPeer() as peer:
        yield peer


def _watch() -> Watch:
    return Watch(lambda *_: None)


async def _generate(peer: OpenAIPeer, *, entry: Any = None, timeout_s: float = 10.0, **changes: Any) -> Any:
    backend = OpenAIBackend(
        api_key=peer.key, base_url=peer.base_url, timeout_s=timeout_s, patience=Patience(jitter=lambda: 0.0)
    )
    try:
        return await backend.generate(entry or api_entry(prices=PRICES), order(**changes), _watch())
    finally:
        await backend.aclose()


async def test_the_request_is_what_the_entry_and_the_order_say_and_no_more(peer: OpenAIPeer) -> None:
    await _generate(peer, num_images=3, width=128)

    (call,) = peer.image_calls
    assert call.status == 200
    assert call.body == {
        "model": "gpt-image-2",
        "quality": "low",
        "moderation": "auto",
        "prompt": "a red boat",
        "n": 3,
        "size": "128x64",
        "safety_identifier": "5afe" * 16,
    }


async def test_the_providers_bytes_are_kept_as_they_came(peer: OpenAIPeer) -> None:
    made = await _generate(peer, num_images=2)

    assert [image.data for image in made.images] == [draw(64, 64, 0), draw(64, 64, 1)]
    assert b"provenance" in made.images[0].data
    assert [image.seed for image in made.images] == [None, None]
    assert made.notes == ("Closed takes no seed.",)


async def test_cost_and_the_providers_request_id_are_noted(peer: OpenAIPeer) -> None:
    made_by = (await _generate(peer, num_images=2)).made_by

    # The stand-in counts 3 text tokens for this prompt and 4 tokens for each 64x64 picture.
    assert dict(made_by.usage) == {"text_input": 3, "image_input": 0, "image_output": 8}
    assert made_by.cost == 3 * 5 + 8 * 30
    assert made_by.provider_request_id == "req_1"


@pytest.mark.parametrize(
    ("fault", "kind", "calls"),
    [
        ("moderation_blocked", ContentRefused, 1),
        ("insufficient_quota", AccountProblem, 1),
        ("billing_hard_limit_reached", AccountProblem, 1),
        ("bad_key", AccountProblem, 1),
        ("unverified", AccountProblem, 1),
        ("no_such_model", ModelMissing, 1),
        ("bad_parameter", UnsupportedRequest, 1),
        ("rate_limit", RateLimited, 3),
        ("long_rate_limit", RateLimited, 1),
        ("server_error", BackendUnavailable, 1),
        ("unavailable", BackendUnavailable, 3),
        ("drop", TimedOut, 1),
        ("hang", TimedOut, 1),
        ("break_off", BadReply, 1),
        ("endless", BadReply, 1),
        ("garbage", BadReply, 1),
        ("not_a_picture", BadReply, 1),
        ("bad_base64", BadReply, 1),
        ("url_only", BadReply, 1),
        ("no_data", BadReply, 1),
        ("too_many", BadReply, 1),
    ],
)
async def test_each_failure_has_its_kind_and_only_what_drew_nothing_is_asked_again(
    peer: OpenAIPeer, fault: str, kind: type[GenerationError], calls: int, caplog: pytest.LogCaptureFixture
) -> None:
    peer.fault(fault, times=9)

    with caplog.at_level(logging.INFO), pytest.raises(GenerationError) as caught:
        await _generate(peer, prompt="zorblax", timeout_s=0.5)

    assert type(caught.value) is kind
    assert len(peer.image_calls) == calls
    assert caught.value.detail
    assert "zorblax" not in caught.value.detail + caplog.text
    assert "sk-sec" not in caught.value.detail + caplog.text


async def test_a_time_out_is_nothing_the_front_may_repeat_by_itself(peer: OpenAIPeer) -> None:
    peer.fault("hang")

    with pytest.raises(TimedOut) as caught:
        await _generate(peer, timeout_s=0.3)

    assert caught.value.failure().kind is FailureKind.TIMEOUT
    assert not caught.value.failure().kind.retryable


async def test_a_passing_rate_limit_costs_the_member_nothing(peer: OpenAIPeer) -> None:
    peer.fault("rate_limit", times=2)

    made = await _generate(peer)

    assert len(made.images) == 1
    assert [call.status for call in peer.image_calls] == [429, 429, 200]


async def test_how_long_to_wait_is_passed_on_when_it_is_long(peer: OpenAIPeer) -> None:
    peer.fault("long_rate_limit")

    with pytest.raises(RateLimited) as caught:
        await _generate(peer)

    assert caught.value.failure().retry_after_s == 45.0


async def test_nobody_there_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    backend = OpenAIBackend(api_key="sk-x", base_url=nobody, patience=Patience(jitter=lambda: 0.0))

    with pytest.raises(BackendUnavailable) as caught:
        await backend.generate(api_entry(), order(), _watch())
    await backend.aclose()

    assert caught.value.failure().kind is FailureKind.OUTAGE


async def test_a_truncated_picture_is_stopped_by_the_guard(peer: OpenAIPeer) -> None:
    peer.fault("truncated_png")
    made = await _generate(peer)

    with pytest.raises(BadReply):
        look_at(made.images[0].data)


async def test_without_a_key_the_operator_is_told_which() -> None:
    backend = OpenAIBackend(api_key=None)

    with pytest.raises(ModelMissing, match="OPENAI_API_KEY"):
        await backend.generate(api_entry(), order(), _watch())
    await backend.aclose()


async def test_the_stand_in_refuses_what_the_platform_would(peer: OpenAIPeer) -> None:
    with pytest.raises(UnsupportedRequest):
        await _generate(peer, width=72)


def test_fewer_pictures_than_asked_for_are_taken() -> None:
    encoded = base64.b64encode(draw(16, 16, 0)).decode()
    body = b'{"data": [{"b64_json": "%s"}], "usage": {"output_tokens": true}}' % encoded.encode()

    reply = read_reply(body, asked=4)

    assert len(reply.images) == 1
    assert reply.usage == {}


async def test_and_the_member_is_told(peer: OpenAIPeer) -> None:
    peer.fault("truncated_png")  # answers with one picture whatever was asked

    made = await _generate(peer, num_images=2)

    assert "Closed made 1 of 2 pictures." in made.notes


@pytest.mark.parametrize("status", [400, 402, 418, 422, 500, 502, 529, 599])
def test_every_other_status_has_a_kind(status: int) -> None:
    response = httpx2.Response(status, request=httpx2.Request("POST", "http://127.0.0.1/"))
    error = openai.APIStatusError("zorblax", response=response, body=None)

    problem = understand(error)

    assert type(problem) is (BackendUnavailable if status >= 500 else UnsupportedRequest)
    assert "zorblax" not in problem.detail
