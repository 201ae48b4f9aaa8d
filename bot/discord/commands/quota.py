"""`/quota` for oneself; `/quota-set`, `/quota-grant` and `/quota-show` for moderators.

Owns the reading of the options. Why the names have hyphens: docs/decisions/0002-discord-command-names.md.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import discord
from discord import app_commands

from bot.discord.answers import answer, tell_asker
from bot.discord.commands.rules import in_servers, moderators
from bot.discord.people import actor, requester, target
from bot.services import Desk
from bot.wording import discord as words
from generation.quota import Scope

_MOST = 10_000


def commands(desk: Desk) -> list[app_commands.Command[Any, ..., None]]:
    """All four commands."""
    return [_own(desk), _set(desk), _grant(desk), _show(desk)]


def _own(desk: Desk) -> app_commands.Command[Any, ..., None]:
    async def quota(interaction: discord.Interaction) -> None:
        await answer(interaction, lambda: desk.my_quota(requester(interaction)))

    return app_commands.Command(name="quota", description=words.COMMANDS["quota"], callback=quota, **in_servers())


def _set(desk: Desk) -> app_commands.Command[Any, ..., None]:
    @app_commands.describe(pictures=words.OPTIONS["quota-set pictures"], who=words.OPTIONS["quota-set who"])
    async def quota_set(
        interaction: discord.Interaction,
        pictures: app_commands.Range[int, 0, _MOST] | None = None,
        who: discord.Member | discord.Role | None = None,
    ) -> None:
        if pictures is None and who is None:
            # Left out twice it would take the server's setting back, which nobody means by an empty command.
            await tell_asker(interaction, words.choose_somebody())
            return
        everyone = who is None or (isinstance(who, discord.Role) and who.is_default())
        scope = Scope.SERVER if everyone else Scope.ROLE if isinstance(who, discord.Role) else Scope.MEMBER
        whom = None if everyone or who is None else target(who)
        await answer(interaction, lambda: desk.quota_set(actor(interaction), scope, whom, pictures))

    return _moderators(quota_set, "quota-set")


def _grant(desk: Desk) -> app_commands.Command[Any, ..., None]:
    names = ("member", "pictures", "reason")

    @app_commands.describe(**{name: words.OPTIONS[f"quota-grant {name}"] for name in names})
    async def quota_grant(
        interaction: discord.Interaction,
        member: discord.Member,
        pictures: app_commands.Range[int, 1, _MOST],
        reason: app_commands.Range[str, 0, 300] = "",
    ) -> None:
        await answer(interaction, lambda: desk.quota_grant(actor(interaction), target(member), pictures, reason))

    return _moderators(quota_grant, "quota-grant")


def _show(desk: Desk) -> app_commands.Command[Any, ..., None]:
    @app_commands.describe(member=words.OPTIONS["quota-show member"])
    async def quota_show(interaction: discord.Interaction, member: discord.Member) -> None:
        await answer(interaction, lambda: desk.quota_show(actor(interaction), target(member)))

    return _moderators(quota_show, "quota-show")


def _moderators(callback: Callable[..., Coroutine[Any, Any, None]], name: str) -> app_commands.Command[Any, ..., None]:
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=name, description=words.COMMANDS[name], callback=callback, **in_servers()
    )
    command.default_permissions = moderators()
    return command
