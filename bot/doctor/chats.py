"""Looks at Discord and Slack: are there tokens, do they look right, and does the platform accept them.

Asks each platform who we are, over plain HTTPS, and nothing more; no connection is left open and no token is shown.
"""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from bot.doctor.findings import Finding, blocks, note, ok, problem
from bot.settings import Settings
from generation.secrets import SecretError, read_secret

DISCORD_API = "https://discord.com/api/v10"
SLACK_API = "https://slack.com/api/"

_PATIENCE_S = 10.0
_DISCORD_SHAPE = re.compile(r"[\w-]{18,}\.[\w-]{6,}\.[\w-]{20,}")
_ASKING_FAILED = (aiohttp.ClientError, TimeoutError, OSError, ValueError)


async def discord(settings: Settings) -> AsyncIterator[Finding]:
    """Discord's token."""
    token = _secret("DISCORD_TOKEN")
    if token is None:
        yield note("Discord", "Off: DISCORD_TOKEN is not set.", "docs/discord.md says how to make a bot.")
        return
    if not _DISCORD_SHAPE.fullmatch(token):
        yield problem(
            "Discord",
            "DISCORD_TOKEN does not look like a bot's token.",
            "Copy it from the Developer Portal, under Bot; the client secret and the public key are others.",
        )
    url = f"{(settings.discord.api_url or DISCORD_API).rstrip('/')}/users/@me"
    try:
        status, said = await _ask("GET", url, f"Bot {token}")
    except _ASKING_FAILED as error:
        yield problem(
            "Discord", f"It could not be asked ({type(error).__name__}).", "Is the network up? Then try again."
        )
        return
    if status == 200:
        yield ok("Discord", f"The token is accepted; the bot is called {said.get('username', '?')}.")
    elif status == 401:
        yield blocks(
            "Discord", "The token is refused.", "Reset it in the Developer Portal, under Bot, and set it anew."
        )
    else:
        yield problem("Discord", f"It answered with {status}.", "Try again in a few minutes.")


async def slack(settings: Settings) -> AsyncIterator[Finding]:
    """Slack's tokens, and the way commands reach us."""
    token = _secret("SLACK_BOT_TOKEN")
    if token is None:
        yield note("Slack", "Off: SLACK_BOT_TOKEN is not set.", "docs/slack.md says how to make an app.")
        return
    if not token.startswith("xoxb-"):
        yield problem(
            "Slack", "SLACK_BOT_TOKEN is no bot token; one begins with xoxb-.", "Copy the Bot User OAuth Token."
        )
    base = (settings.slack.api_url or SLACK_API).rstrip("/")
    yield await _slack_call(
        f"{base}/auth.test",
        token,
        good=lambda said: f"The bot token is accepted in {said.get('team', '?')}, as {said.get('user', '?')}.",
        bad="The bot token is refused",
        do="Install the app to the workspace again and copy the Bot User OAuth Token.",
    )
    async for finding in _slack_way_in(settings, base):
        yield finding


async def _slack_way_in(settings: Settings, base: str) -> AsyncIterator[Finding]:
    app_token, signing_secret = _secret("SLACK_APP_TOKEN"), _secret("SLACK_SIGNING_SECRET")
    if app_token is not None:
        if not app_token.startswith("xapp-"):
            yield problem(
                "Slack", "SLACK_APP_TOKEN is no app token; one begins with xapp-.", "docs/slack.md says where."
            )
        yield await _slack_call(
            f"{base}/apps.connections.open",
            app_token,
            good=lambda _: "The app token is accepted; commands come over Socket Mode.",
            bad="The app token is refused",
            do="Generate one with the scope connections:write, and see that Socket Mode is on.",
        )
    elif signing_secret is not None and settings.slack.http_port is not None:
        where = f"{settings.slack.http_host}:{settings.slack.http_port}"
        yield ok("Slack", f"Commands come over HTTP at {where}, their signature is checked.")
    else:
        yield blocks(
            "Slack",
            "Commands have no way in.",
            "Set SLACK_APP_TOKEN (Socket Mode), or SLACK_SIGNING_SECRET and slack.http_port (HTTP mode).",
        )


async def _slack_call(url: str, token: str, *, good: Callable[[dict[str, Any]], str], bad: str, do: str) -> Finding:
    """One Web API method's answer as a finding; `good` makes the sentence from Slack's answer."""
    try:
        status, said = await _ask("POST", url, f"Bearer {token}")
    except _ASKING_FAILED as error:
        return problem(
            "Slack", f"It could not be asked ({type(error).__name__}).", "Is the network up? Then try again."
        )
    if status != 200:
        return problem("Slack", f"It answered with {status}.", "Try again in a few minutes.")
    if said.get("ok"):
        return ok("Slack", good(said))
    return blocks("Slack", f"{bad} ({said.get('error', 'no reason given')}).", do)


async def _ask(method: str, url: str, authorization: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": authorization, "User-Agent": "DiscordBot (tessera, 0.1)"}
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.request(method, url, headers=headers) as response,
    ):
        said = await response.json(content_type=None)
        return response.status, said if isinstance(said, dict) else {}


def _secret(name: str) -> str | None:
    """The secret; one whose file cannot be read is told about elsewhere and counts as absent here."""
    try:
        return read_secret(name)
    except SecretError:
        return None
