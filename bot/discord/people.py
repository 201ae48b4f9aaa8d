"""Who asks and whom a command is about, read from an interaction.

Owns the translation from discord.py's members and roles to `Requester`, `Actor` and `Target`. What an interaction says
of its member was put there by Discord at that moment, so it is the fresh check that `Actor.moderator` stands for.
"""

import discord

from bot.services import Actor, Target
from generation.request import Platform, Requester


def requester(interaction: discord.Interaction) -> Requester:
    """The member who sent this interaction from a server."""
    return Requester(
        platform=Platform.DISCORD,
        workspace_id=str(interaction.guild_id),
        user_id=str(interaction.user.id),
        role_ids=role_ids(interaction.user),
    )


def actor(interaction: discord.Interaction) -> Actor:
    """The same member as the giver of a moderator's command; Manage Server or Administrator makes a moderator."""
    rights = interaction.permissions
    return Actor(
        requester=requester(interaction),
        moderator=rights.manage_guild or rights.administrator,
        name=f"@{interaction.user.display_name}",
    )


def target(chosen: discord.Member | discord.User | discord.Role) -> Target:
    """A member or role that was chosen in a command."""
    name = chosen.name if isinstance(chosen, discord.Role) else chosen.display_name
    roles = () if isinstance(chosen, discord.Role) else role_ids(chosen)
    return Target(str(chosen.id), "@" + name.removeprefix("@"), roles)


def role_ids(user: discord.Member | discord.User) -> tuple[str, ...]:
    """The ids of a member's roles as Discord sent them.

    `Member.roles` lists only roles that are in the cache and would lose some while a server is still arriving; the
    ids that came with the interaction are complete.
    """
    if not isinstance(user, discord.Member):
        return ()
    return tuple(str(role_id) for role_id in user._roles)  # noqa: SLF001 - see above; there is no public list of them
