"""`/imagine`: from a member's options to an `Ask`, and the first words in the placeholder.

Owns the reading of the options and the order: acknowledge, submit, show. It must not know limits, quotas or filters;
whether something is too long, unknown or not allowed is submit's answer.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

import discord
from discord import app_commands

from bot.discord.answers import ACCEPTED, acknowledge, tell_asker
from bot.discord.commands.rules import in_servers
from bot.discord.messenger import DiscordMessenger
from bot.discord.people import requester
from bot.services import Services
from bot.wording import discord as words
from bot.wording.refusals import refusal
from generation.refusals import Accepted, Refused
from generation.request import Ask, Platform, ReplyTo

log = logging.getLogger(__name__)

# Interaction tokens live 15 minutes (developers/interactions/receiving-and-responding); the margin is for clocks that
# differ and for an upload that takes a while.
_TOKEN_LIFE_MS = 15 * 60 * 1000
_MARGIN_MS = 30 * 1000
_HIGHEST_SEED = 2**32 - 1
_MOST_CHOICES = 25
_MOST_PICTURES = 10


class Imagine:
    """The command's callbacks, with what they work with."""

    def __init__(self, services: Services, messenger: DiscordMessenger) -> None:
        """Take the front's capabilities and what shows the first line."""
        self._services, self._messenger = services, messenger

    def command(self) -> app_commands.Command[Any, ..., None]:
        """The command as it is registered."""
        imagine: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="imagine", description=words.COMMANDS["imagine"], callback=self._callback(), **in_servers()
        )
        imagine.autocomplete("model")(self._models)
        imagine.autocomplete("size")(self._sizes)
        return imagine

    def _callback(self) -> Callable[..., Coroutine[Any, Any, None]]:
        names = ("prompt", "model", "size", "seed", "count")

        @app_commands.describe(**{name: words.OPTIONS[f"imagine {name}"] for name in names})
        async def imagine(  # noqa: PLR0917 - the command's options, called by name
            interaction: discord.Interaction,
            prompt: str,
            model: str | None = None,
            size: str | None = None,
            seed: app_commands.Range[int, 0, _HIGHEST_SEED] | None = None,
            count: app_commands.Range[int, 1, _MOST_PICTURES] = 1,
        ) -> None:
            placeholder_id = await acknowledge(interaction, private=False)
            if placeholder_id is not None:
                ask = Ask(
                    id=f"discord-{interaction.id}",
                    requester=requester(interaction),
                    reply_to=_reply_to(interaction, placeholder_id),
                    prompt=prompt,
                    model=model,
                    size=size,
                    seed=seed,
                    count=count,
                    created_at=self._services.now(),
                )
                await self._submit(interaction, ask)

        return imagine

    async def _submit(self, interaction: discord.Interaction, ask: Ask) -> None:
        match await self._services.submit(ask):
            case Accepted(duplicate=True):
                log.info("request %s had been accepted before", ask.id)
            case Accepted() as accepted:
                interaction.extras[ACCEPTED] = True
                line = await self._services.waiting_line(accepted)
                await self._messenger.begin(accepted.request, line)
            case Refused(refusal=reason):
                await tell_asker(interaction, refusal(reason, now=self._services.now(), zone=self._services.zone))

    async def _models(self, _interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """Models that fit what is typed so far: any number of models are within reach, 25 at a time."""
        found = self._services.catalogue.suggest(typed, _MOST_CHOICES)
        return [app_commands.Choice(name=entry.title[:100], value=entry.id) for entry in found]

    async def _sizes(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        """The sizes of the model chosen so far."""
        chosen = getattr(interaction.namespace, "model", None)
        entry = self._services.catalogue.find(chosen if isinstance(chosen, str) else None)
        wanted = typed.strip().lower()
        sizes = [size for size in (entry.sizes if entry else ()) if wanted in size]
        return [app_commands.Choice(name=size, value=size) for size in sizes[:_MOST_CHOICES]]


def _reply_to(interaction: discord.Interaction, placeholder_id: str) -> ReplyTo:
    """Where the answer goes. In a thread, Discord's channel of an interaction is the thread."""
    channel = interaction.channel
    thread = channel if isinstance(channel, discord.Thread) else None
    return ReplyTo(
        platform=Platform.DISCORD,
        channel_id=str(thread.parent_id if thread else interaction.channel_id),
        thread_id=str(thread.id) if thread else None,
        placeholder_id=placeholder_id,
        token=interaction.token,
        token_expires_at=round(interaction.created_at.timestamp() * 1000) + _TOKEN_LIFE_MS - _MARGIN_MS,
    )
