"""Runs the command line in this process, as its own boundary does, in a folder of its own."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli.process import run


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


Tessera = Callable[..., Ran]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("TESSERA_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.fixture
def tessera(home: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Tessera]:
    """`tessera("models", "--json")`; the log it set up is taken down again afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def tessera(*arguments: str) -> Ran:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    yield tessera
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
