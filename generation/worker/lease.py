"""Short leases on jobs: what keeps a job with the worker that runs it, and frees it soon after that worker is killed.

Owns `Leases`. arq marks a running job with a key that lives as long as the longest job may take; ours lives seconds
and is renewed while the job runs. A renewal can only lengthen a key that is there: it never brings one back, so a job
that another worker has finished meanwhile, or that Redis has forgotten, is not locked again.
"""

import asyncio
import logging

from redis.asyncio import Redis

from generation.jobs import LINE_ERRORS

_log = logging.getLogger(__name__)

# Several renewals may fail before a lease is lost.
_RENEWALS_A_LEASE = 5


class Leases:
    """The leases of one process, each a Redis key that lives `lease_s` seconds from its last renewal."""

    def __init__(self, redis: Redis, lease_s: float) -> None:
        """Hold nothing yet."""
        self._redis = redis
        self._lease_s = lease_s
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def hold(self, key: str) -> None:
        """Renew `key` from now on."""
        self._tasks[key] = asyncio.create_task(self._renew(key))

    async def release(self, key: str) -> None:
        """Stop renewing; when this returns no further renewal will be sent."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    async def _renew(self, key: str) -> None:
        while True:
            await asyncio.sleep(self._lease_s / _RENEWALS_A_LEASE)
            try:
                # On a connection that was cut off silently it would wait until the lease has long run out.
                async with asyncio.timeout(self._lease_s / _RENEWALS_A_LEASE):
                    await self._redis.pexpire(key, int(self._lease_s * 1000))
            except LINE_ERRORS as error:
                _log.debug("lease could not be renewed why=%s", type(error).__name__)
