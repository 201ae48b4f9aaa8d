"""The line between front and workers: Redis keys, the job codec, and what each side may say. (arq, file 1 of 2.)

Owns every Redis name and shape. `FrontLine` is the front's end, `WorkerLine` the worker's. Everything said here can be
lost and rebuilt: the truth is SQLite, outcomes lie in the artifact store. It must not know what a request costs, who
asked, or where the answer goes.

Keys: `tessera:queue:<pool>` (arq's sorted set), `arq:job:<id>` and `arq:in-progress:<id>` (arq's own),
`tessera:cancel:<id>`, `tessera:worker:<id>`, the list `tessera:outcomes` and the channel `tessera:progress`.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from arq.connections import ArqRedis
from arq.constants import job_key_prefix, retry_key_prefix
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from generation import codec
from generation.request import JobOrder
from generation.result import Outcome, ProgressEvent

log = logging.getLogger(__name__)

QUEUE_PREFIX = "tessera:queue:"
JOB_NAME = "generate"
OUTCOMES = "tessera:outcomes"
PROGRESS = "tessera:progress"
_CANCEL_PREFIX = "tessera:cancel:"
_WORKER_PREFIX = "tessera:worker:"
# A cancel mark only has to outlive the job it is meant for.
_CANCEL_TTL_S = 3600
# Redis answers in milliseconds. One that takes this long is stopped or cut off, which shows in no other way: a call
# would wait for ever, and with it the member who is to be told that the picture is queued.
_LONGEST_ANSWER_S = 3.0
# How long Redis keeps a waiting job. The front puts back whatever it finds missing, so this is only housekeeping.
_JOB_TTL = timedelta(days=7)

LINE_ERRORS = (RedisError, OSError)
"""What any call here raises when Redis is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerInfo:
    """A worker's sign of life. `running` holds the request ids it is working on, whatever Redis believes."""

    id: str
    host: str
    pid: int
    pools: tuple[str, ...]
    models: tuple[str, ...]
    device: str
    version: str
    started_at: int
    running: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Word that an attempt's outcome lies in the artifact store."""

    request_id: str
    attempt: int


def queue_name(pool: str) -> str:
    """The sorted set a pool's jobs wait in."""
    return f"{QUEUE_PREFIX}{pool}"


def serialize(job: dict[str, Any]) -> bytes:
    """arq's job dictionary as JSON: data only, so that writing to Redis never means running code."""
    return json.dumps(job, ensure_ascii=False, separators=(",", ":")).encode()


def deserialize(data: bytes) -> dict[str, Any]:
    """The reverse of `serialize`; raises ValueError for anything that is not a JSON object."""
    job = json.loads(data)
    if not isinstance(job, dict):
        raise TypeError("a job is a JSON object")
    return job


def connect(url: str, *, answer_s: float | None = None) -> ArqRedis:
    """A client for the line; connects at its first call, so Redis may be away now.

    `answer_s` limits the wait for any answer, also in calls that are not made here but by arq; without it, listening
    for as long as nothing is said is possible.
    """
    pool: ConnectionPool = ConnectionPool.from_url(
        url, socket_connect_timeout=2, socket_timeout=answer_s, health_check_interval=30
    )
    return ArqRedis(pool, job_serializer=serialize, job_deserializer=deserialize)


def _patience() -> asyncio.Timeout:
    """A limit within which Redis answers; running out of it is one of `LINE_ERRORS`."""
    return asyncio.timeout(_LONGEST_ANSWER_S)


def _read_sign(value: bytes) -> WorkerInfo | None:
    """A sign of life, or None for nonsense: one odd worker must not hide all others, nor stop who counts them."""
    try:
        return codec.from_json(WorkerInfo, value)
    except codec.Malformed as error:
        log.debug("a worker's sign of life made no sense and was passed over: %s", error)
        return None


class FrontLine:
    """The front's end of the line. Every method may raise one of `LINE_ERRORS`."""

    def __init__(self, redis: ArqRedis) -> None:
        """Take a client from `connect`."""
        self._redis = redis

    async def enqueue(self, order: JobOrder, score: int) -> None:
        """Put a job into its pool's line; `score` in ms decides its place. Doing so again changes nothing."""
        async with _patience():
            await self._redis.enqueue_job(
                JOB_NAME,
                codec.encode(order),
                _job_id=order.request_id,
                _queue_name=queue_name(order.pool),
                _defer_until=datetime.fromtimestamp(score / 1000, UTC),
                _expires=_JOB_TTL,
            )

    async def withdraw(self, request_id: str, pool: str) -> None:
        """Take a job out of the line and tell a worker that has it already to stop."""
        async with _patience(), self._redis.pipeline(transaction=True) as pipe:
            pipe.set(_CANCEL_PREFIX + request_id, b"1", ex=_CANCEL_TTL_S)
            pipe.zrem(queue_name(pool), request_id)
            pipe.delete(job_key_prefix + request_id, retry_key_prefix + request_id)
            await pipe.execute()

    async def line_up(self, pool: str) -> tuple[str, ...]:
        """The request ids of a pool in the order of their turn; those being worked on stand first."""
        async with _patience():
            return tuple(member.decode() for member in await self._redis.zrange(queue_name(pool), 0, -1))

    async def missing(self, request_ids: Iterable[str]) -> frozenset[str]:
        """Those requests that neither wait in Redis nor are being worked on as far as anybody says."""
        wanted = list(request_ids)
        if not wanted:
            return frozenset()
        async with _patience(), self._redis.pipeline(transaction=False) as pipe:
            for request_id in wanted:
                pipe.exists(job_key_prefix + request_id)
            waiting = await pipe.execute()
        absent = {request_id for request_id, exists in zip(wanted, waiting, strict=True) if not exists}
        running = {request_id for worker in await self.workers() for request_id in worker.running}
        return frozenset(absent - running)

    async def workers(self) -> tuple[WorkerInfo, ...]:
        """The workers that showed a sign of life lately; a sign that makes no sense, of another version's, is none."""
        async with _patience():
            keys = [key async for key in self._redis.scan_iter(match=_WORKER_PREFIX + "*", count=100)]
            values = await self._redis.mget(keys) if keys else []
        return tuple(info for value in values if value and (info := _read_sign(value)))

    async def next_notice(self, wait_s: float) -> Notice | None:
        """The next outcome's notice, or None after `wait_s` seconds. Raises `codec.Malformed` for nonsense."""
        async with asyncio.timeout(wait_s + _LONGEST_ANSWER_S):
            # redis-py's stubs leave open whether a call is awaitable, and know no fractions of a second.
            item = await self._redis.blpop([OUTCOMES], timeout=wait_s)  # type: ignore[misc, arg-type]
        return None if item is None else codec.from_json(Notice, item[1])

    async def progress(self) -> AsyncIterator[ProgressEvent]:
        """What workers report as they go, from now on; malformed reports are passed over."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(PROGRESS)
            async for message in channel.listen():
                try:
                    yield codec.from_json(ProgressEvent, message["data"])
                except codec.Malformed:
                    continue

    async def ping(self) -> None:
        """Raise one of `LINE_ERRORS` unless Redis answers."""
        async with _patience():
            await self._redis.ping()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()


class WorkerLine:
    """The worker's end of the line. Every method may raise one of `LINE_ERRORS`."""

    def __init__(self, redis: Redis) -> None:
        """Take a client from `connect` or arq's own."""
        self._redis = redis

    async def announce(self, outcome: Outcome) -> None:
        """Say that the outcome lies in the artifact store."""
        notice = Notice(outcome.request_id, outcome.attempt)
        async with _patience():
            await self._redis.rpush(OUTCOMES, codec.to_json(notice))  # type: ignore[misc]  # as above

    async def progress(self, event: ProgressEvent) -> None:
        """Tell whoever listens how far a job is."""
        async with _patience():
            await self._redis.publish(PROGRESS, codec.to_json(event))

    async def cancelled(self, request_id: str) -> bool:
        """Whether the request was cancelled."""
        async with _patience():
            return bool(await self._redis.exists(_CANCEL_PREFIX + request_id))

    async def beat(self, info: WorkerInfo, ttl_s: float) -> None:
        """Give a sign of life that lasts `ttl_s` seconds."""
        async with _patience():
            await self._redis.set(_WORKER_PREFIX + info.id, codec.to_json(info), px=int(ttl_s * 1000))

    async def leave(self, worker_id: str) -> None:
        """Take the sign of life away."""
        async with _patience():
            await self._redis.delete(_WORKER_PREFIX + worker_id)
