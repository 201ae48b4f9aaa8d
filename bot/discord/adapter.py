"""The Discord adapter as the front sees it: `bot.services.Adapter`.

Owns the life of the connection: log in, serve, come back after a failure, give up when the token is refused.
"""

import asyncio
import contextlib
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
_LEAVING_S = 3.0
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
        _tame_library()
        clock = asyncio.get_running_loop().time
        pause = _SHORTEST_PAUSE_S
        while True:
            began = clock()
            await self._serve()
            if clock() - began > _LONGEST_PAUSE_S:
                pause = _SHORTEST_PAUSE_S
            log.info("connecting to Discord again in %.1f s", pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _serve(self) -> None:
        """One client's life, from login to the end of its connection. A client cannot be started twice."""
        client = TesseraClient(
            services=self._services,
            messenger=self._messenger,
            link=self._link,
            ready=self._ready,
            guild_ids=self._guild_ids,
        )
        # `async with` would close it a second time and without a limit, see `_leave`.
        await client.__aenter__()
        connection = asyncio.create_task(client.start(self._token), name="discord connection")
        try:
            # Waited for, not awaited: a cancellation of ours goes through `_leave`.
            await asyncio.wait([connection])
            connection.result()
        except discord.LoginFailure:
            raise AdapterRejected(words.token_refused()) from None
        except discord.PrivilegedIntentsRequired:
            raise AdapterRejected(words.connection_refused(4014)) from None
        except discord.ConnectionClosed as error:
            _raise_if_final(error.code)
            log.warning("Discord closed the connection: code %s", error.code)
        except trouble.ERRORS as error:
            log.warning("the connection to Discord failed: %s", trouble.describe(error))
        finally:
            self._link.disconnect()
            await _leave(client, connection)


async def _leave(client: discord.Client, connection: asyncio.Task[None]) -> None:
    """Close a client, for certain and soon.

    Cancelling alone does not do: while discord.py reconnects a shard it swallows the cancellation and goes on for ever
    (`Shard.reidentify` and `Shard.reconnect` of 2.7.1). Closing alone may take half a minute if the other side is dead.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LEAVING_S):
            await client.close()
    await client.http.close()
    connection.cancel()
    await asyncio.wait([connection], timeout=_LEAVING_S)


def _raise_if_final(code: int | None) -> None:
    if code == _TOKEN_REFUSED:
        raise AdapterRejected(words.token_refused()) from None
    if code in _FINAL_CODES:
        raise AdapterRejected(words.connection_refused(code)) from None


def _tame_library() -> None:
    """Never let discord.py log below INFO, and not about voice.

    Its DEBUG lines hold whole events, with prompts and interaction tokens. Its warnings about missing voice libraries
    would only make operators wonder: this bot has no voice.
    """
    library = logging.getLogger("discord")
    if library.getEffectiveLevel() < logging.INFO:
        library.setLevel(logging.INFO)
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
