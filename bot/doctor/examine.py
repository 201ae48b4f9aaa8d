"""The whole examination, in the order a person reads it. Owns the order; each topic has its own file."""

import asyncio
from collections.abc import AsyncIterable

from bot.doctor import chats, drawing, files, stores
from bot.doctor.findings import Finding, blocks
from bot.settings import Settings, SettingsError, load_settings
from bot.wording import doctor as said


async def examine() -> list[Finding]:
    """Everything there is to say about this installation as it is configured now."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return [blocks("Settings", said.settings_wrong(error))]
    alive = await stores.workers(settings)
    redis, artifacts, discord, slack = await asyncio.gather(
        _all(stores.redis(settings)),
        _all(stores.artifacts(settings)),
        _all(chats.discord(settings)),
        _all(chats.slack(settings)),
    )
    return [
        *files.configuration(),
        *files.home(settings.places),
        *await asyncio.to_thread(_database, settings),
        *redis,
        *artifacts,
        *files.secret_files(),
        *drawing.models(settings, alive),
        *drawing.workers(alive),
        *discord,
        *slack,
    ]


def _database(settings: Settings) -> list[Finding]:
    return list(files.database(settings.places))


async def _all(findings: AsyncIterable[Finding]) -> list[Finding]:
    return [finding async for finding in findings]
