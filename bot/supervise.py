"""One machine's installation kept up: Redis, front and worker as child processes of this one.

Owns their order, their restarts and their end. `open_household` is what `tessera run` and `tessera demo` share. It must
not know what the processes do; all it hears from the front is its status, over the socket that anybody may ask.

Nothing is left behind: every child leads a process group of its own (so the terminal's Ctrl-C reaches only us, and we
let them drain), and a guardian ends those groups if this process is killed. The guardian also keeps the lock on the
home folder until it is done, so that a new start never meets the leftovers of the old one.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from sqlite_utils import Database as SqliteDatabase

from bot.guardian import GRACE_S, is_alive
from bot.redis_server import RedisServer, Spawn, find_redis_server, spawn
from bot.wording import operator as wording
from generation.database import open_sqlite
from generation.places import Places
from migrations import apply_all, pending

Say = Callable[[str], None]

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# A child that ran this long before it broke gets the short pause again.
_STEADY_S = 60.0
# How a child says that starting it again would change nothing: usage, another one in its place, configuration.
_FINAL = frozenset({2, 75, 78})
_FRONT_GRACE_S, _REDIS_GRACE_S = 15.0, 5.0
# How long the front may take to pass on what the worker has just finished.
_TELL_S = 5.0


class AlreadyUp(RuntimeError):
    """Another supervisor keeps this home folder; the message says which process."""


class ChildRefused(RuntimeError):
    """A child says that it cannot work as configured; it has said why itself. `name` is which."""

    def __init__(self, name: str) -> None:
        """Keep the name."""
        super().__init__(wording.child_refused(name))
        self.name = name


class Startable(Protocol):
    """Something that can be started, again and again."""

    @property
    def name(self) -> str:
        """What people call it."""

    async def start(self, spawn: Spawn) -> Process:
        """Start it; returns once it runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One of our own programs. Its output goes to the file `log`, or where ours goes."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    log: Path | None = None

    async def start(self, spawn: Spawn) -> Process:
        """Start it."""
        return await spawn(*self.argv, environment=self.environment, log=self.log)


class Guardian:
    """Our end of `bot.guardian`: tells it which process groups there are."""

    def __init__(self, process: Process) -> None:
        """Take the running guardian."""
        self._process = process

    @classmethod
    async def start(cls, keep_open: int) -> "Guardian":
        """Start one that inherits the file descriptor `keep_open`, and with it the lock."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "bot.guardian"),
            stdin=subprocess.PIPE,
            pass_fds=(keep_open,),
            start_new_session=True,
        )
        return cls(process)

    async def watch(self, process: Process, *, last: bool) -> None:
        """End this process's group if we are gone; `last` after the others."""
        await self._say(f"+ {process.pid} {int(last)}\n")

    async def forget(self, process: Process) -> None:
        """It has ended; its number may soon be another's."""
        await self._say(f"- {process.pid}\n")

    async def leave(self) -> None:
        """Let the guardian end what there is still, and wait for that."""
        if self._process.stdin:
            self._process.stdin.close()
        await self._process.wait()

    async def _say(self, line: str) -> None:
        if self._process.stdin and not self._process.stdin.is_closing():
            with contextlib.suppress(ConnectionError):
                self._process.stdin.write(line.encode())
                await self._process.stdin.drain()


class Keeper:
    """Keeps one program running until it is told to stop."""

    def __init__(self, program: Startable, guardian: Guardian, say: Say, *, last: bool = False) -> None:
        """Start nothing yet."""
        self._program, self._guardian, self._say, self._last = program, guardian, say, last
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The running process, if there is one."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def begin(self) -> asyncio.Task[None]:
        """Start it; what goes wrong at this first start is raised. The task ends with `ChildRefused` or at `stop`."""
        process = await self._start()
        self._task = asyncio.create_task(self._keep(process), name=self._program.name)
        return self._task

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, and SIGKILL to its whole group after `grace_s` seconds."""
        self._stopping = True
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                async with asyncio.timeout(grace_s):
                    await process.wait()
            except TimeoutError:
                self.kill()
                await process.wait()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def kill(self) -> None:
        """SIGKILL to its whole group."""
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            _kill_group(self._process)

    async def _start(self) -> Process:
        async def watched(*argv: str, environment: Mapping[str, str] | None = None, log: Path | None = None) -> Process:
            process = self._process = await spawn(*argv, environment=environment, log=log)
            await self._guardian.watch(process, last=self._last)
            return process

        return await self._program.start(watched)

    async def _keep(self, process: Process) -> None:
        pause, loop = _FIRST_PAUSE_S, asyncio.get_running_loop()
        while True:
            since = loop.time()
            code = await process.wait()
            _kill_group(process)  # what it had started and left
            await self._guardian.forget(process)
            if self._stopping:
                return
            if code in _FINAL:
                raise ChildRefused(self._program.name)
            pause = _FIRST_PAUSE_S if loop.time() - since > _STEADY_S else pause
            self._say(wording.child_ended(self._program.name, code, pause))
            process, pause = await self._start_again(pause)

    async def _start_again(self, pause: float) -> tuple[Process, float]:
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
            try:
                return await self._start(), pause
            except (OSError, RuntimeError) as error:
                self._say(wording.child_did_not_start(self._program.name, str(error), pause))


def _kill_group(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


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
