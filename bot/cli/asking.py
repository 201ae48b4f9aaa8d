"""Commands that talk to the running front: `imagine` and `status`."""

import asyncio
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.output import as_json, emit
from bot.cli.process import FAILED, INTERRUPTED, OK, UNAVAILABLE, Stop

if TYPE_CHECKING:
    from bot.terminal.session import Result


@click.command()
@click.argument("prompt", required=False)
@click.option("--model", help="Which model; the default is the first one offered.")
@click.option("--size", help="square, portrait, landscape, or as in 1024x1024.")
@click.option("--seed", type=int, help="The same seed, model and size give the same picture.")
@click.option("--count", type=int, default=1, show_default=True, help="How many pictures.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Copy the pictures into this folder too.")
@click.option("--wait", "wait_for", metavar="REQUEST_ID", help="Follow a request that was asked before.")
@click.option("--timeline", is_flag=True, help="Show what happened when.")
@as_json
def imagine_(  # noqa: PLR0913 - one parameter an option
    *,
    prompt: str | None,
    model: str | None,
    size: str | None,
    seed: int | None,
    count: int,
    out: Path | None,
    wait_for: str | None,
    timeline: bool,
    json_: bool,
) -> int:
    """Ask the running front for a picture and wait for it.

    Ctrl-C cancels; Ctrl-C again leaves. The exit code is 0 for a picture, 1 when there is none (refused, failed,
    withheld), 130 when it was cancelled, 69 when no front is running.
    """
    from bot.settings import load_settings
    from bot.terminal.display import Nothing, for_terminal
    from bot.terminal.protocol import Wish
    from bot.terminal.session import Session, new_id
    from bot.wording.operator import SAY_WHAT

    if (prompt is None) == (wait_for is None):
        raise click.UsageError(SAY_WHAT)
    wish = None
    if prompt is not None:
        wish = Wish(id=new_id(), prompt=prompt, model=model, size=size, seed=seed, count=count)
    socket = load_settings().places.front_socket
    session = Session(socket, Nothing() if json_ else for_terminal(), wish=wish, request_id=wait_for or "")
    return report(asyncio.run(session.run()), out=out, timeline=timeline, json_=json_)


def report(result: "Result", *, out: Path | None, timeline: bool, json_: bool) -> int:
    """Print how it ended; the exit code."""
    from bot.terminal.protocol import Done, Refused, as_dict
    from bot.wording import operator as wording

    ending = result.ending
    if ending is None:
        emit({"event": "left", "request_id": result.request_id}, [wording.left(result.request_id)], json_=json_)
        return INTERRUPTED
    if isinstance(ending, Refused):
        emit(as_dict(ending), [ending.sentence], json_=json_)
        return FAILED
    lines = list(ending.lines)
    if isinstance(ending, Done):
        lines += _copied(ending.files, out)
    if timeline:
        lines = [*wording.timeline([asdict(moment) for moment in ending.timeline]), "", *lines]
    emit(as_dict(ending), lines, json_=json_)
    if isinstance(ending, Done):
        return OK
    return INTERRUPTED if result.cancelled else FAILED


def _copied(files: tuple[str, ...], out: Path | None) -> list[str]:
    if out is None:
        return list(files)
    try:
        out.mkdir(parents=True, exist_ok=True)
        return [str(shutil.copyfile(file, out / Path(file).name)) for file in files]
    except OSError as error:
        from bot.wording.operator import not_copied

        raise Stop(not_copied(files, error.strerror or type(error).__name__), FAILED) from None


@click.command()
@as_json
def status_(*, json_: bool) -> int:
    """What the running front says of itself: adapters, models, workers, requests. Exit code 69 when none runs."""
    from bot.settings import load_settings
    from bot.terminal.client import fetch_status
    from bot.wording import operator as wording

    status = asyncio.run(fetch_status(load_settings().places.front_socket))
    if status is None:
        emit({"running": False}, [], json_=json_)
        raise Stop(wording.NO_FRONT, UNAVAILABLE)
    emit({"running": True, **status}, wording.status(status), json_=json_)
    return OK
