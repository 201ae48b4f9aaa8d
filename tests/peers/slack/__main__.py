"""Start a Slack peer by hand: `python -m tests.peers.slack [port]`."""

import asyncio
import sys

from tests.peers.slack.peer import SlackPeer


async def serve(port: int) -> None:
    async with SlackPeer(port=port) as peer:
        print("A workspace is up. Start the bot with these in its environment:\n", flush=True)
        print(f"  TESSERA_SLACK__API_URL={peer.api_url}")
        print(f"  SLACK_BOT_TOKEN={peer.space.bot_token}")
        print(f"  SLACK_APP_TOKEN={peer.space.app_token}")
        print(f"  SLACK_SIGNING_SECRET={peer.space.signing_secret}  (for HTTP mode, instead of the app token)\n")
        print("Type a command, and see what came of it:\n")
        print(f"""  curl {peer.url}/_peer/command -d '{{"command": "/imagine", "text": "a red boat"}}'""")
        print(f"  curl {peer.url}/_peer/messages\n")
        print(f"Channels: {', '.join(peer.space.channels)}. Members: {', '.join(peer.space.users)}.", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(serve(int(sys.argv[1]) if sys.argv[1:] else 0))
    except KeyboardInterrupt:
        print()
