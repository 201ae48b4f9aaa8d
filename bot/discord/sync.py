"""Registers the commands with Discord, only where they differ from what is there.

Owns that comparison. Registering on every start would use up Discord's daily limit and, for global commands, make
members' clients fetch them anew each time.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord import app_commands

from bot.discord import trouble

log = logging.getLogger(__name__)

Json = Mapping[str, Any]

_KEPT = ("type", "name", "description", "required", "autocomplete", "channel_types")
_LIMITS = ("min_value", "max_value", "min_length", "max_length")


async def register(client: discord.Client, tree: app_commands.CommandTree[Any], guild_ids: Sequence[int]) -> None:
    """Register all commands for every server, or in the named servers only; what fails is logged, not raised.

    A bot whose commands could not be registered still serves the ones that were there before.
    """
    wanted = [command.to_dict(tree) for command in tree.get_commands()]
    for guild_id in guild_ids or (None,):
        where = "all servers" if guild_id is None else f"server {guild_id}"
        try:
            changed = await _register(client, wanted, guild_id)
        except trouble.ERRORS as error:
            log.error("commands for %s could not be registered: %s", where, trouble.describe(error))  # noqa: TRY400 - the description is all there is to say
        else:
            log.info("commands for %s: %s", where, "registered" if changed else "already registered")


async def _register(client: discord.Client, wanted: Sequence[dict[str, Any]], guild_id: int | None) -> bool:
    http, app = client.http, client.application_id or 0
    there: Sequence[Any]
    if guild_id is None:
        there = await http.get_global_commands(app)
    else:
        there = await http.get_guild_commands(app, guild_id)
    if comparable(there) == comparable(wanted):
        return False
    if guild_id is None:
        await http.bulk_upsert_global_commands(app, list(wanted))
    else:
        await http.bulk_upsert_guild_commands(app, guild_id, list(wanted))
    return True


def comparable(commands: Sequence[Json]) -> dict[str, Any]:
    """Commands by name with what matters of them, in a form that does not depend on who wrote them down."""
    return {command["name"]: _command(command) for command in commands}


def _command(command: Json) -> dict[str, Any]:
    permissions = command.get("default_member_permissions")
    return _option(command) | {
        "type": command.get("type", 1),
        "nsfw": bool(command.get("nsfw")),
        "permissions": None if permissions is None else str(permissions),
        "contexts": sorted(command.get("contexts") or []),
        "installs": sorted(command.get("integration_types") or []),
    }


def _option(option: Json) -> dict[str, Any]:
    kept = {key: option[key] for key in _KEPT if option.get(key)}
    kept |= {key: option[key] for key in _LIMITS if option.get(key) is not None}
    kept["choices"] = [(choice["name"], choice["value"]) for choice in option.get("choices") or []]
    kept["options"] = [_option(child) for child in option.get("options") or []]
    return kept
