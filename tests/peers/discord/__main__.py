"""Starts the stand-in by hand: `python -m tests.peers.discord [--port 8181]`."""

import argparse
import asyncio
import contextlib

from tests.peers.discord.peer import DiscordPeer


async def serve(port: int) -> None:
    """Serve until interrupted, saying how to connect a bot and how to push an interaction."""
    async with DiscordPeer(port=port) as peer:
        print(f"TESSERA_DISCORD__API_URL={peer.api_url}", flush=True)
        print(f"DISCORD_TOKEN={peer.store.token}", flush=True)
        print(f'curl {peer.url}/_peer/interaction -d \'{{"command": "imagine", "options": {{"prompt": "a boat"}}}}\'')
        print(f"curl {peer.url}/_peer/messages", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A local server that stands in for Discord.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().port))
