"""A local stand-in of Ideogram's REST interface, version 2: one picture model family, links, and its refusals.

Owns what Ideogram answers and what it refuses to take. As of developer.ideogram.ai/api-reference, October 2026; by
hand: `python -m tests.peers.ideogram`. 64x64 and 128x64 are sizes of the stand-in alone, so that tests draw quickly.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Handler, ProviderPeer, by_hand, says

_SIZE_FIELD = {"ideogram-3": "resolution", "ideogram-4": "resolution", "ideogram-4-5": "size"}
_SIZES = {"64x64", "128x64", "1024x1024", "1440x2880", "2048x2048", "2880x1440"}
_FIELDS: Mapping[str, type] = {
    "prompt": str,
    "num_images": int,
    "seed": int,
    "magic_prompt": str,
    "enable_copyright_detection": bool,
    "style_type": str,
    "negative_prompt": str,
}
_CHOICES: Mapping[str, tuple[str, set[str]]] = {
    "quality": ("size", {"low", "medium", "high"}),
    "rendering_speed": ("resolution", {"turbo", "default", "quality"}),
}


def _rejected(status: int, reason: str, **headers: str) -> Any:
    return says(status, {"error": "Rejected for the account of “zorblax”.", "reject_reason": reason}, **headers)


def _image(**changes: Any) -> dict[str, Any]:
    safe = {"prompt": "zorblax", "resolution": "64x64", "is_image_safe": True, "seed": 1, "url": None}
    return {"generation_id": "gen-x", "seed": 1, "data": [safe | changes]}


async def _text(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<svg>no picture</svg>", content_type="image/png")


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 1)[:-40], content_type="image/png")


class IdeogramPeer(ProviderPeer):
    """Ideogram, as far as it draws from words."""

    FAULTS: ClassVar = {
        "unsafe_prompt": says(422, {"error": "Prompt “zorblax” failed the safety checks"}),
        "no_funds": _rejected(402, "insufficient_funds"),
        "daily_limit": _rejected(402, "daily_limit"),
        "plan_limit": _rejected(429, "subscription_required", **{"Retry-After": "0"}),
        "in_flight": _rejected(429, "inflight_limit", **{"Retry-After": "0"}),
        "forbidden": says(403, {"error": "No access to “zorblax”."}),
        "withheld": says(200, _image(is_image_safe=False)),
        "no_link": says(200, _image()),
        "no_address": says(200, _image(url="zorblax")),
        "accepted_only": says(200, {"generation_id": "gen-x", "seed": 1}),
        "no_pictures": says(200, {"generation_id": "gen-x", "seed": 1, "data": []}),
        "odd_entry": says(200, {"generation_id": "gen-x", "seed": 1, "data": ["zorblax"]}),
        "expired": says(403, {"message": "Request has expired"}),
        "not_a_picture": _text,
        "truncated": _truncated,
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.abandoned = 0
        self._pictures: list[bytes] = []

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("POST", "/v2/image/generate/{model}"): self._generate,
            ("GET", "/pictures/{number}"): self._picture,
        }

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("Api-Key") == self.key

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.json_response({"error": "Unauthorized"}, status=401)
        model = request.match_info["model"]
        if model not in _SIZE_FIELD:
            return web.json_response({"error": "Not found"}, status=404)
        sent = await request.json()
        if (wrong := _wrong(sent, _SIZE_FIELD[model])) is not None:
            return web.json_response({"error": f"Invalid input: {wrong}"}, status=400)
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        return web.json_response(self._made(sent, _SIZE_FIELD[model]))

    def _made(self, sent: dict[str, Any], size_field: str) -> dict[str, Any]:
        size = sent.get(size_field, "64x64")
        width, height = map(int, size.split("x"))
        seed, data = sent.get("seed", 99), []
        for index in range(sent.get("num_images", 1)):
            self._pictures.append(draw(width, height, seed + index))
            link = f"{self.url}/pictures/{len(self._pictures)}"
            data.append(_image(resolution=size, seed=seed + index, url=link)["data"][0])
        return {"generation_id": f"gen-{len(self._pictures)}", "seed": seed, "data": data}

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        # The links are signed and lie elsewhere: nobody but Ideogram's own interface may see the key.
        if "Api-Key" in request.headers:
            return web.json_response({"message": "Only one way to be known"}, status=400)
        return web.Response(body=self._pictures[int(request.match_info["number"]) - 1], content_type="image/png")


def _wrong(sent: dict[str, Any], size_field: str) -> str | None:
    """The field that Ideogram would not take."""
    allowed = {name for name, (field, _) in _CHOICES.items() if field == size_field}
    for name, value in sent.items():
        if name == size_field:
            good = value in _SIZES
        elif name in allowed:
            good = value in _CHOICES[name][1]
        else:
            good = name in _FIELDS and type(value) is _FIELDS[name]
        if not good:
            return name
    if not 1 <= len(sent.get("prompt", "")) <= 10_000:
        return "prompt"
    if not 1 <= sent.get("num_images", 1) <= 8:
        return "num_images"
    return None if 0 <= sent.get("seed", 0) < 2**31 else "seed"


if __name__ == "__main__":
    by_hand(IdeogramPeer, lambda peer: {"IDEOGRAM_API_KEY": peer.key, "IDEOGRAM_BASE_URL": peer.url})
