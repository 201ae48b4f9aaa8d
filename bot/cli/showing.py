"""Commands that show what the program does: `demo` and `bench`."""

import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.output import as_json, emit, say
from bot.cli.process import FAILED, INTERRUPTED, OK, UNAVAILABLE, Stop

if TYPE_CHECKING:
    from bot.demo import Demo
    from bot.terminal.session import Result

_PROMPT = "a red sailboat on the sea at sunset"


@click.command()
@click.argument("prompt", required=False, envvar="PROMPT")
@as_json
def demo_(*, prompt: str | None, json_: bool) -> int:
    """Send one prompt through the whole chain, then stop everything again.

    Needs no token, key or configuration. The model is the small one that comes with the project; TESSERA_DEMO_MODEL
    names another, a folder in diffusers' layout or a hub id. Everything is kept in the folder `demo` of TESSERA_HOME
    (./.tessera).
    """
    from bot.demo import Demo, DemoFailed
    from bot.redis_server import RedisFailed, RedisMissing
    from bot.supervise import AlreadyUp
    from bot.terminal.client import NoFront
    from bot.terminal.display import Nothing, for_terminal

    home = Path(os.environ.get("TESSERA_HOME") or ".tessera") / "demo"
    demo = Demo(home=home, prompt=prompt or _PROMPT, model=os.environ.get("TESSERA_DEMO_MODEL") or None)
    quiet = json_
    try:
        result = asyncio.run(demo.run(_nothing if quiet else say, Nothing() if quiet else for_terminal()))
    except (DemoFailed, RedisMissing, RedisFailed, AlreadyUp, NoFront) as error:
        raise Stop(str(error), FAILED) from None
    return _report(demo, result, json_=json_)


def _report(demo: "Demo", result: "Result", *, json_: bool) -> int:
    from bot.terminal.protocol import Done, Refused, as_dict
    from bot.wording import operator as wording

    ending = result.ending
    if ending is None:
        emit({"event": "left", "request_id": result.request_id}, [wording.demo_left()], json_=json_)
        return INTERRUPTED
    if isinstance(ending, Refused):
        emit(as_dict(ending), [ending.sentence], json_=json_)
        return FAILED
    timeline = [asdict(moment) for moment in ending.timeline]
    lines = ["", *wording.timeline(timeline), "", *ending.lines]
    if isinstance(ending, Done):
        lines += [*ending.files, "", *wording.demo_done(real_model=demo.model is not None)]
        emit(as_dict(ending), lines, json_=json_)
        return OK
    held = any(moment["name"] == "held" for moment in timeline)
    lines += ["", *wording.demo_without_picture(demo.logs, held=held)]
    emit(as_dict(ending), lines, json_=json_)
    return INTERRUPTED if result.cancelled else FAILED


def _nothing(line: str) -> None:
    """Say nothing: only the result is wanted."""
    del line


@click.command()
@click.argument("names", nargs=-1, metavar="[ack|footprint|pickup|routing|starter]...")
@as_json
def bench_(*, names: tuple[str, ...], json_: bool) -> None:
    """Measure, and print each figure beside what is promised. Exit code 1 when a promise is not kept.

    With --json one object a line.
    """
    from bot.wording import operator as wording

    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / "tests" / "bench" / "__main__.py").is_file():
        raise Stop(wording.NO_CHECKOUT, UNAVAILABLE)
    os.chdir(checkout)
    flags = ["--json"] if json_ else []
    os.execv(sys.executable, [sys.executable, "-m", "tests.bench", *names, *flags])  # noqa: S606 - our own module
