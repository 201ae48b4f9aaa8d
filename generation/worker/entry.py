"""Serving the line: one arq worker a pool, short leases, a drain instead of a stop. (arq, file 2 of 2.)

Owns `Service`. What arq 0.28 does otherwise and why it is changed (facts/performance.md §3): it polls twice a second;
it locks a job for its longest possible run; it stops at the first lost connection; at SIGTERM it cancels at once; it
logs a job's arguments, which here hold a prompt. It must not know how a picture is made.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, retry_key_prefix
from arq.worker import Worker, func

from generation import jobs
from generation.settings import WorkerTimings
from generation.worker.job import JobRunner
from generation.worker.lease import Leases
from generation.worker.presence import Presence

_log = logging.getLogger(__name__)

# More than any number of jobs under way: running jobs stay at the head of the range that arq reads.
_READ_LIMIT = 1000
# We count starts ourselves, so arq's own limit must never be met; its time-out only backs ours up.
_MAX_TRIES = 1_000_000
_TIMEOUT_MARGIN_S = 120.0
_HEALTH_S = 10.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0
_LOOK_S = 0.02
# The device draws one request at a time; a provider draws several.
_GPU_JOBS = 1


class _Sealed(dict[str, Any]):
    """A job's data whose `repr` says nothing: arq puts arguments into its log."""

    def __repr__(self) -> str:
        return "‹order›"


def _deserialize(data: bytes) -> dict[str, Any]:
    job = jobs.deserialize(data)
    return job | {"a": [_Sealed(item) if isinstance(item, dict) else item for item in job["a"]]}


def _serialize(job: dict[str, Any]) -> bytes:
    # arq serializes results even where none is kept, and an exception is no JSON.
    return jobs.serialize({key: value for key, value in job.items() if key not in {"a", "k", "r"}})


class Service:
    """Takes jobs of `pools` off the line and has `runner` do them, until told to stop.

    `pools` says how many jobs of each pool may run at once.
    """

    def __init__(
        self,
        *,
        redis: ArqRedis,
        runner: JobRunner,
        presence: Presence,
        pools: Mapping[str, int],
        timings: WorkerTimings,
    ) -> None:
        """Connect to nothing yet; must be made inside a running event loop."""
        self._redis = redis
        self._runner = runner
        self._presence = presence
        self._timings = timings
        self._leases = Leases(redis, timings.lease_s)
        self._workers = [self._worker(pool, at_once) for pool, at_once in pools.items()]
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()

    def stop(self) -> None:
        """Drain; called again, hand running jobs back at once. Safe to use as a signal handler."""
        (self._hurry if self._stopping.is_set() else self._stopping).set()

    async def run(self) -> None:
        """Serve until `stop`, then let running jobs finish or hand them back."""
        mains = [asyncio.create_task(self._supervise(worker)) for worker in self._workers]
        beating = asyncio.create_task(self._presence.beat_for_ever())
        try:
            await self._stopping.wait()
            await self._drain()
        finally:
            for task in (*mains, beating):
                task.cancel()
            await asyncio.gather(*mains, beating, return_exceptions=True)
            await self._presence.leave()

    def _worker(self, pool: str, at_once: int) -> Worker:
        worker = Worker(
            [func(self._function(), name=jobs.JOB_NAME, max_tries=_MAX_TRIES)],
            queue_name=jobs.queue_name(pool),
            redis_pool=self._redis,
            handle_signals=False,
            on_job_start=self._on_job_start,
            on_job_end=self._on_job_end,
            max_jobs=at_once,
            job_timeout=self._timings.job_timeout_s + _TIMEOUT_MARGIN_S,
            keep_result=0,
            poll_delay=self._timings.poll_s,
            queue_read_limit=_READ_LIMIT,
            health_check_interval=_HEALTH_S,
            health_check_key=f"tessera:health:{self._presence.worker_id}:{pool}",
            job_serializer=_serialize,
            job_deserializer=_deserialize,
        )
        # arq locks a job for its longest run plus 10 s; from the first moment ours is locked for a lease only.
        worker.in_progress_timeout_s = self._timings.lease_s
        return worker

    def _function(self) -> Callable[..., Coroutine[Any, Any, None]]:
        async def generate(ctx: dict[Any, Any], *arguments: object, **_: object) -> None:
            try:
                await self._runner.run(arguments[0] if arguments else None, starts=ctx["job_try"])
            except asyncio.CancelledError:
                await asyncio.shield(self._uncount_start(ctx["job_id"]))
                raise

        return generate

    async def _on_job_start(self, ctx: dict[Any, Any]) -> None:
        self._leases.hold(in_progress_key_prefix + ctx["job_id"])

    async def _on_job_end(self, ctx: dict[Any, Any]) -> None:
        # Before arq takes the key away, so that a renewal cannot come after it.
        await self._leases.release(in_progress_key_prefix + ctx["job_id"])

    async def _uncount_start(self, job_id: str) -> None:
        """A job that was handed back did not take its worker down; its start does not count."""
        key = retry_key_prefix + job_id
        try:
            if await self._redis.exists(key):
                await self._redis.decr(key)
        except jobs.LINE_ERRORS as error:
            _log.debug("a start could not be uncounted request=%s why=%s", job_id, type(error).__name__)

    async def _supervise(self, worker: Worker) -> None:
        """Keep arq's loop going: it dies of the first lost connection, and of a job's end it could not record."""
        pause, down = _FIRST_PAUSE_S, False
        while True:
            try:
                await self._redis.ping()
                if down:
                    _log.info("redis is back")
                pause, down = _FIRST_PAUSE_S, False
                await worker.main()
            except jobs.LINE_ERRORS as error:
                if not down:
                    _log.warning("redis does not answer, trying on why=%s", type(error).__name__)
                down = True
                # The other connections of the pool are as dead, and would each fail once more.
                await self._redis.connection_pool.disconnect(inuse_connections=False)
            except Exception:  # noqa: BLE001 - the boundary: a worker outlives whatever breaks its line
                _log.exception("the line broke, going on")
            await _mend(worker)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _drain(self) -> None:
        for worker in self._workers:
            worker.allow_pick_jobs = False
        _log.info("stopping; running=%d, waiting up to %.0f s", len(self._running()), self._timings.drain_s)
        await self._let_finish()
        # A job that was just being picked shows up only after the first round.
        while running := self._running():
            _log.warning("running jobs are handed back count=%d", len(running))
            for task in running:
                task.cancel()
            await asyncio.wait(running)
            await asyncio.sleep(_LOOK_S)

    async def _let_finish(self) -> None:
        """Wait for running jobs, but no longer than `drain_s` and not after a second call to `stop`."""
        hurried = asyncio.create_task(self._hurry.wait())
        deadline = time.monotonic() + self._timings.drain_s
        while (running := self._running()) and not hurried.done() and time.monotonic() < deadline:
            left = deadline - time.monotonic()
            await asyncio.wait({*running, hurried}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()

    def _running(self) -> list[asyncio.Task[Any]]:
        return [task for worker in self._workers for task in worker.tasks.values() if not task.done()]


async def _mend(worker: Worker) -> None:
    """Clear up after arq: a lost connection leaves a slot taken for ever, and the error of a job's end unread."""
    await asyncio.sleep(0)
    for job_id, task in list(worker.tasks.items()):
        if task.done():
            del worker.tasks[job_id]
            if not task.cancelled() and task.exception() is not None:
                # The job itself is over, its outcome stored; its lease runs out and the rest is found by the front.
                _log.info("the line did not hear of a job's end request=%s", job_id)
    running = len(worker.tasks)
    worker.job_counter = running
    worker.sem = asyncio.BoundedSemaphore(worker.max_jobs + 1)
    for _ in range(running):
        await worker.sem.acquire()


def slots(pools: tuple[str, ...], api_pools: frozenset[str], timings: WorkerTimings) -> dict[str, int]:
    """How many jobs of each pool run at once: one for a device, `api_jobs` for providers."""
    return {pool: timings.api_jobs if pool in api_pools else _GPU_JOBS for pool in pools}
