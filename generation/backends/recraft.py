"""Raster pictures from Recraft, by its REST interface.

Owns what is asked, how Recraft's refusals are told apart, and the way from its units to money. It must not know who
asked: Recraft has no field for a member, so nothing of one is sent.

The protocol is as of the stored pages of recraft.ai/docs/api-reference (agents.md, getting-started, appendix,
error-handling), read on 27 November 2026: 1 US dollar buys 1,000 API units, `credits` in a reply counts the units it
cost, links live about 24 hours, up to 6 pictures a request, no seed, no call that cancels (leaving closes the
connection; what has begun may be charged). Errors are plain text or JSON, and only 401, 404 and an unknown size are
described; the words for a declined prompt and for an empty balance are from memory, not checked.

Arguments of a catalogue entry: `model` (`recraftv4_1`; a `…_vector` one draws SVG, which no chat shows), `style`,
`substyle`, `style_id`. An entry's sizes must be among the model's own (appendix, “supported image sizes”).
"""

import math
from typing import Any

import aiohttp

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.remote import (
    Patience,
    asked_model,
    key_missing,
    no_steps_no_guidance,
    picture,
    unless_cancelled,
)
from generation.backends.rest import Answer, Rest
from generation.catalogue import ModelEntry
from generation.errors import (
    AccountProblem,
    BadReply,
    ContentRefused,
    GenerationError,
    UnsupportedRequest,
)
from generation.prices import cost_of
from generation.request import JobOrder
from generation.result import MadeBy

_WHO = "Recraft"
_KEY = "RECRAFT_API_TOKEN"
_PATIENCE = Patience()
_PASSED = ("style", "substyle", "style_id")
_MOST = 6
# Millionths of a US dollar for one API unit.
_UNIT = 1_000
_UNITS_LIMIT = 1e9

# A status that is none of these speaks for itself.
_READ = {400, 403, 422, 451}
_REFUSED = ("moderat", "safety", "nsfw", "content_policy", "content policy", "prohibited", "inappropriate")
_NO_CREDIT = ("not_enough_credits", "insufficient", "balance", "not enough")


class RecraftBackend:
    """One account at Recraft. `timeout_s` bounds the wait for all pictures of a request and for each link."""

    name = "recraft"

    def __init__(
        self,
        *,
        api_key: str | None,
        base_url: str = "https://external.api.recraft.ai",
        timeout_s: float = 180.0,
        patience: Patience = _PATIENCE,
    ) -> None:
        """Take the account's token; None is told to whoever asks for a picture."""
        self._key_known = bool(api_key)
        self._rest = Rest(
            _WHO,
            base_url,
            key_name=_KEY,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout_s=timeout_s,
            patience=patience,
            understand=_understand,
        )

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Ask for the order's pictures; see the `Backend` protocol for what it raises."""
        if not self._key_known:
            raise key_missing(entry.title, _KEY)
        body = _question(entry, order)
        watch.check()
        watch.stage("drawing")
        content, images = await unless_cancelled(self._draw(body), watch)
        usage = {"image": len(images)}
        units = _units(content.get("credits"))
        return Generated(
            images=images,
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=body["model"],
                versions=(("aiohttp", aiohttp.__version__),),
                provider_request_id=", ".join(_ids(content["data"])) or None,
                cost=cost_of(usage, entry.prices) if units is None else math.ceil(units * _UNIT),
                usage=tuple(usage.items()),
            ),
            notes=_notes(entry, order, len(images)),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rest.aclose()

    async def _draw(self, body: dict[str, Any]) -> tuple[dict[str, Any], tuple[EncodedImage, ...]]:
        """The reply and its pictures, fetched at once one after the other: the links do not live long."""
        content = (await self._rest.ask("POST", "/v1/images/generations", json=body)).json()
        data = content.get("data")
        if not isinstance(data, list) or not 1 <= len(data) <= body["n"]:
            raise BadReply(f"{_WHO}'s answer holds no pictures, or more than were asked for.")
        images = []
        for item in data:
            link = item.get("url") if isinstance(item, dict) else None
            images.append(picture(await self._rest.fetch(str(link or "")), _WHO))
        return content, tuple(images)


def _question(entry: ModelEntry, order: JobOrder) -> dict[str, Any]:
    model = asked_model(entry)
    if model.endswith("_vector"):
        raise UnsupportedRequest(f"{_WHO}'s vector models draw SVG, which no chat shows; name a raster model.")
    return {
        "prompt": order.prompt,
        "model": model,
        "n": min(order.params.num_images, _MOST),
        "size": f"{order.params.width}x{order.params.height}",
        "response_format": "url",
        **{name: entry.arguments[name] for name in _PASSED if name in entry.arguments},
    }


def _units(reported: object) -> float | None:
    """API units that the reply says it cost; None where it says nothing that could be true (NaN is below no number)."""
    if isinstance(reported, bool) or not isinstance(reported, (int, float)):
        return None
    return reported if 0 <= reported < _UNITS_LIMIT else None


def _ids(data: list[Any]) -> list[str]:
    """The pictures' ids at Recraft: it names no id of the request."""
    ids = [item.get("image_id") for item in data if isinstance(item, dict)]
    return [image_id for image_id in ids if isinstance(image_id, str)]


def _understand(answer: Answer) -> GenerationError | None:
    """A refusal or an empty balance, by the words of the error: its code where it has one, else its text."""
    if answer.status not in _READ:
        return None
    content = answer.content()
    text = answer.body[:2000].decode(errors="replace") if content is None else str(content.get("code") or content)
    text = text.casefold()
    if any(word in text for word in _REFUSED):
        return ContentRefused(f"{_WHO} declined the prompt.")
    if any(word in text for word in _NO_CREDIT):
        return AccountProblem(f"{_WHO} says the account has no API units left.")
    return None


def _notes(entry: ModelEntry, order: JobOrder, made: int) -> tuple[str, ...]:
    notes = [f"{entry.title} takes no seed.", *no_steps_no_guidance(entry, order)]
    if made < order.params.num_images:
        notes.append(f"{entry.title} made {made} of {order.params.num_images} pictures.")
    return tuple(notes)
