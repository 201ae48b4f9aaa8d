"""A local stand-in of Stability AI's interface, version 2beta: one picture a call, and its refusals by name.

Owns what Stability answers and what it refuses to take. As of Stability's API reference, November 2026; by hand:
`python -m tests.peers.stability`. The pixels of a shape are the stand-in's own, so that tests draw quickly.
"""

import asyncio
import base64
import io
import itertools
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image

from tests.peers.pictures import draw
from tests.peers.provider import Fault, Handler, ProviderPeer, by_hand, says

_PIXELS = {
    "1:1": (64, 64),
    "16:9": (128, 72),
    "21:9": (126, 54),
    "2:3": (64, 96),
    "3:2": (96, 64),
    "4:5": (64, 80),
    "5:4": (80, 64),
    "9:16": (72, 128),
    "9:21": (54, 126),
}
_SD3 = {"sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium"}
_FIELDS = {"prompt", "aspect_ratio", "seed", "output_format", "negative_prompt"}


def _refused(status: int, name: str) -> Fault:
    return says(status, {"id": "0ff", "name": name, "errors": ["Something about “zorblax”."]})


def _image(data: bytes, **headers: str) -> web.Response:
    return web.Response(body=data, content_type="image/png", headers=headers)


def _answers(data: bytes, **headers: str) -> Fault:
    async def answer(_: web.Request) -> web.StreamResponse:
        return _image(data, **headers)

    return answer


async def _webp(_: web.Request) -> web.StreamResponse:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, format="WEBP")
    return web.Response(body=buffer.getvalue(), content_type="image/webp")


_BLURRED = draw(64, 64, 0)


class StabilityPeer(ProviderPeer):
    """Stability AI, as far as it draws from words."""

    FAULTS: ClassVar = {
        "content_moderation": _refused(403, "content_moderation"),
        "forbidden": _refused(403, "forbidden"),
        "unauthorized": _refused(401, "unauthorized"),
        "payment_required": _refused(402, "payment_required"),
        "too_large": _refused(413, "payload_too_large"),
        "rejected": _refused(422, "unprocessable"),
        "filtered": _answers(_BLURRED, **{"finish-reason": "CONTENT_FILTERED", "seed": "3"}),
        "unfinished": _answers(b"", **{"finish-reason": "ERROR"}),
        "odd_seed": _answers(_BLURRED, **{"finish-reason": "SUCCESS", "seed": "NaN"}),
        "nothing_said": _answers(_BLURRED),
        "truncated": _answers(_BLURRED[:-40], **{"finish-reason": "SUCCESS", "seed": "3"}),
        "not_a_picture": _answers(b"<svg>no picture</svg>"),
        "webp": _webp,
        "empty": _answers(b""),
        "as_json": says(200, {"image": base64.b64encode(_BLURRED).decode(), "finish_reason": "SUCCESS", "seed": 3}),
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.abandoned = 0
        self._ids = itertools.count(1)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {("POST", "/v2beta/stable-image/generate/{service}"): self._generate}

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.json_response({"id": "0ff", "name": "unauthorized", "errors": ["Bad key."]}, status=401)
        service = request.match_info["service"]
        if service not in {"core", "ultra", "sd3"}:
            return web.json_response({"id": "0ff", "name": "not_found", "errors": ["Nothing here."]}, status=404)
        form = {name: str(value) for name, value in (await request.post()).items()}
        if (wrong := _wrong(request, service, form)) is not None:
            return web.json_response({"id": "0ff", "name": "bad_request", "errors": [f"{wrong}: invalid"]}, status=400)
        try:
            await asyncio.sleep(self.delay_s)
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        seed = int(form.get("seed", 0)) or 99
        told = {"finish-reason": "SUCCESS", "seed": str(seed), "x-request-id": f"request-{next(self._ids)}"}
        return _image(draw(*_PIXELS[form.get("aspect_ratio", "1:1")], seed), **told)


def _wrong(request: web.Request, service: str, form: dict[str, Any]) -> str | None:
    """The header or field that Stability would not take."""
    known = _FIELDS | ({"model", "mode", "cfg_scale"} if service == "sd3" else {"style_preset"})
    if unknown := sorted(form.keys() - known):
        return unknown[0]
    good = {
        "content-type": request.content_type == "multipart/form-data",
        "accept": request.headers.get("Accept") in {"image/*", "application/json"},
        "prompt": 1 <= len(form.get("prompt", "")) <= 10_000,
        "aspect_ratio": form.get("aspect_ratio", "1:1") in _PIXELS,
        "seed": form.get("seed", "0").isdigit() and int(form.get("seed", 0)) <= 2**32 - 2,
        "output_format": form.get("output_format", "png") in {"png", "jpeg", "webp"},
        "model": form.get("model", "sd3.5-large") in _SD3,
        "mode": form.get("mode", "text-to-image") == "text-to-image",
        "cfg_scale": 1 <= float(form.get("cfg_scale", 4)) <= 10,
    }
    return next((name for name, fits in good.items() if not fits), None)


if __name__ == "__main__":
    by_hand(StabilityPeer, lambda peer: {"STABILITY_API_KEY": peer.key, "STABILITY_BASE_URL": peer.url})
