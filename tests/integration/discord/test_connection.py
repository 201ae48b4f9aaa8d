"""Logging in, coming back, giving up, and registering commands."""

import asyncio
import logging
from typing import Any

import pytest

from bot.discord.adapter import DiscordAdapter
from bot.services import AdapterRejected
from tests.integration.discord.conftest import connected, shows
from tests.integration.discord.front import Front
from tests.peers.discord import DiscordPeer

NAMES = {"imagine", "quota", "quota-set", "quota-grant", "quota-show", "filter", "sanction"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """discord.py waits five seconds before it identifies anew, as Discord demands; the stand-in does not."""
    sleep = asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: sleep(min(seconds, 0.01)))


async def test_a_refused_token_is_said_plainly(peer: DiscordPeer, front: Front) -> None:
    adapter = DiscordAdapter(token="wrong-token", api_url=peer.api_url, services=front.services)
    with pytest.raises(AdapterRejected) as caught:
        await adapter.run()
    assert "DISCORD_TOKEN" in str(caught.value)
    assert "wrong-token" not in str(caught.value)
    assert not adapter.ready.is_set()


async def test_a_token_taken_back_between_login_and_gateway_is_said_plainly(peer: DiscordPeer, front: Front) -> None:
    peer.gateway.token_taken_back = True
    adapter = DiscordAdapter(token=peer.store.token, api_url=peer.api_url, services=front.services)
    with pytest.raises(AdapterRejected):
        await adapter.run()


@pytest.mark.parametrize("pause_s", [0.0, 0.05])
async def test_leaving_while_discord_py_reconnects_is_prompt(peer: DiscordPeer, front: Front, pause_s: float) -> None:
    """discord.py 2.7.1 swallows a cancellation that comes in the middle of a reconnect."""
    adapter = DiscordAdapter(token=peer.store.token, api_url=peer.api_url, services=front.services)
    running = asyncio.create_task(adapter.run())
    await peer.until_connected()
    await peer.stop()
    await asyncio.sleep(pause_s)
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=8)
    assert done
    assert not any(task.get_name() == "discord connection" for task in asyncio.all_tasks())


async def test_only_the_servers_are_asked_for(peer: DiscordPeer, adapter: DiscordAdapter) -> None:
    assert peer.gateway.intents == 1


async def test_after_a_cut_cable_the_session_is_resumed_and_nothing_is_missed(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter
) -> None:
    await peer.gateway.drop()
    handle = await peer.interaction("imagine", {"prompt": "asked while nobody listened"})
    await peer.until(shows(handle, "Next in line"))
    assert peer.gateway.resumed == 1
    assert peer.gateway.identified == 1


@pytest.mark.parametrize("how", ["reconnect", "close code", "session lost"])
async def test_the_bot_comes_back_to_the_same_place(
    peer: DiscordPeer, front: Front, adapter: DiscordAdapter, impatient: None, how: str
) -> None:
    connections = peer.gateway.connections
    if how == "reconnect":
        await peer.gateway.ask_to_reconnect()
    else:
        if how == "session lost":
            peer.gateway.forget_sessions()
        await peer.gateway.drop(4000)
    await peer.until(lambda: peer.gateway.connections > connections and peer.gateway.connected)
    handle = await peer.interaction("imagine", {"prompt": "a boat"})
    await peer.until(shows(handle, "Next in line"))


async def test_a_gateway_that_refuses_at_first_is_tried_again(peer: DiscordPeer, front: Front, impatient: None) -> None:
    peer.gateway.refuse = 1
    async with connected(peer, front):
        handle = await peer.interaction("imagine", {"prompt": "a boat"})
        await peer.until(shows(handle, "Next in line"))
    assert peer.gateway.connections >= 2


@pytest.mark.parametrize("path", ["/users/@me", "/gateway/bot"])
async def test_an_api_that_is_down_at_first_is_tried_again(peer: DiscordPeer, front: Front, path: str) -> None:
    peer.fault("GET", path, 403)
    async with connected(peer, front) as adapter:
        assert adapter.ready.is_set()


async def test_a_server_that_is_not_there_is_no_reason_to_die(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    adapter = DiscordAdapter(token="t", api_url="http://127.0.0.1:9/api/v10", services=front.services)
    running = asyncio.create_task(adapter.run())
    await asyncio.wait([running], timeout=0.3)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert "the connection to Discord failed" in caplog.text
    assert "http://" not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("bot"))


async def test_commands_are_registered_for_every_server_once(peer: DiscordPeer, front: Front) -> None:
    for _ in range(2):
        async with connected(peer, front):
            pass
    assert {command["name"] for command in peer.store.commands[None]} == NAMES
    puts = [call for call in peer.store.calls if call.method == "PUT"]
    assert len(puts) == 1, "a restart does not register what is there already"


async def test_a_changed_command_is_registered_again(peer: DiscordPeer, front: Front) -> None:
    async with connected(peer, front):
        peer.store.commands[None][0]["description"] = "of an older version"
    async with connected(peer, front):
        assert peer.store.commands[None][0]["description"] != "of an older version"


async def test_named_servers_get_the_commands_alone(peer: DiscordPeer, front: Front) -> None:
    async with connected(peer, front, (peer.store.guild_id,)):
        handle = await peer.interaction("imagine", {"prompt": "a boat"})
        await peer.until(shows(handle, "Next in line"))
    assert peer.store.commands[None] == []
    assert {command["name"] for command in peer.store.commands[peer.store.guild_id]} == NAMES


async def test_commands_that_cannot_be_registered_do_not_keep_the_bot_away(
    peer: DiscordPeer, front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(peer, front, (12345,)) as adapter:
        assert adapter.ready.is_set()
    assert "commands for server 12345 could not be registered: 403 (code 50001)" in caplog.text


async def test_commands_declare_where_they_exist_and_who_sees_them(peer: DiscordPeer, adapter: DiscordAdapter) -> None:
    commands: dict[str, dict[str, Any]] = {command["name"]: command for command in peer.store.commands[None]}
    assert all(command["contexts"] == [0] for command in commands.values())
    assert all(command["integration_types"] == [0] for command in commands.values())
    moderators = {name for name, command in commands.items() if command["default_member_permissions"] == str(1 << 5)}
    assert moderators == NAMES - {"imagine", "quota"}
    assert all(commands[name]["default_member_permissions"] is None for name in ("imagine", "quota"))
    assert [option["name"] for option in commands["imagine"]["options"]] == [
        "prompt",
        "model",
        "size",
        "seed",
        "count",
    ]
