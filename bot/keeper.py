"""Keeping one program up: started, watched, started again, stopped.

Owns a child's restarts and pauses, and our end of the guardian. It must not know which programs there are, nor in
which order they come and go; that is `bot.supervise`'s.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bot.redis_server import Spawn, spawn
from bot.wording import operator as wording

Say = Callable[[str], None]
"""Says a line to the operator."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
# A child that ran this long before it broke gets the short pause again.
_STEADY_S = 60.0
# How a child says that starting it again would change nothing: usage, another one in its place, configuration.
_FINAL = frozenset({2, 75, 78})


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
