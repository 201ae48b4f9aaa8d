"""The buttons under the bot's messages."""

import logging
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond

from bot.slack.payload import Press, read_press
from bot.slack.room import Place, Room, whisper
from bot.wording import slack as wording
from generation.request import Platform, Requester

log = logging.getLogger(__name__)


async def cancel(
    ack: AsyncAck, body: dict[str, Any], action: dict[str, Any], respond: AsyncRespond, room: Room
) -> None:
    """Cancel under a placeholder; only the press of the member who asked counts."""
    await ack()
    press = read_press(body, action)
    if press is None:
        log.warning("Slack sent a press on a button that is not one of ours")
        return
    place = Place(channel_id=press.channel_id, user_id=press.user_id, thread_ts=press.thread_ts)
    await whisper(room, respond, place, (await _cancel(room, press),))


async def _cancel(room: Room, press: Press) -> str:
    if press.user_id != press.owner_id:
        return wording.not_yours()
    requester = Requester(platform=Platform.SLACK, workspace_id=press.team_id, user_id=press.user_id)
    cancelled = await room.services.cancel(press.request_id, requester)
    return wording.cancelling() if cancelled else wording.nothing_to_cancel()
