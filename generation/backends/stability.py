"""Pictures from Stability AI, by version 2beta of its REST interface.

Owns what is asked, how a size becomes one of Stability's shapes, and how its refusals are told apart. Of the member
who asked it sends a hash, in the header that Stability has for it.

The protocol is as of Stability's API reference (platform.stability.ai/docs/api-reference), read on 27 November 2026 in
two copies: github.com/gambithunt/imagen, .github/instructions (fields, shapes, seeds, headers), and an unnamed one of
the answers (`finish-reason`, `seed`, `x-request-id`; 403 with the name `content_moderation`). That `sd3` takes
`cfg_scale` is as of glama.ai/mcp/servers/arwjcxkkhg; that no credit is status 402, of others' error logs. From memory,
not checked: that withheld pictures are charged. There is no call that cancels: leaving closes the connection, and
Stability may finish and charge what it has begun.

One call makes one picture. Stability chooses the pixels of a shape by itself, so what came is measured and said.

Arguments of a catalogue entry: `model` (`core`, `ultra`, or a model of the sd3 service, `sd3.5-large`),
`output_format` (`png`, which is Stability's own choice, `jpeg`, `webp`), `negative_prompt`, `style_preset`.
"""

import math
import struct
from dataclasses import dataclass, replace

import aiohttp

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.remote import (
    PICTURE_LIMIT,
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
from generation.errors import BadReply, ContentRefused, GenerationError
from generation.prices import cost_of
from generation.request import GenerationParams, JobOrder
from generation.result import MadeBy

_WHO = "Stability AI"
_KEY = "STABILITY_API_KEY"
_PATIENCE = Patience()
_PASSED = ("output_format", "negative_prompt", "style_preset")
_AT_ONCE = 4
# Models that are a service of their own; all others belong to the service sd3.
_SERVICES = {"core", "ultra"}
_SHAPES = ("1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16", "9:21")
# 0 means any seed, and the largest of 32 bits is not taken; these two are far from whatever stands beside them.
_SEEDS = {0: 2**31, 2**32 - 1: 2**31 + 1}
_SUCCESS, _WITHHELD = "SUCCESS", "CONTENT_FILTERED"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What one call came to: `image` None where Stability withheld it."""

    image: EncodedImage | None
    request_id: str


class StabilityBackend:
    """One account at Stability AI. `timeout_s` bounds the wait for one picture."""

    name = "stability"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str = "https://api.stability.ai",
        timeout_s: float = 120.0,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's key; None is told to whoever asks for a picture."""
        self._key_known = bool(api_key)
        self._rest = Rest(
            _WHO,
            base_url,
            key_name=_KEY,
            headers={
                "Authorization": f"Bearer {api_key or ''}",
                "Accept": "image/*",
                "stability-client-id": "tessera",
            },
            timeout_s=timeout_s,
            patience=patience,
            understand=_understand,
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if not self._key_known:
            raise key_missing(entry.title, _KEY)
        model, fields = asked_model(entry), _question(entry, order)
        watch.check()
        watch.stage("drawing")
        drawn = await unless_cancelled(self._draw(model, fields, order, watch), watch)
        images = tuple(one.image for one in drawn if one.image is not None)
        if not images:
            raise ContentRefused(f"{_WHO} drew the picture and withheld it; it may have been charged.")
        # Withheld pictures count like the others, so that nobody is told less than is charged.
        usage = {"image": len(drawn)}
        return Generated(
            images=images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=model,
                versions=(("aiohttp", aiohttp.__version__),),
                provider_request_id=", ".join(one.request_id for one in drawn if one.request_id) or None,
                cost=cost_of(usage, entry.prices),
                usage=tuple(usage.items()),
            ),
            notes=_notes(entry, order, fields, images),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.aclose()

    async def _draw(self, model: str, fields: dict[str, str], order: JobOrder, watch: Watch) -> list[_Drawn]:
        """One call for each seed; the first that fails ends the others."""
        path = f"/v2beta/stable-image/generate/{_service(model)}"
        seeds = tuple(_SEEDS.get(seed, seed) for seed in order.params.seeds)
        headers = {"stability-client-user-id": order.safety_identifier}
        done = 0

        async def one(number: int) -> _Drawn:
            nonlocal done
            made = await self._one(path, fields, seeds[number], headers)
            done += 1
            watch.step(done, len(seeds))
            return made

        return await several(one, len(seeds), at_once=_AT_ONCE)

    async def _one(self, path: str, fields: dict[str, str], seed: int, headers: dict[str, str]) -> _Drawn:
        def form() -> aiohttp.FormData:
            return aiohttp.FormData(fields | {"seed": str(seed)}, default_to_multipart=True)

        answer = await self._rest.ask("POST", path, data=form, headers=headers, limit=PICTURE_LIMIT)
        request_id = answer.headers.get("x-request-id", "")
        reason = answer.headers.get("finish-reason", _SUCCESS)
        if reason == _WITHHELD:
            return _Drawn(image=None, request_id=request_id)
        if reason != _SUCCESS:
            raise BadReply(f"{_WHO} did not finish the picture; it may have been charged.")
        reported = answer.headers.get("seed", "")
        seed = int(reported) if reported.isascii() and reported.isdigit() and len(reported) < 20 else seed
        return _Drawn(image=picture(answer.body, _WHO, seed), request_id=request_id)


def _service(model: str) -> str:
    return model if model in _SERVICES else "sd3"


def _question(entry: ModelEntry, order: JobOrder) -> dict[str, str]:
    """The form's fields but for the seed."""
    model, asked = asked_model(entry), order.params
    fields = {
        "prompt": order.prompt,
        "aspect_ratio": _shape(asked),
        **{name: str(entry.arguments[name]) for name in _PASSED if name in entry.arguments},
    }
    if model not in _SERVICES:
        fields |= {"model": model, "mode": "text-to-image"}
        if asked.guidance_scale is not None:
            fields["cfg_scale"] = f"{asked.guidance_scale:g}"
    return fields


def _off(shape: str, asked: GenerationParams) -> float:
    """How far a shape is from the one that was asked for, as a logarithm, so that portrait is treated as landscape."""
    across, down = map(int, shape.split(":"))
    return abs(math.log(across / down) - math.log(asked.width / asked.height))


def _shape(asked: GenerationParams) -> str:
    return min(_SHAPES, key=lambda shape: _off(shape, asked))


def _understand(answer: Answer) -> GenerationError | None:
    """Stability's own name for a declined prompt."""
    declined = (answer.content() or {}).get("name") == "content_moderation"
    return ContentRefused(f"{_WHO} declined the prompt.") if declined else None


def _notes(
    entry: ModelEntry, order: JobOrder, fields: dict[str, str], images: tuple[EncodedImage, ...]
) -> tuple[str, ...]:
    asked, shape = order.params, fields["aspect_ratio"]
    not_told = replace(asked, guidance_scale=None) if "cfg_scale" in fields else asked
    notes = no_steps_no_guidance(entry, replace(order, params=not_told))
    drawn = _png_size(images[0].data)
    if drawn is not None and drawn != (asked.width, asked.height):
        notes.append(
            f"{entry.title} chooses the size of a shape by itself: "
            f"{drawn[0]}x{drawn[1]} instead of {asked.width}x{asked.height}."
        )
    elif drawn is None and _off(shape, asked) > 0.03:
        notes.append(f"{entry.title} was asked for {shape}, the nearest it has to {asked.width}x{asked.height}.")
    if len(images) < asked.num_images:
        notes.append(f"{entry.title} withheld {asked.num_images - len(images)} of {asked.num_images} pictures.")
    return tuple(notes)


def _png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as a PNG says them first of all (its specification, 11.2.1); None for other kinds."""
    if data[12:16] != b"IHDR" or len(data) < 24:
        return None
    width, height = struct.unpack(">II", data[16:24])
    return width, height
