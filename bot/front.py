"""The front as a process: one at a time for one SQLite file, running until told to stop.

Owns the process's life: the lock, the loops and adapters side by side, restarting one that breaks, and draining. It
must not know what the loops do.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from bot.compose import open_front
from bot.services import Adapter, AdapterRejected
from bot.settings import Settings

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# What ran this long before it broke gets the short pause again.
_STEADY_S = 60.0


class AlreadyRunning(RuntimeError):
    """Another front owns the SQLite file; the message says which process."""


async def serve(settings: Settings) -> None:
    """Run the front until SIGTERM or SIGINT, then finish what is being told and leave.

    Raises `AlreadyRunning`, and whatever `bot.compose.open_front` raises for a wrong configuration.
    """
    settings.places.create()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with locked(settings.places.front_lock):
        async with open_front(settings) as front:
            loops = [asyncio.create_task(keep_running(name, run), name=name) for name, run in front.loops]
            adapters = [asyncio.create_task(keep_adapter(adapter)) for adapter in front.adapters]
            log.info("front is up: %s", ", ".join(adapter.platform.value for adapter in front.adapters))
            await stop.wait()
            log.info("front is stopping")
            # The loops first: delivery finishes what it is telling, and for that the platforms must still be there.
            for tasks in (loops, adapters):
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    log.info("front has stopped")


async def keep_running(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Run a loop for ever; one that breaks is logged and begun anew after a pause, so that the others go on."""
    pause, clock = _FIRST_PAUSE_S, asyncio.get_running_loop().time
    while True:
        since = clock()
        try:
            await run()
        except AdapterRejected:
            raise
        except Exception:  # a process boundary: what broke is in the log, what it was doing is in SQLite
            pause = _FIRST_PAUSE_S if clock() - since > _STEADY_S else pause
            log.exception("the %s loop broke and is begun anew in %.1f s", name, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE_S)


async def keep_adapter(adapter: Adapter) -> None:
    """Run an adapter for ever; refused tokens end this one alone, with a plain sentence in the log."""
    try:
        await keep_running(adapter.platform.value, adapter.run)
    except AdapterRejected as error:
        log.error("%s is off: %s", adapter.platform.value, error)  # noqa: TRY400 - the sentence is all there is to say


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file as this process; raises `AlreadyRunning`. The kernel drops it with the process."""
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise AlreadyRunning(f"Another front is running on this folder (process {owner}).") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
