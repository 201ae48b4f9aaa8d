"""Pictures from Black Forest Labs (FLUX), by its REST interface.

Owns what is asked, following a job until it is drawn, and how its ends are told apart. It must not know who asked: BFL
has no field for a member, so nothing of one is sent.

The protocol is as of docs.bfl.ai, read in copies on 27 November 2026: the pages of the models under
api-reference/models (fields, `cost`), api-reference/utility/get-result, api_integration/errors (states, statuses) and
api_integration/integration_guidelines (the address to look at is BFL's to name; links live for 10 minutes); and of
github.com/black-forest-labs/skills (sides in steps of 16 pixels, 24 jobs at once for an account, 1 credit is $0.01).
The state `Failed` is as other clients know it. From memory, not checked: that a job BFL fails at is not charged. There
is no call that cancels: leaving ends the looking, and BFL may finish and charge what it has begun.

One job makes one picture, so each has its own seed and any of them can be asked for again alone.

Arguments of a catalogue entry: `model` (the last part of the address, `flux-2-pro`), `takes_steps` (true for models
that take `steps` and `guidance`, as `flux-2-flex`), `safety_tolerance` (0 strict to 5), `output_format` (`jpeg`, which
is BFL's own choice, or `png`), `prompt_upsampling` (false keeps the prompt that was checked the one that is drawn;
only for models that know the field, as `flux-2-flex`, which rewrites prompts unless told not to).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.remote import (
    Patience,
    asked_model,
    key_missing,
    no_steps_no_guidance,
    picture,
    several,
    unless_cancelled,
)
from generation.backends.rest import Answer, Rest
from generation.catalogue import ModelEntry
from generation.errors import BackendUnavailable, BadReply, ContentRefused, GenerationError
from generation.prices import cost_of, megapixels
from generation.request import JobOrder
from generation.result import MadeBy

_WHO = "Black Forest Labs"
_KEY = "BFL_API_KEY"
_PATIENCE = Patience()
_PASSED = ("safety_tolerance", "output_format", "prompt_upsampling")
# An account may have 24 jobs under way; others of the community want some of them.
_AT_ONCE = 4
_GRID, _LEAST = 16, 64
_CREDIT = 10_000  # millionths of a dollar
_CREDIT_LIMIT = 1e6

_READY, _WITHHELD = "Ready", "Content Moderated"
_ENDS: Mapping[str, tuple[type[GenerationError], str]] = {
    "Request Moderated": (ContentRefused, "declined the prompt"),
    "Task not found": (BadReply, "does not know the job any more; it may have been charged"),
    "Error": (BackendUnavailable, "took the job and failed at it"),
    "Failed": (BackendUnavailable, "took the job and failed at it"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What one job came to: `image` None where BFL withheld it, `credits_` None where it told no cost."""

    job: str
    image: EncodedImage | None
    credits_: float | None


class BflBackend:
    """One account at Black Forest Labs.

    `timeout_s` bounds one exchange, `deadline_s` the wait until a picture is drawn, `poll_s` is the first pause
    between two looks; all in seconds.
    """

    name = "bfl"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str = "https://api.bfl.ai",
        timeout_s: float = 30.0,
        deadline_s: float = 300.0,
        poll_s: float = 0.5,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._key_known = bool(api_key)
        self._deadline_s = deadline_s
        self._poll_s = poll_s
        self._rest = Rest(
            _WHO,
            base_url,
            key_name=_KEY,
            headers={"x-key": api_key or ""},
            timeout_s=timeout_s,
            patience=patience,
            understand=_understand,
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if not self._key_known:
            raise key_missing(entry.title, _KEY)
        model, body = asked_model(entry), _question(entry, order)
        watch.check()
        watch.stage("drawing")
        drawn = await unless_cancelled(self._draw(f"/v1/{model}", body, order.params.seeds, watch), watch)
        images = tuple(one.image for one in drawn if one.image is not None)
        if not images:
            raise ContentRefused(f"{_WHO} drew the picture and withheld it; it may have been charged.")
        usage = megapixels(body["width"], body["height"], len(drawn))
        cost = _cost(one.credits_ for one in drawn)
        return Generated(
            images=images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=model,
                versions=(("aiohttp", aiohttp.__version__),),
                provider_request_id=", ".join(one.job for one in drawn),
                cost=cost_of(usage, entry.prices) if cost is None else cost,
                usage=tuple(sorted(usage.items())),
            ),
            notes=_notes(entry, order, body, len(images)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.aclose()

    async def _draw(self, path: str, body: dict[str, Any], seeds: tuple[int, ...], watch: Watch) -> list[_Drawn]:
        """One job for each seed; the first that fails ends the others."""
        done = 0

        async def one(number: int) -> _Drawn:
            nonlocal done
            made = await self._one(path, body, seeds[number])
            done += 1
            watch.step(done, len(seeds))
            return made

        return await several(one, len(seeds), at_once=_AT_ONCE)

    async def _one(self, path: str, body: dict[str, Any], seed: int) -> _Drawn:
        accepted = (await self._rest.ask("POST", path, json=body | {"seed": seed})).json()
        job, address = accepted.get("id"), accepted.get("polling_url")
        if not isinstance(job, str) or not isinstance(address, str) or not address.startswith(("https://", "http://")):
            raise BadReply(f"{_WHO} took the request and named no job; it may have been charged.")
        ended = await self._rest.poll(lambda: self._look(address), every_s=self._poll_s, deadline_s=self._deadline_s)
        credits_ = _credits(ended.get("cost")) or _credits(accepted.get("cost"))
        if ended["status"] == _WITHHELD:
            return _Drawn(job=job, image=None, credits_=credits_)
        result = ended.get("result")
        result = result if isinstance(result, dict) else {}
        data = await self._rest.fetch(str(result.get("sample") or ""))
        reported = result.get("seed")
        image = picture(data, _WHO, reported if type(reported) is int else seed)
        return _Drawn(job=job, image=image, credits_=credits_)

    async def _look(self, address: str) -> dict[str, Any] | None:
        """The job once it is drawn, None while it is not; raises where it never will be."""
        try:
            state = (await self._rest.ask("GET", address, repeatable=True)).json()
        except BackendUnavailable:
            # The job is taken and will be charged: left now, it would be paid and asked for again.
            return None
        status = state.get("status")
        if not isinstance(status, str):
            raise BadReply(f"{_WHO} does not say how the job stands.")
        if (problem := _ended(status)) is not None:
            raise problem
        return state if status in {_READY, _WITHHELD} else None


def _question(entry: ModelEntry, order: JobOrder) -> dict[str, Any]:
    """The body but for the seed."""
    asked = order.params
    body: dict[str, Any] = {
        "prompt": order.prompt,
        "width": _on_grid(asked.width),
        "height": _on_grid(asked.height),
        **{name: entry.arguments[name] for name in _PASSED if name in entry.arguments},
    }
    if _takes_steps(entry) and asked.num_inference_steps is not None:
        body["steps"] = asked.num_inference_steps
    if _takes_steps(entry) and asked.guidance_scale is not None:
        body["guidance"] = asked.guidance_scale
    return body


def _takes_steps(entry: ModelEntry) -> bool:
    return entry.arguments.get("takes_steps") is True


def _on_grid(pixels: int) -> int:
    return max(round(pixels / _GRID) * _GRID, _LEAST)


def _credits(told: object) -> float | None:
    """What BFL says a job costs, in credits; None for what cannot be true: nothing, too much, no number (NaN)."""
    if isinstance(told, (int, float)) and not isinstance(told, bool) and 0 < told < _CREDIT_LIMIT:
        return float(told)
    return None


def _cost(told: Iterable[float | None]) -> int | None:
    """Millionths of a dollar, rounded up; None where the cost of any job is not told."""
    total = 0.0
    for credits_ in told:
        if credits_ is None:
            return None
        total += credits_
    # The inner rounding keeps 1.4 credits from becoming 14001 by their binary fraction.
    return math.ceil(round(total * _CREDIT, 3))


def _ended(word: object) -> GenerationError | None:
    """What the word for a job's end means; None where it is no bad end."""
    if not isinstance(word, str) or word not in _ENDS:
        return None
    kind, what = _ENDS[word]
    return kind(f"{_WHO} {what}.")


def _understand(answer: Answer) -> GenerationError | None:
    """BFL's words for a job's end can come with an error's status too."""
    content = answer.content() or {}
    return _ended(content.get("status")) or _ended(content.get("detail"))


def _notes(entry: ModelEntry, order: JobOrder, body: dict[str, Any], made: int) -> tuple[str, ...]:
    asked = order.params
    notes = [] if _takes_steps(entry) else no_steps_no_guidance(entry, order)
    if (body["width"], body["height"]) != (asked.width, asked.height):
        notes.append(
            f"{entry.title} draws in steps of {_GRID} pixels: "
            f"{body['width']}x{body['height']} instead of {asked.width}x{asked.height}."
        )
    if made < asked.num_images:
        notes.append(f"{entry.title} withheld {asked.num_images - made} of {asked.num_images} pictures.")
    return tuple(notes)
