"""`/sanction timeout|ban|lift` for moderators. Owns the reading of the options."""

import discord
from discord import app_commands

from bot.discord.answers import answer
from bot.discord.commands.rules import in_servers, moderators
from bot.discord.people import actor, target
from bot.services import Desk
from bot.wording import discord as words

_LONGEST_REASON = 300
_MOST_MINUTES = 60 * 24 * 365


def group(desk: Desk) -> app_commands.Group:
    """The group with its three commands."""
    found = app_commands.Group(
        name="sanction", description=words.COMMANDS["sanction"], default_permissions=moderators(), **in_servers()
    )
    told = words.OPTIONS

    @found.command(name="timeout", description=words.COMMANDS["sanction timeout"])
    @app_commands.describe(**{name: told[f"sanction timeout {name}"] for name in ("member", "minutes", "reason")})
    async def timeout(
        interaction: discord.Interaction,
        member: discord.Member | discord.User,
        minutes: app_commands.Range[int, 1, _MOST_MINUTES],
        reason: app_commands.Range[str, 0, _LONGEST_REASON] = "",
    ) -> None:
        await answer(interaction, lambda: desk.sanction_timeout(actor(interaction), target(member), minutes, reason))

    @found.command(name="ban", description=words.COMMANDS["sanction ban"])
    @app_commands.describe(member=told["sanction ban member"], reason=told["sanction ban reason"])
    async def ban(
        interaction: discord.Interaction,
        member: discord.Member | discord.User,
        reason: app_commands.Range[str, 0, _LONGEST_REASON] = "",
    ) -> None:
        await answer(interaction, lambda: desk.sanction_ban(actor(interaction), target(member), reason))

    @found.command(name="lift", description=words.COMMANDS["sanction lift"])
    @app_commands.describe(member=told["sanction lift member"])
    async def lift(interaction: discord.Interaction, member: discord.Member | discord.User) -> None:
        await answer(interaction, lambda: desk.sanction_lift(actor(interaction), target(member)))

    return found
