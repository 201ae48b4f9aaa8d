"""A local stand-in of Black Forest Labs' interface: jobs that are looked at until they are ready, links, refusals.

Owns what BFL answers and what it refuses to take. As of docs.bfl.ai, November 2026; by hand:
`python -m tests.peers.bfl`. `delay_s` is how long a job takes; `cost` is what each is said to cost, in credits.
"""

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Handler, ProviderPeer, by_hand, says

_MODELS = {"flux-2-pro", "flux-2-max", "flux-2-flex", "flux-2-klein-4b", "flux-2-klein-9b"}
_FIELDS: Mapping[str, tuple[type, ...]] = {
    "prompt": (str,),
    "seed": (int,),
    "width": (int,),
    "height": (int,),
    "safety_tolerance": (int,),
    "output_format": (str,),
}
_FLEX: Mapping[str, tuple[type, ...]] = {"steps": (int,), "guidance": (int, float), "prompt_upsampling": (bool,)}


@dataclass(slots=True)
class Job:
    """One job as BFL keeps it."""

    body: dict[str, Any]
    began: float


def _stands(status: Any, **changes: Any) -> Any:
    """A look's answer; the details of a refusal can name what was refused."""
    moderation = {"Moderation Reasons": ["zorblax"]}
    return says(200, {"id": "job-x", "status": status, "result": None, "details": moderation} | changes)


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 1)[:-40], content_type="image/png")


async def _text(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<svg>no picture</svg>", content_type="image/png")


class BflPeer(ProviderPeer):
    """Black Forest Labs, as far as it draws from words."""

    FAULTS: ClassVar = {
        "not_authenticated": says(403, {"detail": "Not authenticated - the key of “zorblax”"}),
        "moderated_at_once": says(400, {"id": "job-x", "status": "Request Moderated", "result": None}),
        "no_job": says(200, {"id": "job-x"}),
        "odd_job": says(200, {"id": 7, "polling_url": "https://127.0.0.1/"}),
        "odd_address": says(200, {"id": "job-x", "polling_url": "file:///etc/passwd"}),
        "request_moderated": _stands("Request Moderated"),
        "content_moderated": _stands("Content Moderated"),
        "failed": _stands("Error", error="It broke over “zorblax”."),
        "lost": _stands("Task not found"),
        "lost_at_all": says(404, {"detail": "Task not found"}),
        "no_status": _stands(None),
        "no_result": _stands("Ready"),
        "odd_result": _stands("Ready", result=["zorblax"]),
        "odd_link": _stands("Ready", result={"sample": "zorblax"}),
        "expired": says(403, {"message": "Signature not valid in the specified time frame"}),
        "truncated": _truncated,
        "not_a_picture": _text,
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.cost: Any = 3.0
        self.jobs: dict[str, Job] = {}
        self._ids = itertools.count(1)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("POST", "/v1/{model}"): self._take_on,
            ("GET", "/v1/get_result"): self._result,
            ("GET", "/delivery/{job}"): self._picture,
        }

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("x-key") == self.key

    async def _take_on(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.json_response({"detail": "Not authenticated"}, status=403)
        model, body = request.match_info["model"], await request.json()
        if model not in _MODELS:
            return web.json_response({"detail": "Not Found"}, status=404)
        if (field := _wrong(body, flex=model == "flux-2-flex")) is not None:
            detail = [{"type": "value_error", "loc": ["body", field], "msg": "Input is not valid", "input": body}]
            return web.json_response({"detail": detail}, status=422)
        name = f"job-{next(self._ids)}"
        self.jobs[name] = Job(body, time.monotonic())
        look = f"{self.url}/v1/get_result?id={name}"
        return web.json_response(
            {"id": name, "polling_url": look, "cost": self.cost, "input_mp": 0.0, "output_mp": 1.0}
        )

    async def _result(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.json_response({"detail": "Not authenticated"}, status=403)
        name = request.query.get("id", "")
        if (job := self.jobs.get(name)) is None:
            return web.json_response({"id": name, "status": "Task not found", "result": None}, status=404)
        if time.monotonic() - job.began < self.delay_s:
            return web.json_response({"id": name, "status": "Pending", "result": None, "progress": None})
        result = {"sample": f"{self.url}/delivery/{name}?se=soon", "prompt": job.body["prompt"]}
        return web.json_response({"id": name, "status": "Ready", "result": result | {"seed": job.body.get("seed", 99)}})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        # The link is signed and lies elsewhere: nobody but BFL's own interface may see the key.
        if "x-key" in request.headers:
            return web.json_response({"message": "Only one way to be known"}, status=400)
        body = self.jobs[request.match_info["job"]].body
        return web.Response(body=draw(body["width"], body["height"], body["seed"]), content_type="image/png")


def _wrong(body: dict[str, Any], *, flex: bool) -> str | None:
    """The field that BFL would not take."""
    known = {**_FIELDS, **_FLEX} if flex else _FIELDS
    for name, value in body.items():
        if name not in known or type(value) not in known[name]:
            return name
    width, height = body.get("width", 1024), body.get("height", 1024)
    good = {
        "prompt": bool(body.get("prompt")),
        "width": width >= 64 and width % 16 == 0,
        "height": height >= 64 and height % 16 == 0 and width * height <= 4 * 1024 * 1024,
        "safety_tolerance": 0 <= body.get("safety_tolerance", 2) <= 5,
        "output_format": body.get("output_format", "jpeg") in {"jpeg", "png"},
        "steps": 1 <= body.get("steps", 50) <= 50,
        "guidance": 1.5 <= body.get("guidance", 5.0) <= 10,
    }
    return next((name for name, fits in good.items() if not fits), None)


if __name__ == "__main__":
    by_hand(BflPeer, lambda peer: {"BFL_API_KEY": peer.key, "BFL_BASE_URL": peer.url})
