"""Pictures from a ComfyUI of the community's own, drawn by a workflow that the operator made.

Owns submitting jobs, following them to their end, taking them back when nobody wants them any more, and fetching the
pictures. It must not know what a workflow does: `comfyui_workflow` fills it, `comfyui_reply` reads what came of it.

The protocol is as of ComfyUI's own server.py of 2024 (github.com/comfyanonymous/ComfyUI), pieces of execution.py and of
later servers in copies of it, and the documentation (docs.comfy.org, “Routes”, “Messages”), all read in November 2026.
The later ones let a client choose a job's id and name the job to interrupt; since when is from memory (2025), not
checked. An older ComfyUI chooses the id itself, and interrupts whatever it is drawing.

The record of a job, `/history/{id}`, is the truth about its end. The websocket only tells how far it is and when to
look; where it breaks, the record is looked at every little while. A job that is neither recorded nor in the queue is
lost: somebody deleted it, or ComfyUI was started anew.

Each picture is a job of its own, so that each seed can be asked for again alone; a workflow with `{{count}}` draws all
of them in one job from the first one's seed. Nothing is charged, and nothing of the member who asked is sent.

Arguments of a catalogue entry: `workflow` (the path of the template) and `output` (the id of the node whose pictures
to take, where the workflow saves more than that).
"""

import asyncio
import contextlib
import json
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp

from generation.backends.base import Generated, Watch
from generation.backends.comfyui_reply import pictures_of, problem_of, understand
from generation.backends.comfyui_workflow import Workflow, fillings, notes, read_workflow, seeds
from generation.backends.remote import MIB, PICTURE_LIMIT, Patience, picture, several, unless_cancelled
from generation.backends.rest import Rest
from generation.catalogue import ModelEntry
from generation.errors import (
    BackendUnavailable,
    BadReply,
    GenerationCancelled,
    GenerationError,
    ModelMissing,
    TimedOut,
    UnsupportedRequest,
)
from generation.prices import cost_of
from generation.request import JobOrder
from generation.result import MadeBy

log = logging.getLogger(__name__)

_PATIENCE = Patience()
# ComfyUI draws one job after the other; a second one waits in its queue, so that it never idles.
_AT_ONCE = 2
_QUIET_S, _LONGEST_S = 5.0, 2.0
_CONNECT_S, _HEARTBEAT_S = 5.0, 20.0
_SETTLE_S, _WITHDRAW_S = 2.0, 5.0
# Records hold the whole workflow, and a queue holds those of all jobs; a preview picture has less than a word's limit.
_RECORD_LIMIT, _WORD_LIMIT = 32 * MIB, 16 * MIB
_ENDS = {"execution_success", "execution_error", "execution_interrupted"}


@dataclass(slots=True, kw_only=True)
class _Job:
    """One job at ComfyUI. `id` is ours until an old ComfyUI gives another; `client` names our websocket."""

    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    client: str = field(default_factory=lambda: uuid.uuid4().hex)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class ComfyUIBackend:
    """One ComfyUI. `api_key` is for a proxy in front of it, which gets it as a bearer token.

    `timeout_s` bounds one exchange, `deadline_s` the wait until a job is drawn, the queue before it included, and
    `poll_s` is the first pause between two looks; all in seconds.
    """

    name = "comfyui"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str = "http://127.0.0.1:8188",
        timeout_s: float = 30.0,
        deadline_s: float = 600.0,
        poll_s: float = 0.2,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Connect to nothing yet."""
        # A password in the address is nobody's to read in a sentence.
        self._who = f"ComfyUI at {(base_url.partition('//')[2] or base_url).rpartition('@')[2].rstrip('/')}"
        self._words_at = base_url.rstrip("/") + "/ws"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._deadline_s = deadline_s
        self._poll_s = poll_s
        self._session: aiohttp.ClientSession | None = None
        self._rest = Rest(
            self._who,
            base_url,
            key_name="COMFYUI_API_KEY",
            headers=self._headers,
            timeout_s=timeout_s,
            patience=patience,
            understand=understand,
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        workflow = await _workflow(entry)
        jobs = fillings(workflow, order)
        watch.check()
        watch.stage("drawing")
        progress = _Progress(watch, len(jobs))

        async def draw(number: int) -> tuple[str, list[bytes]]:
            asked = order.params.num_images if "count" in workflow.slots else 1
            job, record = await self._follow(jobs[number], lambda done, total: progress.tell(number, done, total))
            return job, await self._take(record, asked, entry)

        drawn = await unless_cancelled(several(draw, len(jobs), at_once=_AT_ONCE), watch)
        data = [one for _, pictures in drawn for one in pictures]
        images = tuple(picture(one, self._who, seed) for one, seed in zip(data, seeds(workflow, order), strict=False))
        return Generated(
            images=images,
            made_by=self._made_by(entry, workflow, ", ".join(job for job, _ in drawn), len(images)),
            notes=notes(workflow, entry, order, len(images)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.aclose()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _made_by(self, entry: ModelEntry, workflow: Workflow, jobs: str, made: int) -> MadeBy:
        usage = {"image": made}
        return MadeBy(
            model=entry.id,
            title=entry.title,
            backend=self.name,
            revision=workflow.revision,
            versions=(("aiohttp", aiohttp.__version__),),
            provider_request_id=jobs,
            cost=cost_of(usage, entry.prices),
            usage=tuple(usage.items()),
        )

    async def _follow(self, nodes: dict[str, Any], hear: Callable[[int, int], None]) -> tuple[str, dict[str, Any]]:
        """One job to its end; it is taken back on every way out but that one."""
        job = _Job()
        listening = asyncio.ensure_future(self._listen(job, hear))
        submitting = asyncio.ensure_future(self._submit(job, nodes))
        recorded = False
        try:
            # Shielded: a job that is being taken as we leave must be known, to be taken back.
            await asyncio.shield(submitting)
            record = await self._rest.poll(
                lambda: self._look(job), every_s=self._poll_s, deadline_s=self._deadline_s, longest_s=_LONGEST_S
            )
            recorded = True
        finally:
            listening.cancel()
            if not recorded:
                await asyncio.shield(self._withdraw(job, submitting))
            await asyncio.wait({listening})
        if (problem := problem_of(record, self._who)) is not None:
            raise problem
        return job.id, record

    async def _submit(self, job: _Job, nodes: dict[str, Any]) -> None:
        with contextlib.suppress(TimeoutError):
            # A workflow can be done before a websocket is there to tell of it; without one it goes on all the same.
            await asyncio.wait_for(job.listening.wait(), _CONNECT_S)
        body = {"prompt": nodes, "client_id": job.client, "prompt_id": job.id}
        named = (await self._rest.ask("POST", "/prompt", json=body)).json().get("prompt_id")
        if not isinstance(named, str) or not named.replace("-", "").isalnum():
            raise BadReply(f"{self._who} took the workflow and named no job.")
        job.id = named

    async def _look(self, job: _Job) -> dict[str, Any] | None:
        """The job's record once it has ended, None while it has not; raises where it never will be."""
        with contextlib.suppress(TimeoutError):
            # A look every few seconds even so: a word can get lost on its way.
            await asyncio.wait_for(job.ended.wait(), min(_QUIET_S, self._deadline_s))
        record = await self._record(job)
        if record is None and job.id not in await self._queue("queue_running", "queue_pending"):
            # It can have ended between the two looks.
            record = await self._record(job)
            if record is None:
                raise BackendUnavailable(
                    f"{self._who} lost the job: it was deleted there, or ComfyUI was started anew."
                )
        return record

    async def _record(self, job: _Job) -> dict[str, Any] | None:
        answer = await self._rest.ask("GET", f"/history/{job.id}", repeatable=True, limit=_RECORD_LIMIT)
        record = answer.json().get(job.id)
        return record if isinstance(record, dict) else None

    async def _queue(self, *parts: str) -> set[object]:
        """The ids of the jobs in these parts of ComfyUI's queue."""
        queue = (await self._rest.ask("GET", "/queue", repeatable=True, limit=_RECORD_LIMIT)).json()
        items = [item for part in parts if isinstance(queue.get(part), list) for item in queue[part]]
        return {item[1] for item in items if isinstance(item, list) and len(item) > 1 and isinstance(item[1], str)}

    async def _take(self, record: dict[str, Any], asked: int, entry: ModelEntry) -> list[bytes]:
        node = entry.arguments.get("output")
        places = pictures_of(record, self._who, asked=asked, node=None if node is None else str(node))
        return [await self._view(place) for place in places]

    async def _view(self, place: dict[str, str]) -> bytes:
        # Not by `Rest.fetch`: it is the same machine, and a proxy before it wants its key.
        try:
            answer = await self._rest.ask("GET", "/view", repeatable=True, limit=PICTURE_LIMIT, params=place)
        except (ModelMissing, UnsupportedRequest):
            raise BadReply(f"{self._who} no longer has the picture that it made.") from None
        return answer.body

    async def _listen(self, job: _Job, hear: Callable[[int, int], None]) -> None:
        """Hear how far the job is, until it has ended or the websocket breaks; neither is anybody's to decide by."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None), trust_env=True)
        try:
            async with self._session.ws_connect(
                self._words_at,
                params={"clientId": job.client},
                headers=self._headers,
                heartbeat=_HEARTBEAT_S,
                max_msg_size=_WORD_LIMIT,
            ) as words:
                job.listening.set()
                async for word in words:
                    # Pictures of how it looks so far come as bytes; they are nobody's yet.
                    if word.type is aiohttp.WSMsgType.TEXT:
                        _heard(word.data, job, hear)
        except GenerationCancelled:
            pass  # whoever waits for the job sees that too, and takes it back
        except (aiohttp.ClientError, OSError) as error:
            log.debug("ComfyUI: nothing is heard of a job's progress (%s)", type(error).__name__)
        finally:
            job.listening.set()
            job.ended.set()

    async def _withdraw(self, job: _Job, submitting: asyncio.Task[None]) -> None:
        """Take back a job that waits, is drawn or is just being taken; if that fails, it is drawn for nobody."""
        try:
            async with asyncio.timeout(_WITHDRAW_S):
                await asyncio.wait({submitting}, timeout=_SETTLE_S)
                if not submitting.done():
                    submitting.cancel()
                elif not isinstance(submitting.exception(), TimedOut | BadReply | None):
                    return  # it was refused, or never reached ComfyUI
                await self._rest.ask("POST", "/queue", json={"delete": [job.id]})
                # Asked first: an old ComfyUI would interrupt whatever it draws, whoever's that is.
                if job.id in await self._queue("queue_running"):
                    await self._rest.ask("POST", "/interrupt", json={"prompt_id": job.id})
        except (GenerationError, TimeoutError) as error:
            log.debug("ComfyUI: a job could not be taken back (%s)", type(error).__name__)


class _Progress:
    """Steps of all jobs together. A job's count never goes back: its workflow can have several nodes that count."""

    def __init__(self, watch: Watch, jobs: int) -> None:
        """Nothing is done yet."""
        self._watch = watch
        self._parts = [Fraction(0)] * jobs
        self._steps = 0
        self._told = 0

    def tell(self, job: int, done: int, total: int) -> None:
        """Say that a node of this job has done so much; raises `GenerationCancelled` where nobody wants it any more."""
        self._steps = self._steps or total
        self._parts[job] = max(self._parts[job], Fraction(done, total))
        now = int(sum(self._parts) * self._steps)
        if now > self._told:
            self._told = now
            self._watch.step(now, self._steps * len(self._parts))


def _heard(text: str, job: _Job, hear: Callable[[int, int], None]) -> None:
    """One word from ComfyUI; what is none, or about another job, is let pass."""
    try:
        word = json.loads(text)
    except (ValueError, RecursionError):
        return
    data = word.get("data") if isinstance(word, dict) else None
    if not isinstance(data, dict) or data.get("prompt_id") != job.id:
        return
    if word.get("type") in _ENDS or (word.get("type") == "executing" and data.get("node") is None):
        job.ended.set()
    done, total = data.get("value"), data.get("max")
    if word.get("type") == "progress" and type(done) is int and type(total) is int and 0 < done <= total:
        hear(done, total)


async def _workflow(entry: ModelEntry) -> Workflow:
    named = entry.arguments.get("workflow")
    if not named:
        raise ModelMissing(f"The catalogue entry “{entry.id}” names no workflow file for ComfyUI (arguments.workflow).")
    return await asyncio.to_thread(read_workflow, Path(str(named)))
