"""A local stand-in of Recraft's REST interface: raster pictures behind links, API units, and its refusals.

Owns what Recraft answers and what it refuses to take. As of recraft.ai/docs/api-reference, November 2026; by hand:
`python -m tests.peers.recraft`. 64x64 and 128x64 are sizes of the stand-in alone, so that tests draw quickly.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Fault, Handler, ProviderPeer, by_hand, says

_UNITS = {"recraftv4_1": 35, "recraftv4": 40, "recraftv4_1_flash": 7}
_SIZES = {"64x64", "128x64", "1024x1024", "1536x768", "768x1536", "1280x832", "832x1280"}


def _plainly(status: int, text: str) -> Fault:
    """Recraft words some errors as plain text."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text)

    return answer


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 1)[:-40], content_type="image/png")


async def _svg(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<svg/>", content_type="image/svg+xml")


async def _odd_units(request: web.Request) -> web.StreamResponse:
    """Python's own JSON has NaN, and reads it."""
    link = f"http://{request.host}/pictures/0"
    return web.Response(text=f'{{"credits": NaN, "data": [{{"url": "{link}"}}]}}', content_type="application/json")


class RecraftPeer(ProviderPeer):
    """Recraft, as far as it draws pixels from words."""

    FAULTS: ClassVar = {
        "declined": says(400, {"code": "content_moderation", "message": "“zorblax” is not allowed."}),
        "declined_plainly": _plainly(422, "prompt “zorblax” was rejected by moderation"),
        "no_units": says(400, {"code": "not_enough_credits", "message": "Top up."}),
        "plain_401": _plainly(401, "request unauthorized"),
        "bad_size": _plainly(400, "size of “zorblax” is not supported"),
        "no_pictures": says(200, {"created": 1, "credits": 0, "data": []}),
        "too_many": says(200, {"created": 1, "credits": 0, "data": [{"url": "http://127.0.0.1:9/"}] * 7}),
        "odd_entry": says(200, {"created": 1, "credits": 0, "data": ["zorblax"]}),
        "no_link": says(200, {"created": 1, "credits": 0, "data": [{"image_id": "x"}]}),
        "odd_units": _odd_units,
        "expired": says(404, {"message": "gone"}),
        "svg": _svg,
        "truncated": _truncated,
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.abandoned = 0
        self._pictures: list[bytes] = [draw(64, 64, 0)]

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("POST", "/v1/images/generations"): self._generate,
            ("GET", "/pictures/{number}"): self._picture,
        }

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.Response(status=401, text="request unauthorized")
        sent = await request.json()
        if (wrong := _wrong(sent)) is not None:
            return web.Response(status=400, text=f"{wrong} is not supported")
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        data = [self._drawn(sent["size"]) for _ in range(sent["n"])]
        return web.json_response({"created": 1, "credits": _UNITS[sent["model"]] * len(data), "data": data})

    def _drawn(self, size: str) -> dict[str, Any]:
        width, height = map(int, size.split("x"))
        number = len(self._pictures)
        self._pictures.append(draw(width, height, number))
        return {"image_id": f"image-{number}", "url": f"{self.url}/pictures/{number}"}

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            return web.json_response({"message": "Only one way to be known"}, status=400)
        return web.Response(body=self._pictures[int(request.match_info["number"])], content_type="image/png")


def _wrong(sent: dict[str, Any]) -> str | None:
    """The field that Recraft would not take, or that a request lacks."""
    good = {
        "prompt": isinstance(sent.get("prompt"), str) and 1 <= len(sent["prompt"]) <= 10_000,
        "model": sent.get("model") in _UNITS,
        "n": type(sent.get("n", 1)) is int and 1 <= sent.get("n", 1) <= 6,
        "size": sent.get("size", "1024x1024") in _SIZES,
        "response_format": sent.get("response_format", "url") == "url",
        "style": isinstance(sent.get("style", ""), str),
    }
    unknown = next((name for name in sent if name not in good), None)
    return unknown or next((name for name, fine in good.items() if not fine), None)


if __name__ == "__main__":
    by_hand(RecraftPeer, lambda peer: {"RECRAFT_API_TOKEN": peer.key, "RECRAFT_BASE_URL": peer.url})
