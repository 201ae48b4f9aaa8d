"""`/filter add|remove|list|test|case` for moderators. Owns the reading of the options."""

import discord
from discord import app_commands

from bot.discord.answers import answer
from bot.discord.commands.rules import in_servers, moderators
from bot.discord.people import actor
from bot.services import Desk
from bot.wording import discord as words
from moderation.verdict import Action

# A keyword's longest form, as Discord's AutoMod has it; the desk has the last word.
_LONGEST_KEYWORD = 60
_LONGEST_TEXT = 4000
_LONGEST_CASE = 12


def group(desk: Desk) -> app_commands.Group:
    """The group with its five commands."""
    found = app_commands.Group(
        name="filter", description=words.COMMANDS["filter"], default_permissions=moderators(), **in_servers()
    )

    @found.command(name="add", description=words.COMMANDS["filter add"])
    @app_commands.describe(keyword=words.OPTIONS["filter add keyword"], effect=words.OPTIONS["filter add effect"])
    @app_commands.choices(effect=[app_commands.Choice(name=name, value=key) for key, name in words.EFFECTS.items()])
    async def add(
        interaction: discord.Interaction,
        keyword: app_commands.Range[str, 1, _LONGEST_KEYWORD],
        effect: str | None = None,
    ) -> None:
        action = Action[effect.upper()] if effect and effect in words.EFFECTS else None
        await answer(interaction, lambda: desk.filter_add(actor(interaction), keyword, action))

    @found.command(name="remove", description=words.COMMANDS["filter remove"])
    @app_commands.describe(keyword=words.OPTIONS["filter remove keyword"])
    async def remove(interaction: discord.Interaction, keyword: str) -> None:
        await answer(interaction, lambda: desk.filter_remove(actor(interaction), keyword))

    @found.command(name="list", description=words.COMMANDS["filter list"])
    async def show(interaction: discord.Interaction) -> None:
        await answer(interaction, lambda: desk.filter_list(actor(interaction)))

    @found.command(name="test", description=words.COMMANDS["filter test"])
    @app_commands.describe(text=words.OPTIONS["filter test text"])
    async def test(interaction: discord.Interaction, text: app_commands.Range[str, 1, _LONGEST_TEXT]) -> None:
        await answer(interaction, lambda: desk.filter_test(actor(interaction), text))

    @found.command(name="case", description=words.COMMANDS["filter case"])
    @app_commands.describe(case=words.OPTIONS["filter case case"])
    async def look_up(interaction: discord.Interaction, case: app_commands.Range[str, 1, _LONGEST_CASE]) -> None:
        await answer(interaction, lambda: desk.case_show(actor(interaction), case))

    return found
