"""Telling the member: once, only bytes that passed, the quota settled in the transaction that says they were told."""

import asyncio
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from sqlite_utils import Database as SqliteDatabase

from bot.delivery import Delivery, Terms
from bot.messenger import Message, Messenger, Receipt, TryAgain, Undeliverable
from generation import journal
from generation.artifacts import ArtifactStore
from generation.catalogue import Catalogue, load_entries
from generation.database import Database
from generation.journal import State
from generation.ledger import Ledger
from generation.outcomes import ending_of
from generation.quota import QuotaStatus
from generation.request import GenerationRequest, Platform
from generation.result import Failure, FailureKind, MadeBy, Outcome, OutcomeKind, ProducedImage
from moderation.verdict import Action
from tests.conftest import Clock
from tests.making import MEMBER, NOW, PARAMS, REPLY, image, outcome, request


class ScriptedMessenger:
    """A real `Messenger` that keeps what it was given; `script` holds what to raise next, one entry a call."""

    progress_interval_s = 1.0

    def __init__(self) -> None:
        self.said: list[tuple[Message, int]] = []
        self.script: list[Exception] = []
        self.marks: dict[str, str] = {}
        self.waits: asyncio.Event | None = None  # set at the first of the calls that then never come back

    async def progress(self, request: GenerationRequest, line: str, percent: int | None) -> None:
        raise AssertionError("delivery shows no progress")

    async def deliver(self, request: GenerationRequest, message: Message, receipt: Receipt) -> str:
        self.marks = dict(receipt.marks)
        await receipt.note({f"attempt-{receipt.attempt}": "begun"})
        if self.waits is not None:
            self.waits.set()
            await asyncio.Event().wait()
        if self.script:
            raise self.script.pop(0)
        self.said.append((message, receipt.attempt))
        return "message-1"


class Counter:
    """The delivery room: a real file, a real store, a scripted messenger."""

    def __init__(self, database: Database, folder: Path, clock: Clock) -> None:
        self.database, self.clock = database, clock
        self.store_folder, self.store = folder, ArtifactStore(folder.as_uri())
        self.ledger, self.messenger = Ledger(UTC, 40), ScriptedMessenger()
        self.hushed: list[str] = []
        self.messengers: dict[Platform, Messenger] = {Platform.DISCORD: self.messenger}
        self.delivery = Delivery(
            database=database,
            store=self.store,
            catalogue=Catalogue(load_entries(), ["starter"]),
            ledger=self.ledger,
            messengers=self.messengers,
            terms=Terms(hold_ms=3_600_000 * 24, give_up_ms=3_600_000),
            hush=self._hush,
            now=clock,
        )

    async def _hush(self, request_id: str) -> None:
        self.hushed.append(request_id)

    async def decided(self, came: Outcome | None, *, count: int = 1, model: str = "starter") -> None:
        asked = request(params=replace(PARAMS, num_images=count), model=model)
        ending = ending_of(came) if came else State.CANCELLED
        await self.database.write(lambda db: journal.insert(db, asked, score=NOW))
        await self.database.write(
            lambda db: self.ledger.hold(db, request_id=asked.id, requester=MEMBER, amount=count, now=NOW)
        )
        await self.database.write(
            lambda db: journal.decide(db, asked.id, attempt=1, ending=ending, outcome=came, now=NOW)
        )

    def keep(self, *images: tuple[ProducedImage, bytes]) -> None:
        for each, data in images:
            self.store.put(each.key, data)

    async def tell(self) -> None:
        for due in await self.database.read(lambda db: journal.due(db, self.clock())):
            await self.delivery.tell(due)

    async def state(self) -> State | None:
        entry = await self.database.read(lambda db: journal.get(db, "discord-1"))
        return entry.state if entry else None

    async def quota(self) -> QuotaStatus:
        return await self.database.read(lambda db: self.ledger.status(db, MEMBER, self.clock()))


@pytest.fixture
async def counter(database: Database, tmp_path: Path, clock: Clock) -> Counter:
    clock.now = NOW
    return Counter(database, tmp_path / "artifacts", clock)


async def test_a_passed_picture_is_told_once_and_settled(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))

    await counter.tell()
    await counter.tell()

    [(message, attempt)] = counter.messenger.said
    assert attempt == 1
    assert [(p.data, p.filename.startswith("tessera-")) for p in message.pictures] == [(b"picture", True)]
    assert "seed 7" in message.lines[0]
    assert "39 of 40 left today" in message.lines[0]
    assert await counter.state() is State.DELIVERED
    assert ((await counter.quota()).used, (await counter.quota()).held) == (1, 0)
    assert counter.hushed == ["discord-1"]


async def test_bytes_without_a_passing_verdict_are_held_back(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"something else"))

    await counter.tell()
    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert not message.pictures
    assert await counter.state() is State.HELD
    assert (await counter.quota()).held == 1


async def test_a_picture_that_is_gone_is_held_back(counter: Counter) -> None:
    await counter.decided(outcome())

    await counter.tell()
    await counter.tell()

    assert await counter.state() is State.HELD


async def test_only_what_passed_is_shown_and_charged(counter: Counter) -> None:
    good, bad = image(b"good"), image(b"bad", Action.REJECT)
    counter.keep((good, b"good"), (bad, b"bad"))
    await counter.decided(outcome(images=(good, bad)), count=2)

    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert [p.data for p in message.pictures] == [b"good"]
    assert "1 picture of 2 not shown. Not charged." in message.lines
    assert ((await counter.quota()).used, (await counter.quota()).held) == (1, 0)


@pytest.mark.parametrize(
    ("came", "state", "words"),
    [
        (outcome(images=(image(action=Action.REJECT),)), State.WITHHELD, "not shown"),
        (None, State.CANCELLED, "Cancelled"),
        *(
            (
                outcome(kind=OutcomeKind.FAILED, images=(), failure=Failure(kind=kind)),
                State.FAILED,
                "Nothing was charged.",
            )
            for kind in FailureKind
        ),
    ],
)
async def test_every_other_ending_is_told_and_refunded(
    counter: Counter, came: Outcome | None, state: State, words: str
) -> None:
    await counter.decided(came)

    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert words in " ".join(message.lines)
    assert "!" not in " ".join(message.lines)
    assert await counter.state() is state
    assert ((await counter.quota()).used, (await counter.quota()).held) == (0, 0)


async def test_a_busy_platform_is_tried_again_with_what_was_noted(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    counter.messenger.script = [TryAgain("busy", after_s=30)]

    await counter.tell()
    counter.clock.advance(29)
    await counter.tell()
    assert counter.messenger.said == []
    counter.clock.advance(2)
    await counter.tell()

    [(_, attempt)] = counter.messenger.said
    assert attempt == 2
    assert counter.messenger.marks == {"attempt-1": "begun"}
    assert await counter.state() is State.DELIVERED


async def test_a_model_that_left_the_catalogue_meanwhile_is_named_all_the_same(counter: Counter) -> None:
    gone = outcome(made_by=MadeBy(model="zorblax", title="Zorblax 2", backend="diffusers"))
    await counter.decided(gone, model="zorblax")
    counter.keep((image(), b"picture"))

    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert message.lines[0].startswith("Zorblax 2 · seed 7")
    assert len(message.pictures) == 1


async def test_a_channel_that_is_gone_ends_the_request_and_refunds(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    counter.messenger.script = [Undeliverable("channel gone"), Undeliverable("channel gone")]

    await counter.tell()
    await counter.tell()

    assert counter.messenger.said == []
    assert await counter.state() is State.FAILED
    assert (await counter.quota()).left == 40


async def test_where_pictures_may_not_be_shown_the_member_is_told_in_words(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    counter.messenger.script = [Undeliverable("the permission to attach files is missing")]

    await counter.tell()
    await counter.tell()
    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert not message.pictures
    assert "could not be shown here" in message.lines[0]
    assert await counter.state() is State.FAILED
    assert (await counter.quota()).left == 40


async def test_who_was_told_by_the_messenger_itself_is_not_told_again(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    counter.messenger.script = [Undeliverable("too large, and it has said so", told=True)]

    await counter.tell()
    await counter.tell()

    assert counter.messenger.said == []
    assert await counter.state() is State.FAILED


async def test_a_store_that_denies_a_picture_is_asked_again_and_then_the_picture_is_held_back(counter: Counter) -> None:
    await counter.decided(outcome())
    (counter.store_folder / image().key).mkdir(parents=True)  # reading a folder fails, also for the superuser

    await counter.tell()
    assert await counter.state() is State.TELLING
    counter.clock.advance(31)
    await counter.tell()
    assert await counter.state() is State.TELLING
    counter.clock.advance(3601)
    await counter.tell()
    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert not message.pictures
    assert await counter.state() is State.HELD


async def test_what_breaks_again_and_again_comes_to_an_end(counter: Counter) -> None:
    await counter.decided(None)
    counter.messenger.script = [RuntimeError("a bug")] * 2

    running = asyncio.ensure_future(counter.delivery.run())
    async with asyncio.timeout(10):
        while len(counter.messenger.script) > 1:
            await asyncio.sleep(0.01)
        counter.clock.advance(3601)
        counter.delivery.wake()
        while await counter.state() is not State.FAILED:
            await asyncio.sleep(0.01)
    running.cancel()

    assert (await counter.quota()).left == 40


async def test_a_thousand_attempts_are_counted_on(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    await counter.database.write(lambda db: db.execute("UPDATE deliveries SET attempt = 2000"))
    counter.messenger.script = [TryAgain("down")]

    await counter.tell()
    counter.clock.advance(301)
    await counter.tell()

    assert await counter.state() is State.DELIVERED


async def test_a_platform_that_is_away_keeps_no_others_members_waiting(counter: Counter) -> None:
    slack = replace(REPLY, platform=Platform.SLACK)

    def decide(db: SqliteDatabase) -> None:
        asked = [request(f"discord-{n}") for n in range(20)] + [request("slack-1", reply_to=slack)]
        for place, each in enumerate(asked):
            journal.insert(db, each, score=NOW)
            journal.decide(db, each.id, attempt=1, ending=State.CANCELLED, outcome=None, now=NOW + place)

    other = counter.messengers[Platform.SLACK] = ScriptedMessenger()
    counter.messenger.waits = asyncio.Event()
    await counter.database.write(decide)

    running = asyncio.ensure_future(counter.delivery.run())
    async with asyncio.timeout(10):
        await counter.messenger.waits.wait()
        while not other.said:
            await asyncio.sleep(0.01)
    for task in {task for task in asyncio.all_tasks() if task.get_name().startswith("tell ")}:
        task.cancel()  # they would wait for ever
    running.cancel()

    assert len(other.said) == 1
    assert counter.messenger.said == []


async def test_telling_is_given_up_at_last(counter: Counter) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    counter.clock.advance(3601)
    counter.messenger.script = [TryAgain("down")]

    await counter.tell()

    assert await counter.state() is State.FAILED


async def test_a_messenger_that_breaks_stops_nobody_else(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    await counter.decided(outcome())
    counter.keep((image(), b"picture"))
    counter.messenger.script = [RuntimeError("a bug")]

    running = asyncio.ensure_future(counter.delivery.run())
    while "broke" not in caplog.text:
        await asyncio.sleep(0.01)
    counter.clock.advance(31)
    counter.delivery.wake()
    while await counter.state() is not State.DELIVERED:
        await asyncio.sleep(0.01)
    running.cancel()

    assert len(counter.messenger.said) == 1


async def test_the_owners_refusal_is_for_the_asker_alone(counter: Counter) -> None:
    refused = Failure(kind=FailureKind.OWNER_REFUSED)
    await counter.decided(outcome(kind=OutcomeKind.FAILED, images=(), failure=refused))

    await counter.tell()

    [(message, _)] = counter.messenger.said
    assert message.private
    assert "we do not pass it to another model" in message.lines[0]
