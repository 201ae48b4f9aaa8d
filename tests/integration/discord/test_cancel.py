"""The Cancel button: whose it is, and that it outlives the process that sent it."""

import pytest

from tests.integration.discord.conftest import Asked, connected, shows
from tests.integration.discord.front import Front
from tests.peers.discord import DiscordPeer


async def test_the_asker_cancels(peer: DiscordPeer, front: Front, asked: Asked) -> None:
    handle, request = asked
    assert handle.message is not None
    press = await peer.press(handle.message)
    await peer.acknowledged(press)
    await peer.until(lambda: bool(front.cancelled))
    request_id, requester = front.cancelled[0]
    assert (request_id, requester.account) == (request.id, request.requester.account)
    assert press.response_type == 6, "nothing changes until delivery says that it is cancelled"
    assert press.followups == []


async def test_nobody_else_can_cancel(peer: DiscordPeer, front: Front, asked: Asked) -> None:
    handle, _ = asked
    assert handle.message is not None
    press = await peer.press(handle.message, user_id=peer.add_member("mallory"))
    await peer.until(lambda: bool(press.private))
    assert press.private[0].text == "Only the member who asked can cancel this."
    assert front.cancelled == []
    assert "Next in line" in handle.message.text


async def test_a_press_too_late_is_answered(peer: DiscordPeer, front: Front, asked: Asked) -> None:
    handle, _ = asked
    front.cancellable = False
    assert handle.message is not None
    press = await peer.press(handle.message)
    await peer.until(lambda: bool(press.private))
    assert press.private[0].text == "This is done already, so there is nothing to cancel."


async def test_the_button_works_after_a_restart(peer: DiscordPeer, front: Front) -> None:
    async with connected(peer, front):
        handle = await peer.interaction("imagine", {"prompt": "a boat"})
        await peer.until(shows(handle, "Next in line"))
    await peer.until(lambda: not peer.gateway.connected)
    async with connected(peer, front):
        assert handle.message is not None
        await peer.press(handle.message)
        await peer.until(lambda: bool(front.cancelled))
    assert front.cancelled[0][0] == f"discord-{handle.id}"


async def test_a_press_that_cannot_be_answered_is_logged(
    peer: DiscordPeer, front: Front, asked: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    handle, _ = asked
    peer.fault("POST", "/callback", 404, code=10062)
    assert handle.message is not None
    await peer.press(handle.message)
    await peer.until(lambda: "answering a press" in caplog.text or bool(front.cancelled))
    assert front.cancelled == []
