"""The one place where the adapter's two halves meet: which logged-in client is there right now.

Owns that and nothing else. The messenger is built before the adapter runs and outlives every client; the adapter puts
each new client here and takes it away when it is gone.
"""

import asyncio

import discord

from bot.messenger import TryAgain


class Link:
    """Holds the current client, once it is logged in."""

    def __init__(self) -> None:
        """Begin without a client."""
        self._client: discord.Client | None = None
        self._there = asyncio.Event()

    @property
    def current(self) -> discord.Client | None:
        """The client, or None while there is none."""
        return self._client

    def connect(self, client: discord.Client) -> None:
        """Offer a client that is logged in."""
        self._client = client
        self._there.set()

    def disconnect(self) -> None:
        """Take the client away."""
        self._client = None
        self._there.clear()

    async def client(self, wait_s: float) -> discord.Client:
        """The client, waiting up to `wait_s` seconds for one; raises `TryAgain`."""
        try:
            async with asyncio.timeout(wait_s):
                await self._there.wait()
        except TimeoutError:
            raise TryAgain("the Discord bot is not logged in") from None
        if self._client is None:
            raise TryAgain("the Discord bot was logged out again")
        return self._client
