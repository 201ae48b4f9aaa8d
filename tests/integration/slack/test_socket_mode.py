"""Signing in, staying connected, and stopping."""

import asyncio
from collections.abc import Callable

import pytest

from bot.services import AdapterRejected
from bot.slack.adapter import SlackAdapter
from generation.request import Platform
from tests.integration.slack.conftest import RunAdapter
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer


class TestTokens:
    @pytest.mark.parametrize(
        ("settings", "says"),
        [
            ({"bot_token": "xoxb-wrong"}, "Slack refused to start: Slack does not know this token."),
            ({"app_token": "xapp-wrong"}, "Slack refused to start: Slack does not know this token."),
            ({"app_token": "xoxb-peer-1"}, "Slack refused to start: The tokens are mixed up"),
            ({"app_token": None}, "Slack needs a way to reach this bot: set SLACK_APP_TOKEN"),
            ({"app_token": None, "signing_secret": "s"}, "Slack needs a way to reach this bot"),
        ],
    )
    async def test_what_slack_refuses_is_said_without_the_token(
        self,
        build: Callable[..., SlackAdapter],
        caplog: pytest.LogCaptureFixture,
        settings: dict[str, str | None],
        says: str,
    ) -> None:
        with pytest.raises(AdapterRejected) as caught:
            await asyncio.wait_for(build(**settings).run(), 5)
        assert str(caught.value).startswith(says)
        assert "xoxb-wrong" not in str(caught.value) + caplog.text
        assert "xapp-wrong" not in str(caught.value) + caplog.text

    @pytest.mark.parametrize("error", ["account_inactive", "token_revoked", "missing_scope", "some_new_error"])
    async def test_each_reason_has_its_words(
        self, build: Callable[..., SlackAdapter], peer: SlackPeer, error: str
    ) -> None:
        peer.fail("auth.test", error=error)
        with pytest.raises(AdapterRejected, match="Slack refused to start: "):
            await asyncio.wait_for(build().run(), 5)

    async def test_a_slack_that_is_down_is_waited_for(self, running: RunAdapter, peer: SlackPeer) -> None:
        peer.fail("auth.test", status=503)
        async with running() as adapter:
            assert adapter.ready.is_set()

    async def test_other_secrets_in_the_environment_change_nothing(
        self, running: RunAdapter, peer: SlackPeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Bolt would turn on an installation flow of its own if it found these two."""
        monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
        monkeypatch.setenv("SLACK_CLIENT_SECRET", "3")
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-other")
        async with running():
            await peer.command("/imagine", "a boat")
            await peer.until_message()


class TestConnection:
    async def test_it_is_slack(self, build: Callable[..., SlackAdapter]) -> None:
        assert build().platform is Platform.SLACK

    async def test_it_reconnects_when_slack_asks(self, adapter: SlackAdapter, peer: SlackPeer) -> None:
        await peer.sockets.ask_to_reconnect()
        await peer.sockets.until_connections(2)
        await peer.command("/imagine", "a boat")
        await peer.until_message()

    async def test_it_reconnects_when_the_socket_is_cut(self, adapter: SlackAdapter, peer: SlackPeer) -> None:
        await peer.sockets.close_all()
        await peer.sockets.until_connections(2)
        await peer.command("/imagine", "a boat")
        await peer.until_message()

    async def test_it_asks_for_a_new_address_when_the_old_one_is_spent(
        self, adapter: SlackAdapter, peer: SlackPeer
    ) -> None:
        """Left alone, slack_sdk would try the address with the spent ticket for ever."""
        peer.sockets.refusals = 1
        await peer.sockets.close_all()
        await peer.sockets.until_connections(2)
        assert len(peer.calls("apps.connections.open")) == 3
        await peer.command("/imagine", "a boat")
        await peer.until_message()

    async def test_a_token_that_is_revoked_while_it_runs_ends_it_plainly(
        self, build: Callable[..., SlackAdapter], peer: SlackPeer
    ) -> None:
        adapter = build()
        task = asyncio.create_task(adapter.run())
        await asyncio.wait_for(adapter.ready.wait(), 5)
        peer.space.app_token = "xapp-renewed"
        await peer.sockets.close_all()
        with pytest.raises(AdapterRejected, match="Slack does not know this token"):
            await asyncio.wait_for(task, 15)

    async def test_a_command_sent_again_over_a_new_socket_is_one_request(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front
    ) -> None:
        payload = peer.command_payload("/imagine", "a boat")
        first = await peer.sockets.send("slash_commands", payload)
        await peer.until_message()
        await peer.sockets.ask_to_reconnect()
        await peer.sockets.until_connections(2)
        again = await peer.sockets.send("slash_commands", payload, envelope_id=first.envelope_id)
        await again.until_acked()
        await peer.command("/imagine", "another boat")
        await peer.until_message(2)
        assert [request.prompt for request in front.requests.values()] == ["a boat", "another boat"]

    async def test_it_is_not_ready_before_slack_says_hello(
        self, build: Callable[..., SlackAdapter], peer: SlackPeer
    ) -> None:
        adapter = build()
        assert not adapter.ready.is_set()
        task = asyncio.create_task(adapter.run())
        await asyncio.wait_for(adapter.ready.wait(), 5)
        assert peer.sockets.connections == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not adapter.ready.is_set()

    async def test_a_command_under_way_is_finished_before_it_stops(
        self, running: RunAdapter, peer: SlackPeer, front: Front
    ) -> None:
        front.gate.clear()
        async with running():
            await (await peer.command("/imagine", "a boat")).until_acked()
            asyncio.get_running_loop().call_later(0.1, front.gate.set)
        assert len(peer.messages()) == 1

    async def test_two_hundred_at_once_are_all_acknowledged_in_time(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front
    ) -> None:
        deliveries = [await peer.command("/imagine", f"boat number {number}") for number in range(200)]
        await asyncio.gather(*(delivery.until_acked() for delivery in deliveries))
        await peer.until_message(200)
        assert len({message.words for message in peer.messages()}) == 200
