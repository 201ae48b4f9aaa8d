"""Pictures from the AI Horde, where volunteers' machines draw for each other.

Owns what is asked, following a job until a volunteer has drawn it, taking it back when nobody wants it any more, and
how the Horde's refusals are told apart. Prompts go to volunteers, who can read them: an entry must say so
(`prompt_goes_to`). Nothing of the member who asked is sent.

The protocol is as of the AI Horde's own sources (github.com/Haidra-Org/AI-Horde, read on 27 November 2026):
README_return_codes.md, horde/apis/exceptions.py, horde/apis/models/v2.py. From memory, not checked: the `censorship`
remark on a picture, two submissions a second at most, and that `###` in a prompt begins what the picture shall not
show. Every error has a code, `rc`, and some outages come with status 400.

Kudos are the Horde's favours, not money: the cost is 0. Without a key the anonymous one serves, which means the
lowest priority, no large pictures, and that the Horde shares the pictures for research.

Pictures are asked for one job each: a volunteer's machine that draws several of one job at once does not keep their
seeds apart (from memory, not checked). Jobs that are not done are taken back (DELETE) on every way out.

Arguments of a catalogue entry: `model` (the Horde's name of it, “AlbedoBase XL (SDXL)”), `nsfw` (false unless said),
`trusted_workers`, `slow_workers`, and `sampler_name`, `karras`, `clip_skip`, `hires_fix`, `tiling`.
"""

import asyncio
import logging
import math
from dataclasses import dataclass
from typing import Any

import aiohttp

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.remote import Patience, asked_model, decoded, picture, several, unless_cancelled
from generation.backends.rest import Answer, Rest
from generation.catalogue import ModelEntry
from generation.errors import (
    AccountProblem,
    BackendUnavailable,
    BadReply,
    ContentRefused,
    GenerationError,
)
from generation.request import JobOrder
from generation.result import MadeBy

log = logging.getLogger(__name__)

ANONYMOUS = "0000000000"
"""The key of everybody who has none."""

_WHO = "AI Horde"
_KEY = "AI_HORDE_API_KEY"
_PATIENCE = Patience()
_PASSED = ("trusted_workers", "slow_workers")
_PASSED_PARAMS = ("sampler_name", "karras", "clip_skip", "hires_fix", "tiling")
_GRID = 64
_LEAST, _LARGEST = 64, 3072
_WITHDRAW_S = 5.0
_KUDOS_LIMIT = 1e9

# By the Horde's return code; whatever else it says is told well enough by the status.
_PROBLEMS: dict[str, tuple[type[GenerationError], str]] = {
    "CorruptPrompt": (ContentRefused, "declined the prompt"),
    "TimeoutIP": (AccountProblem, "has shut this machine's address out for a while, for prompts that it declined"),
    "KudosUpfront": (AccountProblem, "wants more kudos than the account has for this size and these steps"),
    "SharedKeyEmpty": (AccountProblem, "says the shared key has no kudos left"),
    "SharedKeyInsufficientKudos": (AccountProblem, "says the shared key has too few kudos for this"),
    "SharedKeyExpired": (AccountProblem, "says the shared key has expired"),
    "NoValidWorkers": (BackendUnavailable, "has nobody at work who can draw this"),
    "MaintenanceMode": (BackendUnavailable, "is being maintained"),
    "RequestNotFound": (BackendUnavailable, "lost the job"),
    "RequestExpired": (BackendUnavailable, "let the job expire before anybody drew it"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What one job came to: `image` None where the volunteer's machine withheld it; `kudos` that it used up."""

    job: str
    image: EncodedImage | None
    kudos: float


class HordeBackend:
    """One account at the AI Horde, or the anonymous one where `api_key` is None.

    `timeout_s` bounds one exchange, `deadline_s` the wait until all pictures are drawn, `poll_s` is the first pause
    between two looks; all in seconds. `client_agent` tells the Horde who to turn to, as name:version:contact.
    """

    name = "horde"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str = "https://aihorde.net",
        client_agent: str = "tessera:0.1:unknown",
        timeout_s: float = 30.0,
        deadline_s: float = 600.0,
        poll_s: float = 1.5,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Connect to nothing yet."""
        self._deadline_s = deadline_s
        self._poll_s = poll_s
        self._rest = Rest(
            _WHO,
            base_url,
            key_name=_KEY,
            headers={"apikey": api_key or ANONYMOUS, "Client-Agent": client_agent},
            timeout_s=timeout_s,
            patience=patience,
            understand=_understand,
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        question = _question(entry, order)
        watch.check()
        watch.stage("drawing")
        drawn = await unless_cancelled(self._draw(question, order.params.seeds, watch), watch)
        images = tuple(one.image for one in drawn if one.image is not None)
        if not images:
            raise ContentRefused(f"{_WHO} withheld every picture.")
        return Generated(
            images=images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=str(entry.arguments["model"]),
                versions=(("aiohttp", aiohttp.__version__),),
                provider_request_id=", ".join(one.job for one in drawn),
                cost=0,
                usage=(("kudos", math.ceil(sum(one.kudos for one in drawn))),),
            ),
            notes=_notes(entry, order, question["params"], len(images)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.aclose()

    async def _draw(self, question: dict[str, Any], seeds: tuple[int, ...], watch: Watch) -> list[_Drawn]:
        """One job for each seed, submitted in turn (the Horde takes two a second) and followed together."""
        waiting: list[str] = []

        async def follow(job: str) -> _Drawn:
            await self._rest.poll(lambda: self._look(job), every_s=self._poll_s, deadline_s=self._deadline_s)
            waiting.remove(job)
            watch.step(len(seeds) - len(waiting), len(seeds))
            return await self._take(job)

        try:
            for seed in seeds:
                # One after the other into the list: those before a refusal must be known, to be taken back.
                waiting.append(await self._submit(question, seed))  # noqa: PERF401
            jobs = tuple(waiting)
            return await several(lambda number: follow(jobs[number]), len(jobs), at_once=len(jobs))
        finally:
            # Shielded, so that whoever loses patience while we leave does not leave volunteers drawing for nobody.
            if waiting:
                await asyncio.shield(asyncio.gather(*(self._withdraw(job) for job in waiting)))

    async def _submit(self, question: dict[str, Any], seed: int) -> str:
        body = question | {"params": question["params"] | {"seed": str(seed)}}
        job = (await self._rest.ask("POST", "/api/v2/generate/async", json=body)).json().get("id")
        if not isinstance(job, str) or not job.replace("-", "").isalnum():
            raise BadReply(f"{_WHO} took the request and named no job.")
        return job

    async def _look(self, job: str) -> bool | None:
        """True when the job is done, None while it is not; raises where it never will be."""
        state = (await self._rest.ask("GET", f"/api/v2/generate/check/{job}", repeatable=True)).json()
        if state.get("faulted") is True:
            raise BackendUnavailable(f"{_WHO}'s volunteers tried this job and failed.")
        if state.get("done") is True:
            return True
        if state.get("is_possible") is False and not state.get("processing"):
            raise BackendUnavailable(f"{_WHO} has nobody at work who can draw this.")
        return None

    async def _take(self, job: str) -> _Drawn:
        """The picture of a job that is done."""
        status = (await self._rest.ask("GET", f"/api/v2/generate/status/{job}", repeatable=True)).json()
        made = status.get("generations")
        if not isinstance(made, list) or len(made) != 1 or not isinstance(made[0], dict):
            raise BadReply(f"{_WHO}'s answer does not hold the one picture that was asked for.")
        kudos = _kudos(status.get("kudos"))
        if _censored(made[0]):
            return _Drawn(job=job, image=None, kudos=kudos)
        data = await self._bytes(made[0].get("img"))
        return _Drawn(job=job, image=picture(data, _WHO, _seed(made[0].get("seed"))), kudos=kudos)

    async def _bytes(self, image: object) -> bytes:
        """The picture behind the Horde's link, or inside its answer: some volunteers' machines upload nothing."""
        if isinstance(image, str) and image.startswith(("https://", "http://")):
            return await self._rest.fetch(image)
        return decoded(image, _WHO)

    async def _withdraw(self, job: str) -> None:
        """Take back what nobody has drawn yet; if that fails, the job expires by itself."""
        try:
            async with asyncio.timeout(_WITHDRAW_S):
                await self._rest.ask("DELETE", f"/api/v2/generate/status/{job}")
        except (GenerationError, TimeoutError) as error:
            log.debug("AI Horde: a job could not be taken back (%s)", type(error).__name__)


def _question(entry: ModelEntry, order: JobOrder) -> dict[str, Any]:
    """The body but for the seed. `replacement_filter` is off: a prompt is declined or drawn, never quietly changed."""
    params: dict[str, Any] = {
        "n": 1,
        "width": _on_grid(order.params.width),
        "height": _on_grid(order.params.height),
        **{name: entry.arguments[name] for name in _PASSED_PARAMS if name in entry.arguments},
    }
    if order.params.num_inference_steps is not None:
        params["steps"] = order.params.num_inference_steps
    if order.params.guidance_scale is not None:
        # More than two decimals are declined.
        params["cfg_scale"] = round(order.params.guidance_scale, 2)
    nsfw = entry.arguments.get("nsfw", False) is True
    return {
        "prompt": order.prompt,
        "models": [asked_model(entry)],
        "nsfw": nsfw,
        "censor_nsfw": not nsfw,
        "replacement_filter": False,
        "shared": False,
        "r2": True,
        "params": params,
        **{name: entry.arguments[name] for name in _PASSED if name in entry.arguments},
    }


def _on_grid(pixels: int) -> int:
    return min(max(round(pixels / _GRID) * _GRID, _LEAST), _LARGEST)


def _censored(made: dict[str, Any]) -> bool:
    """Whether what came is a stand-in for a picture that was withheld."""
    remarks = made.get("gen_metadata")
    remarks = remarks if isinstance(remarks, list) else []
    return bool(
        made.get("censored") is True
        or made.get("state") in {"censored", "csam"}
        or any(isinstance(remark, dict) and remark.get("type") == "censorship" for remark in remarks)
    )


def _seed(reported: object) -> int | None:
    """The seed the volunteer's machine says it used: digits in a string."""
    text = str(reported) if isinstance(reported, (str, int)) and not isinstance(reported, bool) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _kudos(reported: object) -> float:
    """What the job used up; nothing where the answer says nothing that could be true (NaN is below no number)."""
    return float(reported) if isinstance(reported, (int, float)) and 0 <= reported < _KUDOS_LIMIT else 0.0


def _understand(answer: Answer) -> GenerationError | None:
    """By the Horde's return code, since two of its outages come with status 400."""
    code = (answer.content() or {}).get("rc")
    if not isinstance(code, str) or code not in _PROBLEMS:
        return None
    kind, what = _PROBLEMS[code]
    return kind(f"{_WHO} {what}.")


def _notes(entry: ModelEntry, order: JobOrder, params: dict[str, Any], made: int) -> tuple[str, ...]:
    asked, notes = order.params, []
    if (params["width"], params["height"]) != (asked.width, asked.height):
        notes.append(
            f"{entry.title} draws in steps of {_GRID} pixels: "
            f"{params['width']}x{params['height']} instead of {asked.width}x{asked.height}."
        )
    if made < asked.num_images:
        notes.append(f"{entry.title} withheld {asked.num_images - made} of {asked.num_images} pictures.")
    return tuple(notes)
