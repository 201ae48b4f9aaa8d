"""The slash commands: acknowledge within Slack's three seconds, then work, then answer.

Each handler acknowledges before anything else, so that neither SQLite nor Slack's API can make it late. `room` comes
from Bolt's context; what a command does is in the modules beside this one, which return the lines to answer with.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond

from bot.slack.listeners import drawing, moderating
from bot.slack.payload import Invocation, read_command
from bot.slack.room import Place, Room, whisper
from bot.wording import slack as wording

log = logging.getLogger(__name__)

Handler = Callable[[Room, Invocation], Awaitable[Iterable[str]]]


async def imagine(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, room: Room) -> None:
    """`/imagine a red boat --seed 7`."""
    await ack()
    await _answer(room, command, respond, drawing.imagine)


async def quota(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, room: Room) -> None:
    """`/quota`, and `/quota show|set|grant …` for moderators."""
    await ack()
    await _answer(room, command, respond, moderating.quota)


async def filter_(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, room: Room) -> None:
    """`/filter add|remove|list|test …` for moderators."""
    await ack()
    await _answer(room, command, respond, moderating.filter_)


async def sanction(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, room: Room) -> None:
    """`/sanction timeout|ban|lift …` for moderators."""
    await ack()
    await _answer(room, command, respond, moderating.sanction)


async def unknown(ack: AsyncAck, command: dict[str, Any], respond: AsyncRespond, room: Room) -> None:
    """Any other command: without this, Bolt acknowledges nothing and Slack shows an error of its own."""
    await ack()
    await _answer(room, command, respond, _not_a_command)


async def _not_a_command(_: Room, call: Invocation) -> Iterable[str]:
    return (wording.not_a_command(call.command),)


async def _answer(room: Room, command: dict[str, Any], respond: AsyncRespond, handle: Handler) -> None:
    call = read_command(command)
    if call is None:
        log.warning("Slack sent a command without the ids it should have")
        await whisper(room, respond, Place(channel_id="", user_id="", thread_ts=None), (wording.unreadable(),))
        return
    lines = tuple(await handle(room, call))
    if lines:
        place = Place(channel_id=call.channel_id, user_id=call.user_id, thread_ts=call.thread_ts)
        await whisper(room, respond, place, lines)
