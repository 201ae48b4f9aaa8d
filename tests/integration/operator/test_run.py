"""`tessera run` with real processes: it comes up, mends itself, drains, and leaves nothing behind."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bot.guardian import is_alive

_WITHIN_S = 60.0


class Run:
    """`tessera run` in a terminal of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("TESSERA_")},
            "TESSERA_HOME": str(home),
            "OMP_NUM_THREADS": "1",
        }
        self._terminal, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=self.environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.said = ""

    def until(self, text: str, times: int = 1) -> None:
        """Read on until this was said so many times."""
        deadline = time.monotonic() + _WITHIN_S
        while self.said.count(text) < times:
            assert time.monotonic() < deadline, f"never said {text!r}:\n{self.said}"
            if select.select([self._terminal], [], [], 0.1)[0]:
                with suppress(OSError):  # the terminal closes with its last process
                    self.said += os.read(self._terminal, 65_536).decode(errors="replace")

    def children(self) -> dict[str, int]:
        """The processes below it, by a word of their command."""
        words = {"redis-server": "redis", "generation.worker": "worker", "bot.guardian": "guardian", "bot": "front"}
        found = {}
        for child in psutil.Process(self.process.pid).children(recursive=True):
            command = child.cmdline()
            # redis-server writes its socket behind its own name.
            parts = [*command, *command[0].split()[:1]]
            word = next((name for key, name in words.items() if any(part.endswith(key) for part in parts)), None)
            if word:
                found[word] = child.pid
        return found

    def tessera(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Another command, in another terminal."""
        command = [sys.executable, "-m", "bot", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=_WITHIN_S, check=False
        )

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._terminal)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "home")
    yield run
    run.close()


def all_gone(pids: list[int]) -> bool:
    deadline = time.monotonic() + 30
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_it_comes_up_draws_mends_itself_and_drains(run: Run, tmp_path: Path) -> None:
    run.until("Tessera is up.")
    run.until("Stop      Ctrl-C")
    assert "Adapters  terminal" in run.said
    assert "Tessera Starter" in run.said
    assert str(run.home) in run.said

    # A second one in the same folder is turned away.
    second = run.tessera("run")
    assert second.returncode == 75
    assert str(run.process.pid) in second.stderr

    # Redis is killed while nothing waits: it comes back, and a picture still comes.
    before = run.children()
    os.kill(before["redis"], signal.SIGKILL)
    run.until("The redis was ended by SIGKILL")
    asked = run.tessera("imagine", "a red boat", "--out", str(tmp_path / "out"), "--timeline")
    assert asked.returncode == 0, asked.stderr + run.said
    assert "delivered" in asked.stdout
    (picture,) = (tmp_path / "out").iterdir()
    assert picture.read_bytes().startswith(b"\x89PNG")

    # The terminal's Ctrl-C goes to its whole group; only the supervisor is in it.
    pids = list(run.children().values())
    assert set(run.children()) == {"redis", "front", "worker", "guardian"}
    os.killpg(run.process.pid, signal.SIGINT)
    run.until("Stopped.")
    assert run.process.wait(_WITHIN_S) == 0
    assert "worker has stopped" in run.said
    assert "front has stopped" in run.said
    assert all_gone(pids)


def test_kill_nine_leaves_nothing_behind_and_the_next_start_works(run: Run, tmp_path: Path) -> None:
    run.until("front is up")
    pids = [*run.children().values()]
    assert len(pids) == 4

    run.process.kill()
    run.process.wait()

    assert all_gone(pids)
    again = Run(tmp_path / "home")
    try:
        again.until("front is up")
        os.killpg(again.process.pid, signal.SIGINT)
        os.killpg(again.process.pid, signal.SIGINT)  # twice: somebody does not want to wait
        assert again.process.wait(_WITHIN_S) == 0
    finally:
        again.close()


def test_started_in_the_background_it_still_hears_sigint(tmp_path: Path) -> None:
    """A shell without job control starts background jobs with SIGINT ignored; `make run &` is such a job."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = Run(tmp_path / "home")
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        run.until("front is up")
        run.process.send_signal(signal.SIGINT)
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(_WITHIN_S) == 0
    finally:
        run.close()


def test_a_wrong_configuration_stops_it_with_a_sentence(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tessera.toml").write_text('[models]\noffer = ["dreamer-9000"]\n')
    run = Run(home)
    try:
        run.until("cannot start as configured")
        assert run.process.wait(_WITHIN_S) == 78
        assert "dreamer-9000" in run.said
        assert "Traceback" not in run.said
    finally:
        run.close()
