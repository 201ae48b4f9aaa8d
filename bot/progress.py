"""What members see while they wait: place in line, then what the worker does, throttled to each platform's limits.

Owns the passing lines and their pace. Nothing depends on them: a lost or late line changes no request. It knows
platforms only as `Messenger`s, workers only as the line's progress events.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from bot.messenger import Messenger
from bot.wording import waiting
from generation import estimate, journal
from generation.catalogue import Catalogue
from generation.database import Database
from generation.estimate import Place
from generation.jobs import LINE_ERRORS, FrontLine
from generation.journal import Entry, State
from generation.refusals import Accepted
from generation.request import Platform
from generation.result import ProgressEvent

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_SHOW_S = 0.1


class Board:
    """The lines of all requests under way."""

    def __init__(
        self,
        *,
        database: Database,
        line: FrontLine,
        catalogue: Catalogue,
        messengers: Mapping[Platform, Messenger],
        now: Callable[[], int],
    ) -> None:
        """Take what it reads, whom it tells through, and a clock in ms."""
        self._database, self._line, self._catalogue = database, line, catalogue
        self._messengers, self._now = messengers, now
        self._waiting: dict[str, Entry] = {}
        self._places: dict[str, Place] = {}
        self._working: dict[str, ProgressEvent] = {}
        self._shown: dict[str, tuple[str, int]] = {}
        self._talking: dict[str, asyncio.Task[None]] = {}
        self._hushed: set[str] = set()
        self._hands: dict[str, int] = {}

    async def first_line(self, accepted: Accepted) -> str:
        """The line a placeholder begins with; it counts as shown."""
        try:
            await self._count_hands()
        except LINE_ERRORS:
            return waiting.queued_offline()
        places = await self._database.read(lambda db: estimate.places(db, self._catalogue, self._hands))
        place = places.get(accepted.request.id, Place(1, 1.0))
        text = waiting.in_line(place, served=accepted.request.pool in self._hands)
        self._shown[accepted.request.id] = (text, self._now())
        return text

    async def hush(self, request_id: str) -> None:
        """Say nothing more about a request, and wait for what is being said: its last word comes next."""
        self._hushed.add(request_id)
        if task := self._talking.get(request_id):
            await asyncio.wait({task})

    async def run(self) -> None:
        """Keep everybody's line true until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look())
            group.create_task(self._show())

    async def _listen(self) -> None:
        while True:
            try:
                async for event in self._line.progress():
                    known = self._working.get(event.request_id)
                    if known is None or known.at <= event.at:
                        self._working[event.request_id] = event
            except LINE_ERRORS:
                await asyncio.sleep(_LOOK_S)

    async def _look(self) -> None:
        while True:
            queued = await self._database.read(lambda db: journal.in_state(db, State.QUEUED))
            self._waiting = {entry.request.id: entry for entry in queued}
            self._working = {key: event for key, event in self._working.items() if key in self._waiting}
            self._shown = {key: shown for key, shown in self._shown.items() if key in self._waiting}
            self._hushed &= self._waiting.keys()
            if queued:
                await self._look_at_line()
            await asyncio.sleep(_LOOK_S)

    async def _look_at_line(self) -> None:
        try:
            await self._count_hands()
        except LINE_ERRORS:
            self._hands = {}
        self._places = await self._database.read(lambda db: estimate.places(db, self._catalogue, self._hands))

    async def _count_hands(self) -> None:
        hands: dict[str, int] = {}
        for worker in await self._line.workers():
            for pool in worker.pools:
                hands[pool] = hands.get(pool, 0) + 1
        self._hands = hands

    async def _show(self) -> None:
        while True:
            due = [entry for entry in self._waiting.values() if self._is_due(entry)]
            for entry in due:
                line, percent = self._line_for(entry)
                self._shown[entry.request.id] = (line, self._now())
                messenger = self._messengers[entry.request.reply_to.platform]
                task = asyncio.create_task(messenger.progress(entry.request, line, percent))
                self._talking[entry.request.id] = task
                task.add_done_callback(partial(self._said, entry.request.id))
            await asyncio.sleep(_SHOW_S)

    def _said(self, request_id: str, _: asyncio.Task[None]) -> None:
        del self._talking[request_id]

    def _is_due(self, entry: Entry) -> bool:
        messenger = self._messengers.get(entry.request.reply_to.platform)
        if messenger is None or entry.request.id in self._talking or entry.request.id in self._hushed:
            return False
        shown, at = self._shown.get(entry.request.id, ("", 0))
        return self._now() - at >= messenger.progress_interval_s * 1000 and self._line_for(entry)[0] != shown

    def _line_for(self, entry: Entry) -> tuple[str, int | None]:
        place = self._places.get(entry.request.id, Place(1, 1.0))
        if event := self._working.get(entry.request.id):
            model = self._catalogue.entries.get(entry.request.model)
            title = model.title if model else entry.request.model
            return waiting.working(event, title, entry.request.params.num_images, place.own), event.percent
        return waiting.in_line(place, served=entry.request.pool in self._hands), None
