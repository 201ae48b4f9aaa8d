"""The discord.py client as this bot uses it: sharded, with no privileged intent and as little memory as it can.

Owns what is peculiar to discord.py: its class-level addresses, a guard before its parser, what it keeps in memory.
Gets all it works with as arguments.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.discord import sync
from bot.discord.cancel import CancelButton
from bot.discord.link import Link
from bot.discord.messenger import DiscordMessenger
from bot.discord.tree import Tree
from bot.services import Services

log = logging.getLogger(__name__)

# A call that Discord would let through only after this long fails instead, and delivery tries it again later.
_LONGEST_RATE_LIMIT_S = 30.0


def use_api(api_url: str | None) -> None:
    """Send every REST call to `api_url`; None leaves discord.py's own address.

    discord.py has no argument for it: the address is a class attribute that REST calls, interaction answers and
    webhooks all read, so it holds for the whole process.
    """
    if api_url:
        Route.BASE = api_url.rstrip("/")


class TesseraClient(discord.AutoShardedClient):
    """One login's worth of connection to Discord; `ready` is set once commands can arrive on every shard."""

    def __init__(
        self,
        *,
        services: Services,
        messenger: DiscordMessenger,
        link: Link,
        ready: asyncio.Event,
        guild_ids: Sequence[int],
    ) -> None:
        """Take the front's capabilities, the messenger, where to announce itself, and where to register commands."""
        super().__init__(
            intents=discord.Intents(guilds=True),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            max_ratelimit_timeout=_LONGEST_RATE_LIMIT_S,
        )
        self.services = services
        self._link, self._commands_arrive, self._guild_ids = link, ready, guild_ids
        self._shards_up: set[int] = set()
        self.tree = Tree(self, services, messenger)
        self._guard_parser()

    def _guard_parser(self) -> None:
        """Keep a malformed interaction from taking the connection down.

        discord.py's parser trusts the payload; an error in it would end the shard's loop and with it the client.
        There is no public hook before it, so the parser is wrapped in discord.py's own table of parsers.
        """
        parsers = self._connection.parsers
        parse = parsers["INTERACTION_CREATE"]

        def guarded(data: Any) -> None:  # noqa: ANN401 - whatever came over the wire
            try:
                parse(data)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                log.warning("a malformed interaction was refused: %s", type(error).__name__)

        parsers["INTERACTION_CREATE"] = guarded

    async def setup_hook(self) -> None:
        """After the login, before the gateway: buttons, commands, and the messenger may begin."""
        self.add_dynamic_items(CancelButton)
        self._link.connect(self)
        await sync.register(self, self.tree, self._guild_ids)

    async def launch_shards(self) -> None:
        """Ask the API where the gateway is, and use that address for every connection.

        discord.py asks only for the first connection; later ones that cannot be resumed go to the address built into
        it, which is not where a stand-in or a proxy is.
        """
        self.shard_count, url, _ = await self.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)
        await super().launch_shards()

    async def on_shard_connect(self, shard_id: int) -> None:
        """Commands can arrive on a shard from its READY on; `on_ready` would wait 2 s for the list of servers."""
        self._shards_up.add(shard_id)
        if len(self._shards_up) == self.shard_count:
            self._commands_arrive.set()
