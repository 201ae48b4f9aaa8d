"""Starts the stand-in by hand: `python -m tests.peers.openai [--port 8183]`."""

import argparse
import asyncio
import contextlib

from tests.peers.openai.faults import FAULTS
from tests.peers.openai.peer import OpenAIPeer


async def serve(port: int, delay_s: float) -> None:
    """Serve until interrupted, saying how to point a worker here and how to script a failure."""
    async with OpenAIPeer(port=port) as peer:
        peer.delay_s = delay_s
        print(f"OPENAI_BASE_URL={peer.base_url}", flush=True)
        print(f"OPENAI_API_KEY={peer.key}", flush=True)
        print(f'curl {peer.url}/_peer/fault -d \'{{"name": "rate_limit", "times": 1}}\'')
        print(f"Failures: {', '.join(sorted(FAULTS))}", flush=True)
        print(f"curl {peer.url}/_peer/requests", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A local server that stands in for OpenAI's images and moderations.")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that every picture takes")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.delay))
