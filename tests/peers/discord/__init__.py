"""A local server that stands in for Discord, for the unmodified discord.py: REST, gateway and what Discord refuses.

Start one in a test with `async with DiscordPeer() as peer`, or by hand with `python -m tests.peers.discord`. What it
imitates is taken from Discord's public documentation (discord/discord-api-docs) and its OpenAPI description; where
that folder is present, request bodies are validated against the description as well.
"""

from tests.peers.discord.peer import DiscordPeer
from tests.peers.discord.state import Call, Interaction, Message, Upload

__all__ = ["Call", "DiscordPeer", "Interaction", "Message", "Upload"]
