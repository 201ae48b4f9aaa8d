"""The peer refuses what Slack refuses, so that a test that passes here means something."""

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.adapter import SlackAdapter
from tests.peers.slack import SlackPeer


@pytest.fixture
def client(peer: SlackPeer) -> AsyncWebClient:
    return AsyncWebClient(token=peer.space.bot_token, base_url=peer.api_url)


SECTION = {"type": "section", "text": {"type": "plain_text", "text": "x"}}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ({"channel": "C0STRANGE", "text": "x"}, "not_in_channel"),
        ({"channel": "C0SECRET", "text": "x"}, "channel_not_found"),
        ({"channel": "C0OLD", "text": "x"}, "is_archived"),
        ({"channel": "C0ART", "text": "x" * 40_001}, "msg_too_long"),
        ({"channel": "C0ART", "text": "x", "blocks": [SECTION] * 51}, "invalid_blocks"),
        ({"channel": "C0ART", "text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        ({"channel": "C0ART", "text": "x", "blocks": [SECTION | {"colour": "red"}]}, "invalid_blocks"),
        (
            {
                "channel": "C0ART",
                "text": "x",
                "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3001}}],
            },
            "invalid_blocks",
        ),
    ],
)
async def test_messages(client: AsyncWebClient, arguments: dict[str, Any], error: str) -> None:
    with pytest.raises(SlackApiError) as caught:
        await client.chat_postMessage(**arguments)
    assert caught.value.response["error"] == error


async def test_tokens_and_scopes(peer: SlackPeer, client: AsyncWebClient) -> None:
    peer.space.scopes.remove("chat:write")
    for token, error in (("xoxb-no", "invalid_auth"), (peer.space.bot_token, "missing_scope")):
        with pytest.raises(SlackApiError) as caught:
            await AsyncWebClient(token=token, base_url=peer.api_url).chat_postMessage(channel="C0ART", text="x")
        assert caught.value.response["error"] == error


async def test_the_sdks_own_upload_goes_through(peer: SlackPeer, client: AsyncWebClient) -> None:
    await client.files_upload_v2(content=b"bytes", filename="a.png", channel="C0ART", initial_comment="hello")
    message = peer.messages()[0]
    assert message.text == "hello"
    assert peer.space.files[message.file_ids[0]].data == b"bytes"


async def test_uploads_of_another_length_twice_or_never(peer: SlackPeer, client: AsyncWebClient) -> None:
    answer = await client.files_getUploadURLExternal(filename="a.png", length=5)
    complete: dict[str, Any] = {"files": [{"id": str(answer["file_id"])}], "channel_id": "C0ART"}
    async with aiohttp.ClientSession() as session:
        async with session.post(str(answer["upload_url"]), data=b"four") as posted:
            assert posted.status == 400
        with pytest.raises(SlackApiError, match="file_not_found"):
            await client.files_completeUploadExternal(**complete)
        async with session.post(str(answer["upload_url"]), data=b"bytes") as posted:
            assert posted.status == 200
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_info(file=str(answer["file_id"]))
    await client.files_completeUploadExternal(**complete)
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(**complete)
    with pytest.raises(SlackApiError, match="file_not_found"):
        await client.files_completeUploadExternal(files=[{"id": "F0NONE"}], channel_id="C0ART")


async def test_response_urls_serve_five_times_within_half_an_hour(peer: SlackPeer) -> None:
    first, second = (AsyncWebhookClient(peer.command_payload("/x")["response_url"]) for _ in range(2))
    statuses = [(await first.send(text="x")).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [404]
    assert (await second.send(text="x", response_type="in_channel")).status_code == 200
    peer.space.clock.now += 1801
    assert (await second.send(text="x")).status_code == 404
    assert (len(peer.ephemerals()), len(peer.messages())) == (5, 1)


async def test_a_ticket_opens_one_socket(peer: SlackPeer) -> None:
    client = AsyncWebClient(base_url=peer.api_url)
    url = str((await client.apps_connections_open(app_token=peer.space.app_token))["url"])
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_other_processes_use_it_over_http(peer: SlackPeer, adapter: SlackAdapter) -> None:
    async with aiohttp.ClientSession(peer.url) as session:
        async with session.post("/_peer/command", json={"command": "/imagine", "text": "a boat"}) as answer:
            assert (await answer.json())["ack_s"] < 3
        message = await peer.until_message()
        async with session.get("/_peer/messages?channel=C0ART") as answer:
            shown = (await answer.json())["messages"][0]
        assert (shown["ts"], shown["words"], shown["edits"]) == (message.ts, message.words, 0)
        press = {"channel": "C0ART", "ts": message.ts, "action_id": "cancel_request"}
        async with session.post("/_peer/press", json=press) as answer:
            assert (await answer.json())["ack_s"] < 3
        await peer.until_ephemeral()
        async with session.get("/_peer/ephemerals") as answer:
            assert len((await answer.json())["ephemerals"]) == 1
        async with session.post("/_peer/fail", json={"method": "auth.test", "status": 500}) as answer:
            assert answer.status == 200
        assert peer.space.faults[0].method == "auth.test"
        async with session.post("/_peer/disconnect", json={"how": "asked"}) as answer:
            assert answer.status == 200
        await peer.sockets.until_connections(2)
        async with session.get("/_peer/files/F0NONE") as answer:
            assert answer.status == 404
    await asyncio.sleep(0)
