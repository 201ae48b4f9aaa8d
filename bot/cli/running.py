"""Commands that start something: `run`, `bot`, `worker`, `migrate`."""

import asyncio
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.output import as_json, emit, log_from, say
from bot.cli.process import OK

if TYPE_CHECKING:
    from bot.settings import Settings
    from bot.supervise import Household

# How long `run` waits for the worker and the chats before it says how things stand.
_SHOW_S = 20.0
_LOOK_S = 0.1


@click.command()
def run_() -> int:
    """Keep everything up on this machine: Redis, the front and a worker.

    Redis is the bundled one unless TESSERA_REDIS_URL names another. What breaks is started again. Ctrl-C lets running
    pictures finish and stops everything; Ctrl-C again stops at once.
    """
    from bot.settings import load_settings

    return asyncio.run(_run(load_settings()))


async def _run(settings: "Settings") -> int:
    from bot.supervise import Plan, open_household
    from bot.wording import operator as wording
    from generation.settings import load_worker_settings

    say(wording.STARTING if settings.redis_url is None else wording.STARTING_WITHOUT_REDIS)
    stop = asyncio.Event()
    running: list[Household] = []

    def told_to_stop() -> None:
        if not stop.is_set():
            stop.set()
            say(wording.STOPPING)
            return
        for household in running:
            household.hurry()

    loop = asyncio.get_running_loop()
    # A script that starts this in the background hands it an ignored SIGINT, and may send one all the same; an ignored
    # SIGHUP comes from nohup, which means it.
    ends = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ends.append(signal.SIGHUP)
    for number in ends:
        loop.add_signal_handler(number, told_to_stop)
    environment = {"TESSERA_LOG": "info", **os.environ, "PYTHONUNBUFFERED": "1"}
    plan = Plan(
        places=settings.places,
        own_redis=settings.redis_url is None,
        drain_s=load_worker_settings().worker.drain_s,
        environment=environment,
    )
    async with open_household(plan, say) as household:
        running.append(household)
        await _until(stop, household, settings)
    say(wording.STOPPED)
    return OK


async def _until(stop: asyncio.Event, household: "Household", settings: "Settings") -> None:
    """Show how things stand once they do, then wait to be stopped. Raises `bot.keeper.ChildRefused`."""
    tasks = [
        asyncio.create_task(stop.wait()),
        asyncio.create_task(household.refused()),
    ]
    showing = asyncio.create_task(_show(household, settings))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            await tasks[1]
    finally:
        for task in (*tasks, showing):
            task.cancel()
        await asyncio.gather(*tasks, showing, return_exceptions=True)


async def _show(household: "Household", settings: "Settings") -> None:
    from bot.wording import operator as wording

    deadline = asyncio.get_running_loop().time() + _SHOW_S
    while True:
        status = await household.status()
        ready = status is not None and all(status["adapters"].values()) and bool(status["workers"])
        if status is not None and (ready or asyncio.get_running_loop().time() > deadline):
            break
        await asyncio.sleep(_LOOK_S)
    home = settings.home.absolute()
    # `make run` starts us out of an environment that the other terminal need not have on its PATH.
    program = "tessera" if shutil.which("tessera") else sys.argv[0]
    for line in wording.up(status, home, bundled_redis=settings.redis_url is None, program=program):
        say(line)


@click.command()
def bot_() -> int:
    """Run the front alone: the chats, the ledger and delivery.

    It needs a migrated database (`tessera migrate`) and a Redis; one front at a time owns the database.
    """
    log_from("info")
    from bot.front import serve
    from bot.settings import load_settings

    asyncio.run(serve(load_settings()))
    return OK


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker_(arguments: tuple[str, ...]) -> None:
    """Run a worker alone. It makes the pictures, on any machine that reaches Redis and the artifact store."""
    # The front's program never imports what a worker needs; it becomes the worker instead.
    os.execv(sys.executable, [sys.executable, "-P", "-m", "generation.worker", *arguments])  # noqa: S606 - our own module


@click.command()
@click.option("--list", "list_", is_flag=True, help="Only say what would be applied.")
@as_json
def migrate_(*, list_: bool, json_: bool) -> int:
    """Bring the SQLite file up to date, making it where there is none."""
    from bot.settings import load_settings
    from bot.supervise import migrate, to_migrate
    from bot.wording import operator as wording

    places = load_settings().places
    path = places.database
    if list_:
        names = to_migrate(path)
        emit({"database": str(path), "pending": names}, wording.to_migrate(names, path), json_=json_)
        return OK
    places.create()
    names = migrate(path)
    emit({"database": str(path), "applied": names}, wording.migrated(names, path), json_=json_)
    return OK
