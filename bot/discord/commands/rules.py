"""What all commands have in common: where they exist and who sees them.

Commands exist in servers only and for server installs only. Moderators' commands are hidden from everybody without
Manage Server; a server's admins may open them to others in Discord's settings, which is why every use is checked again.
"""

from typing import TypedDict

import discord
from discord import app_commands


class Where(TypedDict):
    """The arguments with which a command says where it exists."""

    allowed_contexts: app_commands.AppCommandContext
    allowed_installs: app_commands.AppInstallationType


def in_servers() -> Where:
    """In servers, for bots that a server installed; not in direct messages, not for members' own installs."""
    return Where(
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
    )


def moderators() -> discord.Permissions:
    """Who sees a moderators' command unless an admin decides otherwise."""
    return discord.Permissions(manage_guild=True)
