"""What the bot listens to in Slack: one line a command or button. The handlers are plain functions beside this file."""

import re

from slack_bolt.async_app import AsyncApp

from bot.slack.blocks import CANCEL_ACTION
from bot.slack.listeners import actions, commands
from bot.slack.room import Room


def register(app: AsyncApp, room: Room) -> None:
    """Tie every handler to its command or button. The last line takes commands that only the manifest knows."""
    app.command("/imagine")(room.work.tracked(commands.imagine))
    app.command("/quota")(room.work.tracked(commands.quota))
    app.command("/filter")(room.work.tracked(commands.filter_))
    app.command("/sanction")(room.work.tracked(commands.sanction))
    app.action(CANCEL_ACTION)(room.work.tracked(actions.cancel))
    app.command(re.compile(r"^/"))(room.work.tracked(commands.unknown))
