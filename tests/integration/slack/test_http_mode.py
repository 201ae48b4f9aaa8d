"""HTTP mode: Slack's signed requests to the bot's own endpoint."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from bot.services import AdapterRejected
from bot.slack.adapter import SlackAdapter
from bot.slack.blocks import CANCEL_ACTION
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer, http_mode


def _url(adapter: SlackAdapter) -> str:
    return f"http://127.0.0.1:{adapter.http_port}/slack/events"


async def test_a_command_is_acknowledged_and_answered(web_adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    assert await peer.http_command(_url(web_adapter), "/imagine", "a boat & a <bird>") == (200, "")
    await peer.until_message()
    assert front.asks[0].prompt == "a boat & a <bird>"


async def test_the_acknowledgement_does_not_wait_for_a_busy_database(
    web_adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    front.gate.clear()
    assert (await peer.http_command(_url(web_adapter), "/imagine", "a boat"))[0] == 200
    assert not front.asks
    front.gate.set()
    await peer.until_message()


async def test_a_button_works(web_adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    await peer.http_command(_url(web_adapter), "/imagine", "a boat")
    payload = peer.press_payload(await peer.until_message(), CANCEL_ACTION)
    status, _ = await http_mode.post(
        _url(web_adapter), http_mode.interaction_body(payload), secret=peer.space.signing_secret
    )
    assert status == 200
    await peer.until_ephemeral()
    assert front.cancelled == [front.last.id]


@pytest.mark.parametrize(
    "how",
    [
        {"secret": "another-secret"},
        {"age_s": 301.0},
        {"age_s": -301.0},
        {"headers": {"X-Slack-Signature": ""}},
        {"headers": {"X-Slack-Signature": "v0=00"}},
        {"headers": {"X-Slack-Signature": "v0=caf\u00e9"}},
        {"headers": {"X-Slack-Request-Timestamp": ""}},
        {"headers": {"X-Slack-Request-Timestamp": "soon"}},
        {"headers": {"X-Slack-Request-Timestamp": "9" * 400}},
    ],
    ids=str,
)
async def test_a_bad_or_stale_signature_is_turned_away_and_logged_without_the_prompt(
    web_adapter: SlackAdapter,
    peer: SlackPeer,
    front: Front,
    caplog: pytest.LogCaptureFixture,
    how: dict[str, Any],
) -> None:
    body = http_mode.command_body(peer.command_payload("/imagine", "a secret boat"))
    status, text = await http_mode.post(_url(web_adapter), body, **{"secret": peer.space.signing_secret} | how)
    assert status == 401
    assert json.loads(text) == {"error": "invalid request"}
    assert "the signature is missing, wrong or stale" in caplog.text
    assert "secret" not in caplog.text.replace("signing-secret", "")
    assert not front.asks


async def test_a_body_changed_on_the_way_is_turned_away(web_adapter: SlackAdapter, peer: SlackPeer) -> None:
    body = http_mode.command_body(peer.command_payload("/imagine", "a boat"))
    signature = http_mode.sign(peer.space.signing_secret, "1", body)
    status, _ = await http_mode.post(
        _url(web_adapter), body + b"&x=1", secret="", headers={"X-Slack-Signature": signature}
    )
    assert status == 401


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"payload=not+json", "application/x-www-form-urlencoded"),
        (b"payload=%5B1%5D", "application/x-www-form-urlencoded"),
        (b"{", "application/json"),
        (b"[1, 2]", "application/json"),
        (b'"text"', "application/json"),
    ],
)
async def test_a_signed_body_that_cannot_be_read_is_turned_away(
    web_adapter: SlackAdapter, peer: SlackPeer, caplog: pytest.LogCaptureFixture, body: bytes, content_type: str
) -> None:
    status, _ = await http_mode.post(
        _url(web_adapter), body, secret=peer.space.signing_secret, content_type=content_type
    )
    assert status == 400
    assert "the body cannot be read" in caplog.text


async def test_a_body_that_is_no_text_is_turned_away(web_adapter: SlackAdapter) -> None:
    async with aiohttp.ClientSession() as session, session.post(_url(web_adapter), data=b"\xff\xfe") as answer:
        assert answer.status == 400


async def test_an_oversized_body_is_turned_away(web_adapter: SlackAdapter, peer: SlackPeer) -> None:
    status, _ = await http_mode.post(_url(web_adapter), b"text=" + b"x" * 2_000_000, secret=peer.space.signing_secret)
    assert status == 413


async def test_an_empty_signed_body_and_a_stray_event_are_not_errors_of_ours(
    web_adapter: SlackAdapter, peer: SlackPeer
) -> None:
    for body in (b"", b'{"type": "event_callback", "event": {"type": "unheard_of"}}'):
        status, _ = await http_mode.post(
            _url(web_adapter), body, secret=peer.space.signing_secret, content_type="application/json"
        )
        assert status == 404


async def test_slacks_check_of_the_url_is_answered(web_adapter: SlackAdapter, peer: SlackPeer) -> None:
    body = b'{"type": "url_verification", "challenge": "abc"}'
    status, text = await http_mode.post(
        _url(web_adapter), body, secret=peer.space.signing_secret, content_type="application/json"
    )
    assert (status, json.loads(text)) == (200, {"challenge": "abc"})


async def test_nothing_else_is_served(web_adapter: SlackAdapter) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("/", "/slack/install", "/slack/oauth_redirect"):
            async with session.get(_url(web_adapter).replace("/slack/events", path)) as answer:
                assert answer.status == 404


async def test_a_port_that_is_taken_is_said_plainly(
    web_adapter: SlackAdapter, peer: SlackPeer, build: Callable[..., SlackAdapter]
) -> None:
    second = build(app_token=None, signing_secret=peer.space.signing_secret, http_port=web_adapter.http_port)
    with pytest.raises(AdapterRejected, match=r"The port \d+ for Slack on 127.0.0.1 cannot be had"):
        await asyncio.wait_for(second.run(), 5)
