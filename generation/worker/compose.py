"""Putting a worker together: from settings to a `Service` that is ready to run.

Owns which pools this machine serves, which checks look, and what is loaded before the first job. It must not know the
command line or signals.
"""

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata

from generation import jobs
from generation.artifacts import ArtifactStore
from generation.backends.registry import BackendOptions, Backends
from generation.catalogue import Catalogue, ModelEntry, load_entries
from generation.jobs import WorkerInfo, WorkerLine
from generation.makers import MAKERS
from generation.secrets import read_secret
from generation.settings import WorkerSettings
from generation.worker.entry import Service, slots
from generation.worker.job import JobRunner, Workshop
from generation.worker.presence import Presence
from moderation.classifiers.base import ImageCheck

_log = logging.getLogger(__name__)

# A Redis that is cut off without a word would keep arq waiting for a quarter of an hour, in a drain too.
_LONGEST_ANSWER_S = 10.0


class NothingToServeError(ValueError):
    """This machine can run none of the offered models; the message says what is missing."""


@asynccontextmanager
async def open_service(settings: WorkerSettings) -> AsyncIterator[Service]:
    """Build the service and close what it holds.

    Redis need not be up. Raises `CatalogueError`, `SecretError` and `NothingToServeError` with a sentence for the
    operator.
    """
    entries = load_entries(*settings.models.files)
    offered = Catalogue(entries, settings.models.offer).offered
    serving, pools = _serving(offered, settings.worker.pools)
    device = await _warm_up(settings, serving)
    checks = _checks(settings, device)
    async with AsyncExitStack() as stack:
        backends = Backends(
            BackendOptions(
                resident_models=settings.worker.resident_models,
                device=settings.worker.device,
            )
        )
        stack.push_async_callback(backends.aclose)
        for check in checks:
            stack.push_async_callback(check.aclose)
        for name in {entry.backend for entry in serving}:
            # Importing a provider's client takes a second in which nothing else would be heard.
            await asyncio.to_thread(backends.get, name)
        redis = jobs.connect(settings.line_url, answer_s=_LONGEST_ANSWER_S)
        stack.push_async_callback(redis.aclose, close_connection_pool=True)
        info = _info(settings, serving, pools, device)
        runner = JobRunner(_workshop(settings, info.id, entries, backends, checks, WorkerLine(redis)))
        presence = Presence(
            WorkerLine(redis),
            info,
            running=lambda: runner.running,
            changed=runner.changed,
            beat_s=settings.worker.beat_s,
        )
        api_pools = frozenset(entry.pool for entry in entries if entry.backend != "diffusers")
        yield Service(
            redis=redis,
            runner=runner,
            presence=presence,
            pools=slots(pools, api_pools, settings.worker),
            timings=settings.worker,
        )


def _workshop(  # noqa: PLR0917 - the parts of a workshop, handed on once
    settings: WorkerSettings,
    worker_id: str,
    entries: Iterable[ModelEntry],
    backends: Backends,
    checks: tuple[ImageCheck, ...],
    line: WorkerLine,
) -> Workshop:
    timings = settings.worker
    return Workshop(
        worker_id=worker_id,
        entries={entry.id: entry for entry in entries},
        backends=backends,
        checks=checks,
        store=ArtifactStore(settings.store_url),
        line=line,
        now=_now,
        job_timeout_s=timings.job_timeout_s,
        check_s=timings.check_s,
        announce_s=timings.announce_s,
        max_starts=timings.max_starts,
    )


def _serving(
    offered: Iterable[ModelEntry], wanted: tuple[str, ...] | None
) -> tuple[tuple[ModelEntry, ...], tuple[str, ...]]:
    """The offered models this worker serves, and the pools it takes jobs from."""
    serving, missing = [], []
    for entry in offered:
        if wanted is not None and entry.pool not in wanted:
            continue
        lacking = _lacking(entry)
        if lacking:
            missing.append(f"{entry.title} needs {lacking}")
        else:
            serving.append(entry)
    for sentence in missing:
        _log.warning("not served here: %s", sentence)
    if not serving:
        reason = "; ".join(missing) or f"none of the offered models is in {', '.join(wanted or ())}"
        raise NothingToServeError(f"This worker has nothing to serve: {reason}.")
    return tuple(serving), tuple(dict.fromkeys(entry.pool for entry in serving))


def _lacking(entry: ModelEntry) -> str:
    """What this machine lacks to serve the model, in words; empty when nothing is missing."""
    maker = MAKERS[entry.backend]
    if not maker.installed:
        return f"the {maker.extra} extra (pip install 'tessera[{maker.extra}]')"
    return " and ".join(key for key in maker.keys if read_secret(key) is None)


async def _warm_up(settings: WorkerSettings, serving: Iterable[ModelEntry]) -> str:
    """Import the heavy libraries before the first job rather than in it; returns the device, "" where none is used."""
    if not any(entry.backend == "diffusers" for entry in serving):
        return ""
    from generation.backends.diffusers_load import choose_device, import_libraries

    await asyncio.to_thread(import_libraries)
    return choose_device(settings.worker.device, None)[0]


def _checks(settings: WorkerSettings, device: str) -> tuple[ImageCheck, ...]:
    checks: list[ImageCheck] = []
    if settings.checks.safety_checker:
        from moderation.classifiers.safety_checker import SafetyChecker

        checks.append(SafetyChecker(settings.checks.safety_checker, device=device or "cpu"))
    if settings.checks.openai_moderation:
        from moderation.classifiers.openai import OpenAIModeration

        checks.append(
            OpenAIModeration(api_key=read_secret("OPENAI_API_KEY"), base_url=os.environ.get("OPENAI_BASE_URL") or None)
        )
    return tuple(checks)


def _info(settings: WorkerSettings, serving: tuple[ModelEntry, ...], pools: tuple[str, ...], device: str) -> WorkerInfo:
    host = socket.gethostname()
    return WorkerInfo(
        id=settings.worker.id or f"{host[:40]}-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        host=host,
        pid=os.getpid(),
        pools=pools,
        models=tuple(entry.id for entry in serving),
        device=device,
        version=metadata.version("tessera"),
        started_at=_now(),
    )


def _now() -> int:
    return time.time_ns() // 1_000_000
