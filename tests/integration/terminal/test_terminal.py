"""`tessera imagine` against a real front over a real socket."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Self

import aiohttp
import pytest

from bot.terminal import client
from bot.terminal.protocol import Accepted, Done, Event, Failed, Refused, Wish
from bot.terminal.session import Result, Session, new_id
from bot.wording import operator as wording
from generation.database import open_sqlite
from generation.result import Failure, FailureKind
from moderation.verdict import Action
from tests.integration.terminal.conftest import Front


class Shown:
    """Writes down what a terminal would show."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, int | None]] = []
        self.notes: list[str] = []
        self.changed = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, line: str, percent: int | None) -> None:
        self.lines.append((line, percent))
        self.changed.set()

    def note(self, line: str) -> None:
        self.notes.append(line)
        self.changed.set()

    async def until(self, text: str) -> None:
        """Wait until something with this in it was said."""
        async with asyncio.timeout(20):
            while not any(text in line for line in [*(line for line, _ in self.lines), *self.notes]):
                self.changed.clear()
                await self.changed.wait()


def wish(prompt: str = "a red boat", **options: object) -> Wish:
    return Wish(id=new_id(), prompt=prompt, **options)  # type: ignore[arg-type]  # options are passed as the test wrote them


async def ending(events: AsyncIterator[Event]) -> Event:
    last: Event | None = None
    async with asyncio.timeout(20):
        async for event in events:
            last = event
    assert last is not None
    return last


def contents(files: tuple[str, ...]) -> list[bytes]:
    return [Path(file).read_bytes() for file in files]


def begin(front: Front, asked: Wish) -> tuple[Shown, asyncio.Task[Result]]:
    shown = Shown()
    return shown, asyncio.create_task(Session(front.socket, shown, wish=asked).run())


async def test_a_picture_lies_in_a_file_with_exactly_its_bytes(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")

    await front.finish(asked.id, b"the bytes")
    done = (await running).ending

    assert isinstance(done, Done)
    assert contents(done.files) == [b"the bytes"]
    assert Path(done.files[0]).is_relative_to(front.settings.places.pictures.absolute())
    assert any("seed" in line for line in done.lines)


async def test_the_timeline_holds_the_last_moment_too(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")
    await front.finish(asked.id)

    done = (await running).ending

    assert isinstance(done, Done)
    assert {"submitted", "delivered"} <= {moment.name for moment in done.timeline}


async def test_progress_is_shown_with_its_percentage(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")

    await asyncio.sleep(0.2)  # the board listens to the line only from its first round on
    await front.progress(asked.id, 2)
    await shown.until("25")
    await front.finish(asked.id)
    await running

    assert ("Drawing, 25 %.", 25) in shown.lines


async def test_a_refusal_is_one_sentence_and_no_request(front: Front) -> None:
    refused = await ending(client.imagine(front.socket, wish("", model=None)))

    assert isinstance(refused, Refused)
    assert refused.sentence == "The prompt is empty. Say what you would like to see."


async def test_an_argument_that_is_no_utf_8_is_cleaned_not_fatal(front: Front) -> None:
    asked = wish("a boat \udcff")
    shown, running = begin(front, asked)
    await shown.until("in line")
    await front.finish(asked.id)

    assert isinstance((await running).ending, Done)


async def test_asking_the_same_wish_again_is_asking_once(front: Front) -> None:
    asked = wish()
    async with aclosing(client.imagine(front.socket, asked)) as events:
        assert isinstance(await anext(events), Accepted)
    shown, running = begin(front, asked)
    await shown.until("in line")

    await front.finish(asked.id)

    assert isinstance((await running).ending, Done)
    assert len(list(front.settings.places.pictures.glob("*.png"))) == 1


async def test_a_client_that_goes_away_finds_its_picture_later(front: Front) -> None:
    asked = wish()
    async with aclosing(client.imagine(front.socket, asked)) as events:
        await anext(events)
    await front.finish(asked.id, b"nobody was listening")

    done = await ending(client.follow(front.socket, asked.id))

    assert isinstance(done, Done)
    assert contents(done.files) == [b"nobody was listening"]


async def test_a_front_that_restarts_is_waited_for(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")

    await front.stop()
    await shown.until(wording.FRONT_AWAY)
    await front.start()
    await front.finish(asked.id)

    assert isinstance((await running).ending, Done)


async def test_ctrl_c_cancels_and_says_so(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")

    os.kill(os.getpid(), signal.SIGINT)
    result = await running

    assert result.cancelled
    assert isinstance(result.ending, Failed)
    assert result.ending.lines == ("Cancelled. Nothing was charged.",)
    assert shown.notes == [wording.CANCELLING]


async def test_a_second_ctrl_c_leaves(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")
    await front.stop()  # so that the cancelling cannot succeed
    await shown.until(wording.FRONT_AWAY)

    os.kill(os.getpid(), signal.SIGINT)
    await shown.until(wording.CANCELLING)
    os.kill(os.getpid(), signal.SIGINT)
    result = await running

    assert result.ending is None
    await front.start()


async def test_a_failure_says_why(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")
    await front.fail(asked.id, Failure(kind=FailureKind.OUT_OF_MEMORY))

    failed = (await running).ending

    assert isinstance(failed, Failed)
    assert "ran out of memory" in failed.lines[0]


async def test_a_picture_that_nothing_passed_is_held_and_no_file_is_written(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")
    await front.finish(asked.id, action=Action.HOLD)

    held = (await running).ending

    assert isinstance(held, Failed)
    assert "held back" in held.lines[0]
    assert not list(front.settings.places.pictures.glob("*.png"))


async def test_delivering_twice_leaves_one_file_with_the_same_bytes(front: Front) -> None:
    asked = wish()
    shown, running = begin(front, asked)
    await shown.until("in line")
    await front.finish(asked.id, b"once")
    await running
    database = front.settings.places.database
    await front.stop()
    # What a kill -9 between writing the file and recording it leaves behind.
    db = open_sqlite(database)
    db.execute("UPDATE requests SET state = 'telling' WHERE id = ?", (asked.id,))
    db.close()

    await front.start()
    done = await ending(client.follow(front.socket, asked.id))

    assert isinstance(done, Done)
    assert [path.read_bytes() for path in front.settings.places.pictures.glob("*.png")] == [b"once"]


async def test_a_request_nobody_asked_is_not_found(front: Front) -> None:
    with pytest.raises(client.NoSuchRequest):
        await ending(client.follow(front.socket, new_id()))


async def test_without_a_front_nothing_is_asked(tmp_path: Path) -> None:
    with pytest.raises(client.NoFront):
        await ending(client.imagine(tmp_path / "front.sock", wish()))
    assert await client.fetch_status(tmp_path / "front.sock") is None


async def test_the_socket_is_its_owners_alone(front: Front) -> None:
    assert front.socket.stat().st_mode & 0o777 == 0o600


async def test_the_status_names_adapters_models_and_workers(front: Front) -> None:
    status = await client.fetch_status(front.socket)

    assert status is not None
    assert status["adapters"] == {"terminal": True}
    assert [model["id"] for model in status["models"]] == ["starter"]
    assert status["workers"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        json.dumps({"id": "../../etc/passwd", "prompt": "x"}).encode(),
        json.dumps({"id": f"terminal-{'0' * 32}", "prompt": 7}).encode(),
        json.dumps({"id": f"terminal-{'0' * 32}", "prompt": "x", "count": "many"}).encode(),
        json.dumps({"id": f"terminal-{'0' * 32}", "prompt": "x", "seed": True}).encode(),
        json.dumps({"id": f"terminal-{'0' * 32}", "prompt": "x", "steps": 3}).encode(),
    ],
)
async def test_a_malformed_wish_is_turned_away(front: Front, body: bytes) -> None:
    connector = aiohttp.UnixConnector(str(front.socket))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post("http://front/imagine", data=body) as response,
    ):
        assert response.status == 400
