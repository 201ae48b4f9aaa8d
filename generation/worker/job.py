"""One job, from order to outcome: draw, look at the bytes, check them, store them, store the outcome, announce it.

Owns `JobRunner`. It may run any job twice: an outcome that is stored already is only announced again. An outcome is
stored before anybody hears of it, so it outlives Redis and this process. It must not know arq, who asked or where the
answer goes.
"""

import asyncio
import hashlib
import logging
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generation import codec
from generation.artifacts import ArtifactStore, picture_key
from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.registry import Backends
from generation.catalogue import ModelEntry
from generation.errors import GenerationCancelled, GenerationError, ModelMissing
from generation.jobs import LINE_ERRORS, WorkerLine
from generation.request import JobOrder
from generation.result import Failure, FailureKind, MadeBy, Outcome, OutcomeKind, ProducedImage
from generation.worker.pictures import Picture, look_at
from generation.worker.progress import Speaker
from moderation.classifiers.base import ImageCheck
from moderation.images import check_pictures
from moderation.verdict import Verdict

_log = logging.getLogger(__name__)

_CANCEL_LOOK_S = 0.3
_STORE_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What jobs are done with. Times are seconds; `now` is milliseconds since the epoch."""

    worker_id: str
    entries: Mapping[str, ModelEntry]
    backends: Backends
    checks: Sequence[ImageCheck]
    store: ArtifactStore
    line: WorkerLine
    now: Callable[[], int]
    job_timeout_s: float = 600.0
    check_s: float = 30.0
    announce_s: float = 30.0
    max_starts: int = 3


@dataclass(frozen=True, slots=True)
class _Made:
    images: tuple[ProducedImage, ...]
    made_by: MadeBy
    notes: tuple[str, ...]


class JobRunner:
    """Does jobs in a workshop; `running` names the requests under way."""

    def __init__(self, shop: Workshop) -> None:
        """Take the workshop."""
        self._shop = shop
        self._running: set[tuple[str, int]] = set()
        self.changed = asyncio.Event()

    @property
    def running(self) -> tuple[str, ...]:
        """The request ids under way in this process."""
        return tuple(sorted(request_id for request_id, _ in self._running))

    async def run(self, data: object, *, starts: int) -> None:
        """Do the job that `data` describes; `starts` counts how often it was begun, this time included.

        Returns when an outcome is stored and announced as well as could be. Raises CancelledError, with nothing
        stored, when the worker hands the job back, and OSError when the outcome cannot be stored: where that is so
        from the start, before anything is drawn.
        """
        try:
            order = codec.decode(JobOrder, data)
        except codec.Malformed as error:
            # Without an order there is nobody to answer; the front finds the job missing and puts it back.
            _log.error("malformed job dropped why=%s", error)
            return
        key = (order.request_id, order.attempt)
        if key in self._running:
            _log.info("job is under way here already request=%s attempt=%d", *key)
            return
        self._running.add(key)
        self.changed.set()
        try:
            await self._to_the_end(order, starts)
        finally:
            self._running.discard(key)
            self.changed.set()

    async def _to_the_end(self, order: JobOrder, starts: int) -> None:
        outcome = await self._stored(order)
        if outcome is None:
            # The front sends again what left no outcome; without this, each time would be drawn and perhaps paid for.
            await asyncio.to_thread(self._shop.store.try_out, order.request_id)
            _log.info("job started request=%s model=%s start=%d", order.request_id, order.model, starts)
            outcome = await self._outcome(order, starts)
            await self._keep(outcome)
            kind = outcome.failure.kind if outcome.failure else ""
            _log.info(
                "job ended request=%s as=%s%s seconds=%.1f",
                order.request_id,
                outcome.kind,
                kind and f":{kind}",
                outcome.seconds,
            )
        await self._announce(outcome)

    async def _stored(self, order: JobOrder) -> Outcome | None:
        try:
            return await asyncio.to_thread(self._shop.store.get_outcome, order.request_id, order.attempt)
        except codec.Malformed:
            _log.warning("stored outcome is damaged and is made anew request=%s", order.request_id)
            return None

    async def _outcome(self, order: JobOrder, starts: int) -> Outcome:
        begun = time.monotonic()
        async with Speaker(self._shop.line, order, self._shop.now) as speaker:
            result = await self._attempt(order, starts, speaker)
        return self._as_outcome(order, result, speaker, time.monotonic() - begun)

    async def _attempt(self, order: JobOrder, starts: int, speaker: Speaker) -> _Made | Failure | None:
        """What the job came to: pictures, a failure, or None for cancelled."""
        if starts > self._shop.max_starts:
            return Failure(kind=FailureKind.WORKER_LOST, detail=f"It was started {starts - 1} times and never ended.")
        watch = Watch(speaker.hear)
        listening = asyncio.create_task(self._listen_for_cancel(order.request_id, watch))
        limit = asyncio.timeout(self._shop.job_timeout_s)
        try:
            async with limit:
                return await self._make(order, watch, speaker)
        except GenerationCancelled:
            return None
        except GenerationError as error:
            _log.warning("job failed request=%s kind=%s detail=%s", order.request_id, error.kind, error.detail)
            return error.failure()
        except Exception as error:  # noqa: BLE001 - the boundary: no job may take its worker down or stay unanswered
            if limit.expired():
                return Failure(kind=FailureKind.TIMEOUT, detail=f"It took more than {self._shop.job_timeout_s:.0f} s.")
            return _internal(order, error)
        finally:
            # Whatever happened, a thread that still draws stops at its next step.
            watch.cancel()
            listening.cancel()

    async def _make(self, order: JobOrder, watch: Watch, speaker: Speaker) -> _Made:
        await self._hear_cancel(order.request_id, watch)
        watch.check()
        watch.stage("started")
        entry = self._shop.entries.get(order.model)
        if entry is None:
            raise ModelMissing(f"This worker's catalogue has no “{order.model}”.")
        generated = await self._shop.backends.get(entry.backend).generate(entry, order, watch)
        speaker.moment("drawn")
        pictures = [await asyncio.to_thread(look_at, image.data) for image in generated.images]
        watch.check()
        watch.stage("checking")
        verdicts = await check_pictures(
            self._shop.checks,
            [image.data for image in generated.images],
            entry.closed_vocabulary,
            limit_s=self._shop.check_s,
        )
        speaker.moment("checked")
        watch.check()
        watch.stage("storing")
        made = await self._store(order, generated, pictures, verdicts)
        speaker.moment("stored")
        return _Made(made, generated.made_by, generated.notes)

    async def _store(
        self, order: JobOrder, generated: Generated, pictures: Sequence[Picture], verdicts: Sequence[Verdict]
    ) -> tuple[ProducedImage, ...]:
        made = []
        for index, (image, picture, verdict) in enumerate(zip(generated.images, pictures, verdicts, strict=True)):
            produced = _produced(order, index, image, picture, verdict)
            await asyncio.to_thread(self._shop.store.put, produced.key, image.data)
            made.append(produced)
        return tuple(made)

    def _as_outcome(self, order: JobOrder, result: _Made | Failure | None, speaker: Speaker, seconds: float) -> Outcome:
        made = result if isinstance(result, _Made) else None
        failure = result if isinstance(result, Failure) else None
        kind = OutcomeKind.PRODUCED if made else OutcomeKind.FAILED if failure else OutcomeKind.CANCELLED
        return Outcome(
            request_id=order.request_id,
            attempt=order.attempt,
            kind=kind,
            worker=self._shop.worker_id,
            finished_at=self._shop.now(),
            images=made.images if made else (),
            failure=failure,
            made_by=made.made_by if made else None,
            seconds=round(seconds, 3),
            notes=made.notes if made else (),
            timeline=speaker.timeline,
        )

    async def _listen_for_cancel(self, request_id: str, watch: Watch) -> None:
        while not watch.cancelled:
            await asyncio.sleep(_CANCEL_LOOK_S)
            await self._hear_cancel(request_id, watch)

    async def _hear_cancel(self, request_id: str, watch: Watch) -> None:
        try:
            if await self._shop.line.cancelled(request_id):
                watch.cancel()
        except LINE_ERRORS as error:
            _log.debug("cannot hear whether it is cancelled request=%s why=%s", request_id, type(error).__name__)

    async def _keep(self, outcome: Outcome) -> None:
        for attempt in range(_STORE_TRIES):
            try:
                await asyncio.to_thread(self._shop.store.put_outcome, outcome)
            except OSError as error:
                _log.error("outcome cannot be stored request=%s why=%s", outcome.request_id, type(error).__name__)
                if attempt == _STORE_TRIES - 1:
                    raise
                await asyncio.sleep(0.5 * 2**attempt)
            else:
                return

    async def _announce(self, outcome: Outcome) -> None:
        """Say it, for a while again and again; the front finds the stored outcome by itself if nobody hears it."""

        async def say() -> None:
            await self._shop.line.announce(outcome)

        if not await _again_for(say, self._shop.announce_s):
            _log.warning("outcome is stored but could not be announced request=%s", outcome.request_id)


async def _again_for(say: Callable[[], Awaitable[None]], seconds: float) -> bool:
    """Call `say` until it succeeds, at growing pauses, for at most `seconds`; whether it did."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            await say()
        except LINE_ERRORS:
            if time.monotonic() + pause > deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)
        else:
            return True


def _produced(order: JobOrder, index: int, image: EncodedImage, picture: Picture, verdict: Verdict) -> ProducedImage:
    sha256 = hashlib.sha256(image.data).hexdigest()
    return ProducedImage(
        key=picture_key(order.request_id, index, sha256, picture.media_type),
        sha256=sha256,
        media_type=picture.media_type,
        width=picture.width,
        height=picture.height,
        size=len(image.data),
        seed=image.seed,
        verdict=verdict,
    )


def _internal(order: JobOrder, error: Exception) -> Failure:
    """A bug of ours or of a library. The log says where; its words stay out of it, for they may hold a prompt."""
    event = uuid.uuid4().hex[:8]
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    _log.error("job broke request=%s event=%s type=%s at=%s", order.request_id, event, type(error).__name__, where)
    return Failure(kind=FailureKind.INTERNAL, detail=f"event {event}")
