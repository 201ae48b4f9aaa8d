"""Keeping programs up, ending them, and leaving nothing behind; with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.guardian import is_alive
from bot.keeper import ChildRefused, Guardian, Program
from bot.supervise import AlreadyUp, Household, migrate, take_home, to_migrate
from bot.wording import operator as wording


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


def start_supervisor(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.unit.bot.supervised", str(home)])


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
async def household(tmp_path: Path, said: list[str]) -> AsyncIterator[Household]:
    with await take_home(tmp_path / "run.lock", said.append) as lock:
        guardian = await Guardian.start(lock.fileno())
        household = Household(tmp_path / "front.sock", 1.0, guardian, said.append)
        yield household
        household.hurry()
        await household.stop()
        await guardian.leave()


def program(code: str, name: str = "worker") -> Program:
    return Program(name=name, argv=(sys.executable, "-c", code), environment=dict(os.environ))


async def test_what_is_killed_is_started_again_and_said(household: Household, said: list[str]) -> None:
    await household.keep(program("import time; time.sleep(600)"))
    first = household.pids["worker"]
    assert first is not None

    os.kill(first, signal.SIGKILL)
    await until(lambda: household.pids["worker"] not in {first, None})

    assert said == [wording.child_ended("worker", -signal.SIGKILL, 0.5)]
    assert "SIGKILL" in said[0]


@pytest.mark.parametrize("code", [2, 75, 78])
async def test_a_child_that_says_it_cannot_work_is_not_started_again(household: Household, code: int) -> None:
    await household.keep(program(f"raise SystemExit({code})"))

    with pytest.raises(ChildRefused, match="worker"):
        await asyncio.wait_for(household.refused(), 20)


async def test_stopping_lets_a_child_finish(household: Household, tmp_path: Path) -> None:
    done, begun = tmp_path / "done", tmp_path / "begun"
    await household.keep(
        program(
            "import pathlib, signal, sys, time\n"
            f"def leave(*_):\n  time.sleep(0.2); pathlib.Path({str(done)!r}).touch(); sys.exit(0)\n"
            "signal.signal(signal.SIGTERM, leave)\n"
            f"pathlib.Path({str(begun)!r}).touch()\n"
            "while True: time.sleep(0.01)"
        )
    )
    await until(begun.exists)

    await household.stop()

    assert done.exists()
    assert household.pids["worker"] is None


async def test_hurrying_does_not_wait(household: Household, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    await household.keep(
        program(
            "import pathlib, signal, time\n"
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
            f"pathlib.Path({str(begun)!r}).touch()\n"
            "while True: time.sleep(0.01)"
        )
    )
    await until(begun.exists)
    stopping = asyncio.create_task(household.stop())
    await asyncio.sleep(0)

    household.hurry()
    await asyncio.wait_for(stopping, 5)  # far below the worker's eleven seconds

    assert household.pids["worker"] is None


async def test_kill_nine_of_the_supervisor_leaves_nothing_behind(tmp_path: Path) -> None:
    supervisor = start_supervisor(tmp_path)
    pids = tmp_path / "pids"
    await until(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    processes = [int(pid) for pid in pids.read_text().split()]

    supervisor.kill()
    supervisor.wait()

    await until(lambda: not any(is_alive(pid) for pid in processes))
    assert (tmp_path / "pids.drained").read_text() == "drained\n"


async def test_a_new_start_waits_for_the_leftovers_of_a_killed_one(tmp_path: Path, said: list[str]) -> None:
    supervisor = start_supervisor(tmp_path)
    pids = tmp_path / "pids"
    await until(lambda: pids.exists() and len(pids.read_text().split()) == 3)
    with pytest.raises(AlreadyUp, match=str(supervisor.pid)):
        await take_home(tmp_path / "run.lock", said.append)

    supervisor.kill()
    supervisor.wait()
    with await take_home(tmp_path / "run.lock", said.append):
        assert not any(is_alive(int(pid)) for pid in pids.read_text().split())


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "tessera.db"
    expected = to_migrate(path)
    assert not path.exists()

    assert migrate(path) == expected
    assert expected
    assert migrate(path) == []
    assert to_migrate(path) == []
