"""The table of commands, and what happens around each use: repeated, damaged and failing ones.

Owns the checks before a command runs and the sentence after it broke. It must not know what commands do.
"""

import logging
import secrets
from collections import OrderedDict

import discord
from discord import app_commands

from bot.discord.answers import tell_asker
from bot.discord.commands import filters, quota, sanctions
from bot.discord.commands.imagine import Imagine
from bot.discord.messenger import DiscordMessenger
from bot.discord.payload import misfit, problem_with
from bot.services import Services
from bot.wording import discord as words

log = logging.getLogger(__name__)

_REMEMBERED = 4096


class Tree(app_commands.CommandTree[discord.Client]):
    """All commands of the bot."""

    def __init__(self, client: discord.Client, services: Services, messenger: DiscordMessenger) -> None:
        """Take the client they belong to and what they work with."""
        super().__init__(client)
        self._seen: OrderedDict[int, None] = OrderedDict()
        self.add_command(Imagine(services, messenger).command())
        for command in quota.commands(services.desk):
            self.add_command(command)
        self.add_command(filters.group(services.desk))
        self.add_command(sanctions.group(services.desk))

    async def interaction_check(self, interaction: discord.Interaction, /) -> bool:
        """Whether to go on with a use: not a second time, not outside servers, not if it is damaged."""
        if interaction.id in self._seen:
            # Discord repeats events after a connection was resumed.
            log.info("command %s came again and is ignored", interaction.id)
            return False
        self._seen[interaction.id] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        typing = interaction.type is discord.InteractionType.autocomplete
        if problem := problem_with(interaction.data):
            log.warning("command %s is refused: %s", interaction.id, problem)
            sentence = words.damaged()
        elif interaction.guild_id is None or not isinstance(interaction.user, discord.Member):
            log.warning("command %s is refused: it does not come from a server's member", interaction.id)
            sentence = words.servers_only()
        elif self._is_outdated(interaction):
            log.warning("command %s is refused: its options are not those of the command", interaction.id)
            sentence = words.outdated()
        else:
            return True
        if not typing:
            await tell_asker(interaction, sentence)
        return False

    def _is_outdated(self, interaction: discord.Interaction) -> bool:
        command = interaction.command
        if not isinstance(command, app_commands.Command) or not isinstance(interaction.data, dict):
            return False
        return misfit(interaction.data, {option.display_name: option.type.value for option in command.parameters})

    async def on_error(self, interaction: discord.Interaction, error: app_commands.AppCommandError, /) -> None:
        """Tell the asker in one sentence; log what broke under an event id, without the options they gave."""
        name = interaction.command.qualified_name if interaction.command else "unknown"
        if not isinstance(error, app_commands.CommandInvokeError):
            # The command is not what we registered, or an option is not what it should be: Discord's side is older or
            # newer than ours. The error's own text quotes the option, so only its kind is logged.
            log.warning("command %s (%s) does not fit: %s", interaction.id, name, type(error).__name__)
            if interaction.type is not discord.InteractionType.autocomplete:
                await tell_asker(interaction, words.outdated())
            return
        event = secrets.token_hex(3).upper()
        log.error("command %s (%s) broke, event %s", interaction.id, name, event, exc_info=error.original)
        await tell_asker(interaction, words.broke(event))
