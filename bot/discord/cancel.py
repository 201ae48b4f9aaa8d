"""The Cancel button of a waiting request.

Owns the button's custom id and what a press does. It keeps no state: whose request it is stands in the custom id, so
a button works as long as its message is there, restarts included. It must not know how cancelling is done.
"""

import logging
import re
from typing import Any, Self

import aiohttp
import discord

from bot.discord.people import requester
from bot.wording import discord as words

log = logging.getLogger(__name__)

_TEMPLATE = r"tessera:cancel:(?P<request>[\w-]{1,60}):(?P<user>\d{1,20})"


class CancelButton(discord.ui.DynamicItem[discord.ui.Button[discord.ui.LayoutView]], template=_TEMPLATE):
    """A button that ends the asker's own request; for everybody else it answers with a sentence."""

    def __init__(self, request_id: str, user_id: str) -> None:
        """Take the request and whose it is."""
        custom_id = f"tessera:cancel:{request_id}:{user_id}"
        style = discord.ButtonStyle.secondary
        super().__init__(discord.ui.Button(label=words.CANCEL, style=style, custom_id=custom_id))
        self.request_id, self.user_id = request_id, user_id

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction, _item: discord.ui.Item[discord.ui.LayoutView], match: re.Match[str], /
    ) -> Self:
        """The button as it was sent, perhaps by a process that is long gone."""
        return cls(match["request"], match["user"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Cancel, or say why not. Delivery tells the member that it is cancelled, in the placeholder."""
        if not isinstance(interaction.user, discord.Member):
            log.warning("a press outside a server was ignored")
            return
        try:
            if str(interaction.user.id) != self.user_id:
                await interaction.response.send_message(words.not_yours(), ephemeral=True)
                return
            await interaction.response.defer()
            # The client is this bot's own, `bot.discord.client`, which builds on this module.
            if not await interaction.client.services.cancel(self.request_id, requester(interaction)):
                await interaction.followup.send(words.nothing_to_cancel(), ephemeral=True)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            log.warning("answering a press for request %s failed: %s", self.request_id, type(error).__name__)
