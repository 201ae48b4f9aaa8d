"""Looks at what front and workers share: Redis, the workers that answer there, and the artifact store."""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator

from bot.doctor.findings import Finding, blocks, note, ok, problem
from bot.redis_server import RedisMissing, find_redis_server
from bot.settings import Settings
from bot.wording import doctor as said
from generation.artifacts import ArtifactStore
from generation.console_log import redact
from generation.jobs import LINE_ERRORS, FrontLine, WorkerInfo, connect

_PATIENCE_S = 5.0


async def redis(settings: Settings) -> AsyncIterator[Finding]:
    """Whether there is a Redis to use."""
    if settings.redis_url is None:
        yield await _bundled(settings)
        return
    where = redact(settings.redis_url)
    client = connect(settings.redis_url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            server = await client.info("server")
            memory = await client.info("memory")
    except (*LINE_ERRORS, TimeoutError, ValueError) as error:
        yield blocks("Redis", said.redis_silent(where, type(error).__name__))
        return
    finally:
        await FrontLine(client).aclose()
    yield ok("Redis", said.redis_good(where, server["redis_version"]))
    if (policy := memory.get("maxmemory_policy", "noeviction")) != "noeviction":
        yield problem("Redis", said.redis_forgets(policy))


async def _bundled(settings: Settings) -> Finding:
    try:
        binary = await asyncio.to_thread(find_redis_server)
    except RedisMissing as error:
        return blocks("Redis", said.redis_none(error))
    return ok("Redis", said.redis_bundled(binary.path, binary.version, runs=settings.places.redis_socket.exists()))


async def workers(settings: Settings) -> tuple[WorkerInfo, ...]:
    """The workers that gave a sign of life; none while Redis does not answer."""
    if settings.redis_url is None and not settings.places.redis_socket.exists():
        return ()
    client = connect(settings.line_url)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await FrontLine(client).workers()
    except (*LINE_ERRORS, TimeoutError, ValueError):
        return ()
    finally:
        await FrontLine(client).aclose()


async def artifacts(settings: Settings) -> AsyncIterator[Finding]:
    """Whether pictures can be put away and found again."""
    if settings.artifacts_url is None and not settings.places.home.exists():
        yield note("Artifacts", said.no_artifacts_yet())
        return
    where = redact(settings.store_url)
    try:
        async with asyncio.timeout(_PATIENCE_S * 2):
            await asyncio.to_thread(_try_store, settings.store_url)
    except ImportError as error:
        package = (error.name or str(error)).split(".")[0]
        yield blocks("Artifacts", said.artifacts_need(where, f"{sys.executable} -m pip install {package}"))
    except (OSError, ValueError, TimeoutError) as error:
        yield blocks("Artifacts", said.artifacts_closed(where, type(error).__name__))
    else:
        yield ok("Artifacts", said.artifacts_good(where))


def _try_store(url: str) -> None:
    store, key, data = ArtifactStore(url), f"doctor/{uuid.uuid4().hex}.txt", b"a try"
    store.put(key, data)
    try:
        if store.get(key) != data:
            raise ValueError("what was read is not what was written")
    finally:
        store.delete(key)
