"""Looks at Discord and Slack: are there tokens, do they look right, and does the platform accept them.

Asks each platform who we are, over plain HTTPS, and nothing more; no connection is left open and no token is shown.
"""

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from bot.doctor.findings import Finding, blocks, note, ok, problem
from bot.settings import Settings
from bot.wording import doctor_chats as said
from bot.wording.doctor import Said
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
        yield note("Discord", said.chat_off("DISCORD_TOKEN", "docs/discord.md"))
        return
    if not _DISCORD_SHAPE.fullmatch(token):
        yield problem("Discord", said.discord_shape())
    url = f"{(settings.discord.api_url or DISCORD_API).rstrip('/')}/users/@me"
    try:
        status, answer = await _ask("GET", url, f"Bot {token}")
    except _ASKING_FAILED as error:
        yield problem("Discord", said.unasked(_why(error)))
        return
    if status == 200:
        yield ok("Discord", said.discord_good(answer.get("username", "?")))
    elif status == 401:
        yield blocks("Discord", said.discord_refused())
    else:
        yield problem("Discord", said.odd_answer(status))


async def slack(settings: Settings) -> AsyncIterator[Finding]:
    """Slack's tokens, and the way commands reach us."""
    token = _secret("SLACK_BOT_TOKEN")
    if token is None:
        yield note("Slack", said.chat_off("SLACK_BOT_TOKEN", "docs/slack.md"))
        return
    if not token.startswith("xoxb-"):
        yield problem("Slack", said.slack_bot_shape())
    base = (settings.slack.api_url or SLACK_API).rstrip("/")
    yield await _slack_call(
        f"{base}/auth.test",
        token,
        good=lambda answer: said.slack_bot_good(answer.get("team", "?"), answer.get("user", "?")),
        bad=said.slack_bot_refused,
    )
    async for finding in _slack_way_in(settings, base):
        yield finding


async def _slack_way_in(settings: Settings, base: str) -> AsyncIterator[Finding]:
    app_token, signing_secret = _secret("SLACK_APP_TOKEN"), _secret("SLACK_SIGNING_SECRET")
    if app_token is not None:
        if not app_token.startswith("xapp-"):
            yield problem("Slack", said.slack_app_shape())
        yield await _slack_call(
            f"{base}/apps.connections.open",
            app_token,
            good=lambda _: said.slack_app_good(),
            bad=said.slack_app_refused,
        )
    elif signing_secret is not None and settings.slack.http_port is not None:
        yield ok("Slack", said.slack_http(f"{settings.slack.http_host}:{settings.slack.http_port}"))
    else:
        yield blocks("Slack", said.slack_no_way_in())


async def _slack_call(
    url: str, token: str, *, good: Callable[[dict[str, Any]], Said], bad: Callable[[str], Said]
) -> Finding:
    """One Web API method's answer as a finding."""
    try:
        status, answer = await _ask("POST", url, f"Bearer {token}")
    except _ASKING_FAILED as error:
        return problem("Slack", said.unasked(_why(error)))
    if status != 200:
        return problem("Slack", said.odd_answer(status))
    if answer.get("ok"):
        return ok("Slack", good(answer))
    return blocks("Slack", bad(str(answer.get("error", "no reason given"))))


async def _ask(method: str, url: str, authorization: str) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": authorization, "User-Agent": "DiscordBot (tessera, 0.1)"}
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_S)
    async with (
        aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
        session.request(method, url, headers=headers) as response,
    ):
        answer = await response.json(content_type=None)
        return response.status, answer if isinstance(answer, dict) else {}


def _why(error: Exception) -> str:
    """What stood in the way of asking, in words."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "their name is not found"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return "the answer cannot be read" if isinstance(error, ValueError) else "no connection"


def _secret(name: str) -> str | None:
    """The secret; one whose file cannot be read is told about elsewhere and counts as absent here."""
    try:
        return read_secret(name)
    except SecretError:
        return None
