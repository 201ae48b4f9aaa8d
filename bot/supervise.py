"""One machine's installation kept up: Redis, front and worker as child processes of this one.

Owns their order, their end and the lock on the home folder; restarts are `bot.keeper`'s. `open_household` is what
`tessera run` and `tessera demo` share. It must not know what the processes do; all it hears from the front is its
status, over the socket that its owner may ask.

Nothing is left behind: every child leads a process group of its own (so the terminal's Ctrl-C reaches only us, and we
let them drain), and a guardian ends those groups if this process is killed. The guardian also keeps the lock on the
home folder until it is done, so that a new start never meets the leftovers of the old one.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sqlite_utils import Database as SqliteDatabase

from bot.guardian import GRACE_S, is_alive
from bot.keeper import Guardian, Keeper, Program, Say, Startable
from bot.redis_server import RedisServer, find_redis_server
from bot.wording import operator as wording
from generation.database import open_sqlite
from generation.places import Places
from migrations import apply_all, pending

_FRONT_GRACE_S, _REDIS_GRACE_S = 15.0, 5.0
# How long the front may take to pass on what the worker has just finished.
_TELL_S = 5.0


class AlreadyUp(RuntimeError):
    """Another supervisor keeps this home folder; the message says which process."""


class Household:
    """The running installation."""

    def __init__(self, front: Path, drain_s: float, guardian: Guardian, say: Say) -> None:
        """Start nothing yet. `front` is the front's socket, `drain_s` how long the worker may take to finish."""
        self._front, self._drain_s, self._guardian, self._say = front, drain_s, guardian, say
        self._keepers: dict[str, Keeper] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._hurried = asyncio.Event()

    async def keep(self, program: Startable, *, last: bool = False) -> None:
        """Start a program and keep it up."""
        keeper = Keeper(program, self._guardian, self._say, last=last)
        self._keepers[program.name] = keeper
        self._tasks.add(await keeper.begin())

    @property
    def pids(self) -> Mapping[str, int | None]:
        """The process of each program by name."""
        return {name: keeper.pid for name, keeper in self._keepers.items()}

    async def refused(self) -> None:
        """Return never; raises `ChildRefused` when a child says that it cannot work as configured."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def status(self) -> dict[str, Any] | None:
        """What the front says of itself, or None while it does not answer."""
        from bot.terminal.client import fetch_status

        return await fetch_status(self._front)

    def hurry(self) -> None:
        """Kill everything at once: somebody does not want to wait for the drain."""
        self._hurried.set()
        for keeper in self._keepers.values():
            keeper.kill()

    async def stop(self) -> None:
        """Let the worker finish, the front tell, and Redis go last."""
        await self._stop("worker", self._drain_s + 10)
        if "front" in self._keepers and not self._hurried.is_set():
            await self._let_tell()
        await self._stop("front", _FRONT_GRACE_S)
        await self._stop("redis", _REDIS_GRACE_S)

    async def _stop(self, name: str, grace_s: float) -> None:
        if keeper := self._keepers.get(name):
            await keeper.stop(0 if self._hurried.is_set() else grace_s)

    async def _let_tell(self) -> None:
        """Give the front the time to pass on what was just finished; what it cannot now, it does at the next start."""
        try:
            async with asyncio.timeout(_TELL_S):
                while (status := await self.status()) is not None:
                    await asyncio.sleep(0.1)
                    if not status["requests"].get("telling"):
                        return
        except TimeoutError:
            return


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to keep up: the home folder, whether Redis is ours to run, and how long the worker may drain (s).

    `environment` is the children's; their output goes to files in `logs`, or where ours goes.
    """

    places: Places
    own_redis: bool
    drain_s: float
    environment: Mapping[str, str] = field(repr=False)
    logs: Path | None = None


@contextlib.asynccontextmanager
async def open_household(plan: Plan, say: Say) -> AsyncIterator[Household]:
    """Migrate, start Redis, front and worker; stop them all at the end.

    Raises `AlreadyUp`, `bot.redis_server.RedisMissing` and `RedisFailed`, and sqlite3.Error.
    """
    places = plan.places.create()
    binary = await asyncio.to_thread(find_redis_server) if plan.own_redis else None
    async with contextlib.AsyncExitStack() as stack:
        lock = stack.enter_context(await take_home(places.home / "run.lock", say))
        guardian = await Guardian.start(lock.fileno())
        stack.push_async_callback(guardian.leave)
        household = Household(places.front_socket, plan.drain_s, guardian, say)
        stack.push_async_callback(household.stop)
        if binary is not None:
            await household.keep(RedisServer(socket=places.redis_socket, folder=places.redis, binary=binary), last=True)
        await asyncio.to_thread(migrate, places.database)
        for name, module in (("front", ("bot", "bot")), ("worker", ("generation.worker",))):
            log = plan.logs / f"{name}.log" if plan.logs else None
            argv = (sys.executable, "-P", "-m", *module)
            await household.keep(Program(name=name, argv=argv, environment=plan.environment, log=log))
        yield household


def migrate(path: Path) -> list[str]:
    """Bring the SQLite file up to date, making it where there is none; what was applied, as `set:name`."""
    db = open_sqlite(path)
    try:
        return apply_all(db)
    finally:
        db.close()


def to_migrate(path: Path) -> list[str]:
    """What `migrate` would apply, without touching anything but an existing file."""
    db = open_sqlite(path) if path.exists() else SqliteDatabase(memory=True)
    try:
        return pending(db)
    finally:
        db.close()


async def take_home(path: Path, say: Say) -> contextlib.AbstractContextManager[IO[str]]:
    """Lock the home folder for this process, waiting for the leftovers of one that was killed.

    Raises `AlreadyUp` when a supervisor is alive there.
    """
    file = path.open("a+", encoding="utf-8")
    patience = asyncio.get_running_loop().time() + 2 * GRACE_S + 2
    told = False
    while not _lock(file):
        file.seek(0)
        owner = file.read().strip()
        if (owner.isdigit() and is_alive(int(owner))) or asyncio.get_running_loop().time() > patience:
            file.close()
            raise AlreadyUp(wording.already_up(owner or "unknown"))
        if not told:
            say(wording.LEFTOVERS)
            told = True
        await asyncio.sleep(0.1)
    return _owned(file)


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _owned(file: IO[str]) -> Iterator[IO[str]]:
    with file:
        file.seek(0)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file
        file.truncate(0)
