"""The stand-in itself: it refuses what Discord would refuse, so that the other tests mean something."""

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.integration.discord.conftest import Asked, connected, shows
from tests.integration.discord.front import PNG, Front
from tests.peers.discord import DiscordPeer, Interaction

V2 = 1 << 15
TEXT = {"type": 10, "content": "hello"}
Session = aiohttp.ClientSession


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def handle(peer: DiscordPeer) -> Interaction:
    """An interaction nobody has answered, since no client is connected."""
    return await peer.push(2, {"name": "imagine", "type": 1, "id": "1"})


def hook(peer: DiscordPeer, handle: Interaction, rest: str = "") -> str:
    return f"{peer.api_url}/webhooks/{peer.store.application_id}/{handle.token}{rest}"


async def answer(session: Session, peer: DiscordPeer, handle: Interaction, body: dict[str, Any]) -> tuple[int, int]:
    url = f"{peer.api_url}/interactions/{handle.id}/{handle.token}/callback?with_response=1"
    async with session.post(url, json=body) as response:
        return response.status, (await response.json()).get("code", 0)


async def call(session: Session, method: str, url: str, body: object, token: str | None = None) -> tuple[int, int]:
    headers = {} if token is None else {"Authorization": f"Bot {token}"}
    async with session.request(method, url, json=body, headers=headers) as response:
        found = await response.json() if response.status != 204 else {}
        return response.status, found.get("code", 0) if isinstance(found, dict) else 0


async def test_an_interaction_is_acknowledged_once_within_three_seconds(
    peer: DiscordPeer, session: Session, handle: Interaction
) -> None:
    assert await call(session, "POST", hook(peer, handle), {"content": "x"}) == (404, 10015)
    assert await answer(session, peer, handle, {"type": 8, "data": {"choices": []}}) == (400, 50035)
    assert await answer(session, peer, handle, {"type": 5}) == (200, 0)
    assert await answer(session, peer, handle, {"type": 5}) == (400, 40060)
    late = await peer.push(2, {"name": "imagine"})
    peer.advance(3.1)
    assert await answer(session, peer, late, {"type": 5}) == (404, 10062)


async def test_a_token_lives_fifteen_minutes(peer: DiscordPeer, session: Session, handle: Interaction) -> None:
    await answer(session, peer, handle, {"type": 5})
    peer.advance(14 * 60)
    assert (await call(session, "PATCH", hook(peer, handle, "/messages/@original"), {"content": "x"}))[0] == 200
    peer.advance(61)
    assert await call(session, "PATCH", hook(peer, handle, "/messages/@original"), {"content": "y"}) == (401, 50027)


async def test_a_followup_to_a_thinking_message_becomes_that_message(
    peer: DiscordPeer, session: Session, handle: Interaction
) -> None:
    await answer(session, peer, handle, {"type": 5})
    assert (await call(session, "POST", hook(peer, handle), {"content": "private?", "flags": 64}))[0] == 200
    assert handle.followups == []
    assert handle.message is not None
    assert handle.message.text == "private?"
    assert not handle.message.ephemeral


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, 50006),
        ({"content": ""}, 50006),
        ({"content": "x" * 2001}, 50035),
        ({"embeds": [{"description": "x" * 4000}, {"description": "x" * 2001}]}, 50035),
        ({"nonce": "x" * 26, "content": "x"}, 50035),
        ({"attachments": [{"id": "0", "filename": "a.png"}], "content": "x"}, 50035),
        ({"components": [TEXT]}, 50035),
        ({"components": [TEXT], "content": "x", "flags": V2}, 50035),
        ({"components": [], "flags": V2}, 50006),
        ({"components": [TEXT] * 41, "flags": V2}, 50035),
        ({"components": [TEXT | {"content": "x" * 2001}] * 2, "flags": V2}, 50035),
        ({"components": [TEXT | {"id": 7}, TEXT | {"id": 7}], "flags": V2}, 50035),
        ({"components": [{"type": 12, "items": []}], "flags": V2}, 50035),
        ({"components": [{"type": 12, "items": [{"media": {"url": "attachment://no.png"}}]}], "flags": V2}, 50035),
        ({"components": [{"type": 1, "components": [{"type": 2, "style": 1, "label": "x"}]}]}, 50035),
        ({"components": [{"type": 1, "components": []}] * 6}, 50035),
        (
            {
                "content": "x",
                "components": [
                    {"type": 1, "components": [{"type": 2, "style": 1, "label": "x", "custom_id": "same"}] * 2}
                ],
            },
            50035,
        ),
    ],
)
@pytest.mark.parametrize("described", [True, False], ids=["with the description", "without"])
async def test_messages_discord_would_refuse_are_refused(
    session: Session, body: dict[str, Any], code: int, *, described: bool
) -> None:
    async with DiscordPeer(validate=described) as peer:
        url = f"{peer.api_url}/channels/{peer.store.channel_id}/messages"
        assert await call(session, "POST", url, body, peer.store.token) == (400, code)
        assert peer.store.in_channel(peer.store.channel_id) == []


@pytest.mark.parametrize(
    "command",
    [
        {"name": "Upper", "description": "d"},
        {"name": "nodescription"},
        {"name": "x" * 33, "description": "d"},
        {"name": "x", "description": "d" * 101},
        {
            "name": "x",
            "description": "d",
            "options": [{"type": 3, "name": f"o{i}", "description": "d"} for i in range(26)],
        },
        {
            "name": "x",
            "description": "d",
            "options": [
                {"type": 3, "name": "a", "description": "d"},
                {"type": 3, "name": "b", "description": "d", "required": True},
            ],
        },
        {
            "name": "x",
            "description": "d",
            "options": [{"type": 1, "name": "a", "description": "d"}, {"type": 3, "name": "b", "description": "d"}],
        },
    ],
)
async def test_commands_discord_would_refuse_are_refused(
    peer: DiscordPeer, session: Session, command: dict[str, Any]
) -> None:
    url = f"{peer.api_url}/applications/{peer.store.application_id}/commands"
    assert await call(session, "PUT", url, [command], peer.store.token) == (400, 50035)


async def test_files_over_the_limit_are_refused(peer: DiscordPeer, session: Session, handle: Interaction) -> None:
    await answer(session, peer, handle, {"type": 5})
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", '{"attachments": [{"id": "0"}]}')
    form.add_field("files[0]", io.BytesIO(bytes(peer.store.file_limit + 1)), filename="a.png")
    async with session.patch(hook(peer, handle, "/messages/@original"), data=form) as response:
        assert response.status == 413
        assert (await response.json())["code"] == 40005


async def test_only_the_bot_itself_may_call(peer: DiscordPeer, session: Session) -> None:
    assert await call(session, "GET", peer.api_url + "/users/@me", None, "wrong") == (401, 0)


async def test_a_process_next_door_can_drive_it(peer: DiscordPeer, front: Front, session: Session) -> None:
    """The surface under /_peer/, for tests that run the front as another process."""
    async with connected(peer, front):
        wish = {"command": "imagine", "options": {"prompt": "a boat"}}
        async with session.post(peer.url + "/_peer/interaction", json=wish) as response:
            pushed = await response.json()
        handle = peer.store.interactions[int(pushed["id"])]
        await peer.until(shows(handle, "Next in line"))
        async with session.get(peer.url + "/_peer/messages") as response:
            (seen,) = await response.json()
        assert seen["text"] == "> a boat\nNext in line, about 3 s.\n[Cancel]"
        async with session.post(peer.url + "/_peer/press", json={"message_id": seen["id"]}) as response:
            assert response.status == 200
        await peer.until(lambda: bool(front.cancelled))
        async with session.get(peer.url + "/_peer/state") as response:
            assert (await response.json())["connected"] is True


async def test_uploads_are_served_by_their_address(
    peer: DiscordPeer, session: Session, handle: Interaction, asked: Asked
) -> None:
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("payload_json", '{"content": "x"}')
    form.add_field("files[0]", PNG, filename="a.png")
    shown, _ = asked
    async with session.post(hook(peer, shown), data=form) as response:
        assert response.status == 200
    async with session.get(shown.followups[0].pictures[0].url) as response:
        assert await response.read() == PNG
        assert response.content_type == "image/png"
