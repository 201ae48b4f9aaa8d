"""The Discord adapter as the front sees it: `bot.services.Adapter`.

Owns the life of the connection: log in, serve, come back after a failure, give up when the token is refused.
"""

import asyncio
import logging

import discord

from bot.discord import trouble
from bot.discord.client import TesseraClient, use_api
from bot.discord.link import Link
from bot.discord.messenger import DiscordMessenger
from bot.services import AdapterRejected, Services
from bot.wording import discord as words
from generation.request import Platform

log = logging.getLogger(__name__)

_SHORTEST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0
# developers/topics/opcodes-and-status-codes, gateway close codes that no new attempt can change.
_TOKEN_REFUSED = 4004
_FINAL_CODES = {4010, 4011, 4012, 4013, 4014}


class DiscordAdapter:
    """Takes commands in from Discord and owns the messenger that answers them."""

    def __init__(self, *, token: str, api_url: str | None, services: Services, guild_ids: tuple[int, ...] = ()) -> None:
        """Take the bot's token, the API's base address (None: Discord's), and the servers to register commands in.

        Without `guild_ids` commands are registered for every server; with them, at once and in those servers only.
        """
        self._token, self._api_url, self._services, self._guild_ids = token, api_url, services, guild_ids
        self._link = Link()
        self._messenger = DiscordMessenger(self._link, now=services.now)
        self._ready = asyncio.Event()

    @property
    def platform(self) -> Platform:
        """Discord."""
        return Platform.DISCORD

    @property
    def messenger(self) -> DiscordMessenger:
        """How members on Discord are told."""
        return self._messenger

    @property
    def ready(self) -> asyncio.Event:
        """Set once commands can arrive."""
        return self._ready

    async def run(self) -> None:
        """Serve until cancelled; raises `AdapterRejected` if Discord refuses the token or the bot's settings."""
        use_api(self._api_url)
        _keep_secrets_out_of_logs()
        pause = _SHORTEST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            await self._serve()
            lasted = asyncio.get_running_loop().time() - began
            pause = _SHORTEST_PAUSE_S if lasted > _LONGEST_PAUSE_S else min(pause * 2, _LONGEST_PAUSE_S)
            log.info("connecting to Discord again in %.1f s", pause)
            await asyncio.sleep(pause)

    async def _serve(self) -> None:
        """One client's life, from login to the end of its connection. A client cannot be started twice."""
        client = TesseraClient(
            services=self._services,
            messenger=self._messenger,
            link=self._link,
            ready=self._ready,
            guild_ids=self._guild_ids,
        )
        try:
            async with client:
                await client.start(self._token)
        except discord.LoginFailure:
            raise AdapterRejected(words.token_refused()) from None
        except discord.ConnectionClosed as error:
            _raise_if_final(error.code)
            log.warning("Discord closed the connection: code %s", error.code)
        except discord.PrivilegedIntentsRequired:
            raise AdapterRejected(words.connection_refused(4014)) from None
        except trouble.ERRORS as error:
            log.warning("the connection to Discord failed: %s", trouble.describe(error))
        finally:
            self._link.disconnect()


def _raise_if_final(code: int | None) -> None:
    if code == _TOKEN_REFUSED:
        raise AdapterRejected(words.token_refused()) from None
    if code in _FINAL_CODES:
        raise AdapterRejected(words.connection_refused(code)) from None


def _keep_secrets_out_of_logs() -> None:
    """Never let discord.py log below INFO: its DEBUG lines hold whole events, with prompts and interaction tokens."""
    library = logging.getLogger("discord")
    if library.getEffectiveLevel() < logging.INFO:
        library.setLevel(logging.INFO)
