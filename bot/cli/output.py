"""How commands print: lines for people, one JSON object for programs; and which level they log at."""

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import click

from bot.cli.process import CONFIGURATION, Stop

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON object instead of sentences.")
"""The option that every reporting command has."""

_LEVELS = ("debug", "info", "warning", "error")


def emit(data: Mapping[str, Any], lines: Iterable[str], *, json_: bool) -> None:
    """Print one or the other to standard output."""
    if json_:
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


def say(line: str) -> None:
    """Print a passing word; whoever closed the terminal does not stop the program by that."""
    with contextlib.suppress(OSError):
        click.echo(line)


def log_from(level: str) -> None:
    """Begin logging, at `level` unless `TESSERA_LOG` says otherwise."""
    from generation.console_log import set_up

    wanted = os.environ.get("TESSERA_LOG", "").lower() or level
    if wanted not in _LEVELS:
        from bot.wording.operator import log_level_wrong

        raise Stop(log_level_wrong(wanted, _LEVELS), CONFIGURATION)
    set_up(wanted)
