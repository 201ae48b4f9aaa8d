"""Pictures from Ideogram, by its REST interface of version 2.

Owns what is asked, how Ideogram's refusals are told apart, and what it costs. It must not know who asked: Ideogram
has no field for a member, so nothing of one is sent.

The protocol is as of developer.ideogram.ai/api-reference/images/generate/ideogram-4-5.md (a copy of 2 October 2026),
developer.ideogram.ai/ideogram-api/errors (read on 27 November 2026) and, for the older models' fields, Ideogram's
OpenAPI document of 7 October 2026 as github.com/qmediat/ideogram-mcp lists it. A prompt that fails the safety check
is status 422 and free; a picture withheld after drawing is `is_image_safe: false` without a link, and is paid. Links
expire. There is no call that cancels: leaving closes the connection, and Ideogram may finish and charge what it has
begun.

Pictures are asked for one by one, each with its own seed: what seeds the pictures of one request get is not
documented, and so any of them can be asked for again alone.

Arguments of a catalogue entry: `model` (the last part of the address, `ideogram-4-5`), `size_field` (the field that
takes WIDTHxHEIGHT: `size`, the default, for 4.5; `resolution` for 4 and 3), `quality` (4.5) or `rendering_speed` (4
and 3), `magic_prompt` (`off` unless said, so that the prompt that was checked is the one that is drawn),
`style_type`, `negative_prompt`, `enable_copyright_detection`. An entry's sizes must be among the model's own.
"""

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
from generation.errors import AccountProblem, BadReply, ContentRefused, GenerationError
from generation.prices import cost_of
from generation.request import JobOrder
from generation.result import MadeBy

_WHO = "Ideogram"
_KEY = "IDEOGRAM_API_KEY"
_PATIENCE = Patience()
_PASSED = ("quality", "rendering_speed", "magic_prompt", "style_type", "negative_prompt", "enable_copyright_detection")
# Ideogram lets an account have 10 requests on their way; others of the community want some of them.
_AT_ONCE = 4
# Its seeds have 31 bits, ours 32; what a picture is made with is what it is noted with.
_SEEDS = 2**31

_UNSAFE_PROMPT = 422
# The community's account, not the request. `inflight_limit` is missing: that one passes by itself.
_ACCOUNT = {
    "insufficient_funds": "Ideogram says the account has no credit left.",
    "subscription_required": "Ideogram wants a subscription before it serves this model.",
    "daily_limit": "Ideogram says the account's limit for the day is reached.",
    "priority_credit_required": "Ideogram says the account lacks the kind of credit this request needs.",
    "feature_limit": "Ideogram says the account's plan does not include this.",
}


class IdeogramBackend:
    """One account at Ideogram. `timeout_s` bounds the wait for one picture; Ideogram draws it in that time or not."""

    name = "ideogram"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str = "https://api.ideogram.ai",
        timeout_s: float = 180.0,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._key_known = bool(api_key)
        self._rest = Rest(
            _WHO,
            base_url,
            key_name=_KEY,
            headers={"Api-Key": api_key or ""},
            timeout_s=timeout_s,
            patience=patience,
            understand=_understand,
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if not self._key_known:
            raise key_missing(entry.title, _KEY)
        model, body = _question(entry, order)
        watch.check()
        watch.stage("drawing")
        seeds = tuple(seed % _SEEDS for seed in order.params.seeds)
        drawn, request_ids = await unless_cancelled(
            self._draw(f"/v2/image/generate/{model}", body, seeds, watch), watch
        )
        if not drawn:
            raise ContentRefused(f"{_WHO} drew the picture and withheld it; it was charged.")
        # Withheld pictures are charged like the others.
        usage = {"image": len(seeds)}
        return Generated(
            images=drawn,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=model,
                versions=(("aiohttp", aiohttp.__version__),),
                provider_request_id=", ".join(request_ids) or None,
                cost=cost_of(usage, entry.prices),
                usage=tuple(usage.items()),
            ),
            notes=_notes(entry, order, len(drawn)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.aclose()

    async def _draw(
        self, path: str, body: dict[str, Any], seeds: tuple[int, ...], watch: Watch
    ) -> tuple[tuple[EncodedImage, ...], tuple[str, ...]]:
        """The pictures that were not withheld, and the request ids; the first that fails ends the others."""
        done = 0

        async def one(seed: int) -> tuple[EncodedImage | None, str]:
            nonlocal done
            made = await self._one(path, body | {"seed": seed}, seed)
            done += 1
            watch.step(done, len(seeds))
            return made

        results = await several(lambda number: one(seeds[number]), len(seeds), at_once=_AT_ONCE)
        return tuple(image for image, _ in results if image), tuple(
            request_id for _, request_id in results if request_id
        )

    async def _one(self, path: str, body: dict[str, Any], seed: int) -> tuple[EncodedImage | None, str]:
        content = (await self._rest.ask("POST", path, json=body)).json()
        data = content.get("data")
        if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
            raise BadReply(f"{_WHO}'s answer does not hold the one picture that was asked for.")
        request_id = content.get("generation_id")
        request_id = request_id if isinstance(request_id, str) else ""
        if data[0].get("is_image_safe") is False:
            return None, request_id
        reported = data[0].get("seed")
        bytes_ = await self._rest.fetch(str(data[0].get("url") or ""))
        return picture(bytes_, _WHO, reported if type(reported) is int else seed), request_id


def _question(entry: ModelEntry, order: JobOrder) -> tuple[str, dict[str, Any]]:
    """The model's name in the address, and the body but for the seed."""
    return asked_model(entry), {
        "prompt": order.prompt,
        "num_images": 1,
        "magic_prompt": "off",
        str(entry.arguments.get("size_field", "size")): f"{order.params.width}x{order.params.height}",
        **{name: entry.arguments[name] for name in _PASSED if name in entry.arguments},
    }


def _understand(answer: Answer) -> GenerationError | None:
    """Ideogram's own words for a refusal and for what is wrong with the account."""
    if answer.status == _UNSAFE_PROMPT:
        return ContentRefused(f"{_WHO} declined the prompt.")
    reason = (answer.content() or {}).get("reject_reason")
    if isinstance(reason, str) and reason in _ACCOUNT:
        return AccountProblem(_ACCOUNT[reason])
    return None


def _notes(entry: ModelEntry, order: JobOrder, made: int) -> tuple[str, ...]:
    notes = no_steps_no_guidance(entry, order)
    if made < order.params.num_images:
        notes.append(f"{entry.title} withheld {order.params.num_images - made} of {order.params.num_images} pictures.")
    return tuple(notes)
