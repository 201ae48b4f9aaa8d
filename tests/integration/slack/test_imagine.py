"""`/imagine` through the real Bolt app and Socket Mode."""

import asyncio
import logging

import pytest

from bot.slack.adapter import SlackAdapter
from bot.slack.blocks import CANCEL_ACTION
from tests.integration.slack.conftest import RunAdapter
from tests.integration.slack.front import Front
from tests.peers.slack import SlackPeer


async def test_a_placeholder_says_who_asked_for_what_and_how_long_it_takes(
    adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    delivery = await peer.command("/imagine", "a red boat at dusk --seed 7 --count 2 --model tiny --size 64x64")
    message = await peer.until_message()
    await peer.space.until(lambda: front.attached)

    assert await delivery.until_acked() < 3
    assert message.words == "alice: “a red boat at dusk”\nNext in line, about 12 s."
    assert [button["text"]["text"] for button in message.buttons] == ["Cancel"]
    assert front.attached == {front.last.id: message.ts}
    ask = front.asks[0]
    assert (ask.prompt, ask.seed, ask.count, ask.model, ask.size) == ("a red boat at dusk", 7, 2, "tiny", "64x64")
    assert ask.requester.account == "slack:T0PEER:U0ALICE"
    assert ask.requester.role_ids == ("S0DESIGN",)
    assert ask.reply_to.channel_id == "C0ART"
    assert ask.created_at == front.now
    assert not peer.ephemerals()


async def test_the_acknowledgement_does_not_wait_for_a_busy_database(
    adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    front.gate.clear()
    delivery = await peer.command("/imagine", "a boat")
    await delivery.until_acked()
    assert not peer.messages()
    front.gate.set()
    await peer.until_message()


async def test_the_acknowledgement_does_not_wait_for_slack_either(
    adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    peer.fail("usergroups.list", delay_s=0.5)
    delivery = await peer.command("/imagine", "a boat")
    await delivery.until_acked()
    assert not front.asks
    await peer.until_message()


async def test_it_is_answered_in_the_thread_where_it_was_asked(
    adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    await peer.command("/imagine", "a boat", thread_ts="1700000000.000100")
    assert (await peer.until_message()).thread_ts == "1700000000.000100"
    assert front.asks[0].reply_to.thread_id == "1700000000.000100"


async def test_a_refused_prompt_never_shows_in_public(adapter: SlackAdapter, peer: SlackPeer) -> None:
    await peer.command("/imagine", "a florp at dusk")
    answer = await peer.until_ephemeral()
    assert answer.words == "Prompts that mention “florp” are not drawn here. Nothing was charged. Case 4F2K."
    assert answer.via == "response_url"
    assert not peer.messages()


async def test_the_same_event_twice_is_one_request_and_one_placeholder(
    adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    await peer.command("/imagine", "a boat", trigger_id="13.same")
    await peer.until_message()
    await peer.space.until(lambda: front.attached)
    again = await peer.command("/imagine", "a boat", trigger_id="13.same")
    await again.until_acked()
    await _settled(peer)
    assert len(front.requests) == 1
    assert len(peer.messages()) == 1
    assert not peer.ephemerals()


async def test_the_same_event_twice_at_once_is_one_too(adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    front.gate.clear()
    for _ in range(2):
        await (await peer.command("/imagine", "a boat", trigger_id="13.same")).until_acked()
    front.gate.set()
    await peer.until_message()
    await _settled(peer)
    assert len(front.asks) == 1
    assert len(peer.messages()) == 1


async def test_two_events_are_two_requests(adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    await peer.command("/imagine", "a boat")
    await peer.command("/imagine", "a boat")
    await peer.until_message(2)
    assert len(front.requests) == 2


@pytest.mark.parametrize("channel", ["C0STRANGE", "C0SECRET", "C0OLD", "D0UNKNOWN"])
async def test_where_the_bot_may_not_post_it_says_what_to_do_and_draws_nothing(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, channel: str
) -> None:
    await peer.command("/imagine", "a boat", channel=channel)
    answer = await peer.until_ephemeral()
    assert answer.words.startswith("I cannot post in this conversation. Add me with /invite")
    assert front.cancelled == [front.last.id]


async def test_in_a_direct_message_it_works_like_in_a_channel(adapter: SlackAdapter, peer: SlackPeer) -> None:
    await peer.command("/imagine", "a boat", channel="D0ALICE")
    assert "“a boat”" in (await peer.until_message(channel="D0ALICE")).words


async def test_a_short_rate_limit_is_waited_out(adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    peer.fail("chat.postMessage", status=429, retry_after=1)
    await peer.command("/imagine", "a boat")
    await peer.until_message()
    assert len(peer.calls("chat.postMessage")) == 2
    assert not peer.ephemerals()


@pytest.mark.parametrize(
    "fault", [{"status": 429, "retry_after": 40}, {"status": 503}, {"drop": True}, {"error": "internal_error"}]
)
async def test_without_a_placeholder_the_request_stays_and_the_member_knows(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, fault: dict[str, object]
) -> None:
    peer.fail("chat.postMessage", **fault)
    await peer.command("/imagine", "a boat")
    answer = await peer.until_ephemeral()
    assert answer.words == "Your request is in the line, but Slack is slow to show it. The picture will come here."
    assert len(front.requests) == 1
    assert not front.cancelled


async def test_the_member_is_answered_by_the_api_when_the_response_url_is_too_old(
    adapter: SlackAdapter, peer: SlackPeer, front: Front
) -> None:
    front.gate.clear()
    await (await peer.command("/imagine", "a florp")).until_acked()
    peer.space.clock.now += 31 * 60
    front.gate.set()
    answer = await peer.until_ephemeral()
    assert answer.via == "api"
    assert "florp" in answer.words


async def test_help_says_what_to_type(adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
    await peer.command("/imagine", "help")
    assert "--size square" in (await peer.until_ephemeral()).words
    assert not front.asks


async def test_a_bug_is_told_and_logged_without_the_prompt(
    adapter: SlackAdapter, peer: SlackPeer, front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    front.breaks = True
    await peer.command("/imagine", "a private wish")
    answer = await peer.until_ephemeral()
    assert answer.words == "Something went wrong on our side with that. The operator can find it in the log."
    assert "RuntimeError" in caplog.text
    assert "private wish" not in caplog.text


async def test_even_the_most_talkative_log_holds_no_prompt_no_token_and_no_secret_url(
    peer: SlackPeer, running: RunAdapter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running():
        await peer.command("/imagine", "my quietwish")
        await peer.until_message()
        await peer.command("/imagine", "my quietwish florp")
        await peer.until_ephemeral()
        await peer.sockets.send("slash_commands", {"command": "nonsense", "text": "quietwish"})
        peer.fail("chat.postMessage", error="is_archived")
        await peer.command("/imagine", "another quietwish")
        await peer.until_ephemeral(2)
    assert "signed in" in caplog.text
    for secret in ("quietwish", peer.space.bot_token, peer.space.app_token, "/hooks/", "ticket-"):
        assert secret not in caplog.text


class TestCancel:
    async def test_the_member_who_asked_can_cancel(self, adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
        await peer.command("/imagine", "a boat")
        press = await peer.press(await peer.until_message(), CANCEL_ACTION)
        await press.until_acked()
        assert (await peer.until_ephemeral()).words == "It is being cancelled. Nothing is charged."
        assert front.cancelled == [front.last.id]

    async def test_nobody_else_can(self, adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
        await peer.command("/imagine", "a boat")
        await peer.press(await peer.until_message(), CANCEL_ACTION, user="U0BOB")
        answer = await peer.until_ephemeral(user="U0BOB")
        assert answer.words == "Only the member who asked can cancel this."
        assert not front.cancelled

    async def test_too_late_is_said_plainly(self, adapter: SlackAdapter, peer: SlackPeer, front: Front) -> None:
        await peer.command("/imagine", "a boat")
        message = await peer.until_message()
        front.cancelled.append(front.last.id)
        await peer.press(message, CANCEL_ACTION)
        assert (await peer.until_ephemeral()).words == "This is done already, so there is nothing to cancel."

    async def test_a_button_that_is_not_ours_is_acknowledged_and_left_alone(
        self, adapter: SlackAdapter, peer: SlackPeer, front: Front
    ) -> None:
        await peer.command("/imagine", "a boat")
        payload = peer.press_payload(await peer.until_message(), CANCEL_ACTION)
        payload["actions"][0]["value"] = "nonsense"
        await (await peer.sockets.send("interactive", payload)).until_acked()
        await _settled(peer)
        assert not front.cancelled


async def _settled(peer: SlackPeer) -> None:
    """Let everything under way come to its end: one more command goes through the same handlers and is answered."""
    before = len(peer.ephemerals("U0BOB"))
    await peer.command("/imagine", "help", user="U0BOB")
    await peer.until_ephemeral(before + 1, user="U0BOB")
    await asyncio.sleep(0.05)
