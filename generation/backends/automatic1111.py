"""Pictures from an AUTOMATIC1111 web UI of the community's own, or from a Forge, which speaks the same.

Owns what is asked, following it while it is drawn, and stopping it when nobody wants it any more; what comes back is
`automatic1111_reply`'s to read. Nothing is charged, and nothing of the member who asked is sent.

The protocol is as of AUTOMATIC1111's sources with schedulers (1.9 or later): most of modules/api/api.py, and pieces of
modules/processing.py, sd_models.py and progress.py, all read as stored copies in November 2026
(github.com/AUTOMATIC1111/stable-diffusion-webui); of Forge there is what its threads say
(lllyasviel/stable-diffusion-webui-forge #1610, #1940, #2027). From memory, not checked: that a stop is remembered until
the next job begins, the name of the error for a picture of no numbers, Forge's `distilled_cfg_scale`.

What the sources show, and what is done about it: an unknown checkpoint is passed over in silence and the loaded one
draws, so the list is looked at before and the name of what drew after it. `/sdapi/v1/progress` never says whose
picture is drawn, and `/sdapi/v1/interrupt` stops whatever is: so the task gets a name, by which the page's own
`/internal/progress` knows it, and orders go one at a time. Where the page is switched off (`--nowebui`) that is all
there is: a stop then stops what is being drawn, whoever's that is. Leaving stops nothing; it must be told.

Arguments of a catalogue entry: `checkpoint` (its title, name or hash), and `sampler`, `scheduler`, `negative_prompt`,
`clip_skip`, `vae`, `distilled_cfg_scale`, `batch` (how many pictures are drawn together; 1 unless said).
"""

import asyncio
import base64
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from generation.backends.automatic1111_reply import (
    check_checkpoint,
    done_of,
    fraction,
    names_of,
    read_answer,
    understand,
)
from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.remote import MIB, PICTURE_LIMIT, Patience, unless_cancelled
from generation.backends.rest import Answer, Rest
from generation.catalogue import ModelEntry
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
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
_KEY = "AUTOMATIC1111_AUTH"
_GRID = 8
_STOP_S, _STOP_LOOK_S = 5.0, 0.2
_PASSED = {
    "sampler": "sampler_name",
    "scheduler": "scheduler",
    "negative_prompt": "negative_prompt",
    "distilled_cfg_scale": "distilled_cfg_scale",
}
_PASSED_SETTINGS = {"clip_skip": "CLIP_stop_at_last_layers", "vae": "sd_vae"}


@dataclass(frozen=True, slots=True)
class _Standing:
    """How our task stands: whether it is the one being drawn, and how much of it is done, 0 to 1."""

    drawn: bool
    done: float


class Automatic1111Backend:
    """One web UI that was started with `--api`. `auth` is the “user:password” of its `--api-auth`.

    `timeout_s` bounds one exchange, `deadline_s` the wait for the pictures, `poll_s` is the pause between two looks
    at how far they are; all in seconds.
    """

    name = "automatic1111"

    def __init__(
        self,
        *,
        auth: str | None = None,
        base_url: str = "http://127.0.0.1:7860",
        timeout_s: float = 30.0,
        deadline_s: float = 600.0,
        poll_s: float = 0.5,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Connect to nothing yet."""
        # A password in the address is nobody's to read in a sentence.
        self._who = f"AUTOMATIC1111 at {(base_url.partition('//')[2] or base_url).rpartition('@')[2].rstrip('/')}"
        headers = {"Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"} if auth else {}
        self._poll_s = poll_s
        known: dict[str, Any] = {"key_name": _KEY, "headers": headers, "understand": understand}
        # The pictures come with the answer to the question for them, which therefore takes as long as they do.
        self._drawing = Rest(self._who, base_url, timeout_s=deadline_s, patience=patience, **known)
        self._asking = Rest(self._who, base_url, timeout_s=min(timeout_s, deadline_s), patience=patience, **known)
        self._turn = asyncio.Lock()
        self._page = True

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if not entry.arguments.get("checkpoint"):
            raise ModelMissing(f"The catalogue entry “{entry.id}” names no checkpoint (arguments.checkpoint).")
        watch.check()
        watch.stage("drawing")
        checkpoint, answer = await unless_cancelled(self._draw(entry, order, watch), watch)
        images, info = read_answer(answer, order.params.num_images)
        check_checkpoint(self._who, checkpoint, info)
        usage = {"image": len(images)}
        return Generated(
            images=images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=str(checkpoint["title"]),
                versions=(("aiohttp", aiohttp.__version__),),
                cost=cost_of(usage, entry.prices),
                usage=tuple(usage.items()),
            ),
            notes=_notes(entry, order, images),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._drawing.aclose()
        await self._asking.aclose()

    async def _draw(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> tuple[Mapping[str, Any], Answer]:
        checkpoint = await self._checkpoint(str(entry.arguments["checkpoint"]))
        task = f"task(tessera-{uuid.uuid4().hex})"
        question = _question(entry, order, str(checkpoint["title"]), task)
        async with self._turn:
            return checkpoint, await self._follow(question, task, _Progress(watch, order))

    async def _checkpoint(self, wanted: str) -> Mapping[str, Any]:
        """The checkpoint of this title, name, file name or hash; raises `ModelMissing` where there is none."""
        answer = await self._asking.ask("GET", "/sdapi/v1/sd-models", repeatable=True)
        try:
            listed = json.loads(answer.body)
        except (ValueError, RecursionError):
            listed = None
        if not isinstance(listed, list):
            raise BadReply(f"{self._who} answers with no list of checkpoints.")
        for one in listed:
            if isinstance(one, dict) and isinstance(one.get("title"), str) and wanted in names_of(one):
                return one
        raise ModelMissing(f"{self._who} has no checkpoint “{wanted}” (arguments.checkpoint).")

    async def _follow(self, question: dict[str, Any], task: str, progress: "_Progress") -> Answer:
        """Ask, and look how far it is until the answer is there; it is stopped on every way out but that one."""
        limit = 2 * MIB + question["batch_size"] * question["n_iter"] * PICTURE_LIMIT * 4 // 3
        asking = asyncio.ensure_future(self._drawing.ask("POST", "/sdapi/v1/txt2img", json=question, limit=limit))
        try:
            while not (await asyncio.wait({asking}, timeout=self._poll_s))[0]:
                standing = await self._standing(task)
                if standing is not None and standing.drawn:
                    progress.tell(standing.done)
            answer = asking.result()
        finally:
            # One that timed out is drawn on as much as one that nobody wants any more.
            if not asking.done() or isinstance(asking.exception(), TimedOut):
                await asyncio.shield(self._stop(asking, task))
        await self._check_finished()
        return answer

    async def _standing(self, task: str) -> _Standing | None:
        """How the task stands; None where nothing can be learnt of it just now, which harms nothing."""
        try:
            if self._page:
                body = {"id_task": task, "live_preview": False}
                told = (await self._asking.ask("POST", "/internal/progress", json=body)).json()
                return _Standing(told.get("active") is True, fraction(told.get("progress")))
        except (ModelMissing, UnsupportedRequest, AccountProblem, BadReply):
            self._page = False
        except GenerationError as error:
            log.debug("AUTOMATIC1111: nothing is heard of a job's progress (%s)", type(error).__name__)
            return None
        state = await self._state()
        return _Standing(state.get("job_count", 0) != 0, done_of(state)) if state else None

    async def _state(self) -> Mapping[str, Any]:
        """What the program says it is doing, whoever it is for; empty where it does not say."""
        params = {"skip_current_image": "true"}
        try:
            state = (await self._asking.ask("GET", "/sdapi/v1/progress", params=params)).json().get("state")
        except GenerationError as error:
            log.debug("AUTOMATIC1111: nothing is heard of what it does (%s)", type(error).__name__)
            return {}
        return state if isinstance(state, dict) else {}

    async def _check_finished(self) -> None:
        """A job that was stopped answers with what there is by then, as if all were well; only this tells."""
        if (await self._state()).get("interrupted") is True:
            raise BackendUnavailable(f"{self._who} was told by somebody else to stop before the pictures were done.")

    async def _stop(self, asking: asyncio.Task[Answer], task: str) -> None:
        """Stop the task as soon as it is its turn: while it waits there, nothing can take it back."""
        try:
            async with asyncio.timeout(_STOP_S):
                await self._interrupt(task)
                while not (await asyncio.wait({asking}, timeout=_STOP_LOOK_S))[0]:
                    await self._interrupt(task)
        except (GenerationError, TimeoutError) as error:
            log.debug("AUTOMATIC1111: a job could not be stopped (%s)", type(error).__name__)
        finally:
            asking.cancel()
            await asyncio.wait({asking})

    async def _interrupt(self, task: str) -> None:
        standing = await self._standing(task)
        if standing is not None and standing.drawn:
            await self._asking.ask("POST", "/sdapi/v1/interrupt")


class _Progress:
    """Steps of all pictures together, or hundredths where the order names no steps. The count never goes back."""

    def __init__(self, watch: Watch, order: JobOrder) -> None:
        """Nothing is done yet."""
        self._watch = watch
        self._total = (order.params.num_inference_steps or 100) * order.params.num_images
        self._told = 0

    def tell(self, done: float) -> None:
        """Say how much is done, 0 to 1; raises `GenerationCancelled` where nobody wants it any more."""
        # Rounded first: a third of thirty is ten, and not a hair less.
        now = int(round(done * self._total, 3))
        if now > self._told:
            self._told = now
            self._watch.step(now, self._total)


def _question(entry: ModelEntry, order: JobOrder, checkpoint: str, task: str) -> dict[str, Any]:
    asked, arguments = order.params, entry.arguments
    together = _together(arguments.get("batch"), asked.num_images)
    question: dict[str, Any] = {
        "prompt": order.prompt,
        # Picture number i gets the seed plus i, drawn together or not.
        "seed": asked.seed,
        "width": _on_grid(asked.width),
        "height": _on_grid(asked.height),
        "batch_size": together,
        "n_iter": asked.num_images // together,
        "send_images": True,
        "save_images": False,
        # With one, a sheet of all pictures would come in front of them.
        "do_not_save_grid": True,
        "override_settings": {
            "sd_model_checkpoint": checkpoint,
            **{theirs: arguments[ours] for ours, theirs in _PASSED_SETTINGS.items() if ours in arguments},
        },
        "force_task_id": task,
        **{theirs: arguments[ours] for ours, theirs in _PASSED.items() if ours in arguments},
    }
    if asked.num_inference_steps is not None:
        question["steps"] = asked.num_inference_steps
    if asked.guidance_scale is not None:
        question["cfg_scale"] = asked.guidance_scale
    return question


def _together(batch: object, count: int) -> int:
    """How many pictures to draw at once: what the entry says, or less where the count cannot be divided so."""
    most = batch if type(batch) is int and batch > 0 else 1
    return next(size for size in range(min(most, count), 0, -1) if count % size == 0)


def _on_grid(pixels: int) -> int:
    return max(_GRID, round(pixels / _GRID) * _GRID)


def _notes(entry: ModelEntry, order: JobOrder, images: tuple[EncodedImage, ...]) -> tuple[str, ...]:
    asked, notes = order.params, []
    width, height = _on_grid(asked.width), _on_grid(asked.height)
    if (width, height) != (asked.width, asked.height):
        notes.append(
            f"{entry.title} draws in steps of {_GRID} pixels: {width}x{height} instead of {asked.width}x{asked.height}."
        )
    if any(image.seed is None for image in images):
        notes.append(f"{entry.title} did not say which seeds it took.")
    if len(images) < asked.num_images:
        notes.append(f"{entry.title} made {len(images)} of {asked.num_images} pictures.")
    return tuple(notes)
