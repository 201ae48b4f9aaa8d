"""A local stand-in of the AI Horde: jobs that wait, are drawn and can be taken back, and its refusals by code.

Owns what the Horde answers and what it refuses to take. As of github.com/Haidra-Org/AI-Horde, November 2026; by hand:
`python -m tests.peers.horde`. `delay_s` is how long a job waits for a volunteer; `workers` False means nobody comes.
"""

import base64
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Handler, ProviderPeer, by_hand, says

ANONYMOUS = "0000000000"


@dataclass(slots=True)
class Job:
    """One job as the Horde keeps it."""

    body: dict[str, Any]
    began: float
    cancelled: bool = False


def _refused(status: int, code: str) -> Any:
    return says(status, {"message": "A word on “zorblax”.", "rc": code})


def _state(**changes: Any) -> dict[str, Any]:
    return {
        "finished": 0,
        "processing": 0,
        "restarted": 0,
        "waiting": 1,
        "done": False,
        "faulted": False,
        "wait_time": 5,
        "queue_position": 2,
        "kudos": 0.0,
        "is_possible": True,
    } | changes


def _done(*generations: Any, kudos: float = 10.5) -> dict[str, Any]:
    return _state(done=True, finished=1, waiting=0, kudos=kudos) | {"shared": False, "generations": list(generations)}


def _drawn(**changes: Any) -> dict[str, Any]:
    return {
        "worker_id": "a-volunteer",
        "worker_name": "A volunteer's machine",
        "model": "stable_diffusion",
        "state": "ok",
        "img": base64.b64encode(draw(64, 64, 3)).decode(),
        "seed": "3",
        "id": "generation-3",
        "censored": False,
        "gen_metadata": [],
    } | changes


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 1)[:-40], content_type="image/png")


class HordePeer(ProviderPeer):
    """The AI Horde, as far as it draws from words."""

    FAULTS: ClassVar = {
        "declined": _refused(400, "CorruptPrompt"),
        "shut_out": _refused(403, "TimeoutIP"),
        "kudos_upfront": _refused(403, "KudosUpfront"),
        "no_kudos": _refused(403, "SharedKeyInsufficientKudos"),
        "wrong_key": _refused(401, "InvalidAPIKey"),
        "no_volunteers": _refused(400, "NoValidWorkers"),
        "maintenance": _refused(400, "MaintenanceMode"),
        "too_many_prompts": _refused(429, "TooManyPrompts"),
        "bad_steps": _refused(400, "TooManySteps"),
        "lost": _refused(404, "RequestNotFound"),
        "no_job": says(202, {"kudos": 3.0}),
        "odd_job": says(202, {"id": "../../v2/users"}),
        "faulted": says(200, _state(faulted=True)),
        "impossible": says(200, _state(is_possible=False)),
        "censored": says(200, _done(_drawn(censored=True, state="censored"))),
        "censored_quietly": says(200, _done(_drawn(gen_metadata=[{"type": "censorship", "value": "nsfw"}]))),
        "nothing": says(200, _done()),
        "odd_entry": says(200, _done("zorblax")),
        "no_image": says(200, _done(_drawn(img=None))),
        "not_base64": says(200, _done(_drawn(img="zorblax!"))),
        "not_a_picture": says(200, _done(_drawn(img=base64.b64encode(b"zorblax").decode()))),
        "inline": says(200, _done(_drawn())),
        "odd_numbers": says(200, _done(_drawn(seed="none"), kudos=float("nan"))),
        "expired": says(403, {"message": "Request has expired"}),
        "truncated": _truncated,
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.workers = True
        self.most_jobs = 100
        self.jobs: dict[str, Job] = {}
        self._ids = itertools.count(1)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("POST", "/api/v2/generate/async"): self._take_on,
            ("GET", "/api/v2/generate/check/{job}"): self._check,
            ("GET", "/api/v2/generate/status/{job}"): self._status,
            ("DELETE", "/api/v2/generate/status/{job}"): self._cancel,
            ("GET", "/pictures/{job}"): self._picture,
        }

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("apikey") in {self.key, ANONYMOUS}

    @property
    def waiting(self) -> list[str]:
        """The jobs that volunteers would still be drawing."""
        return [name for name, job in self.jobs.items() if not job.cancelled and not self._ready(job)]

    def _ready(self, job: Job) -> bool:
        return self.workers and time.monotonic() - job.began >= self.delay_s

    async def _take_on(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return web.json_response({"message": "No user matching.", "rc": "InvalidAPIKey"}, status=401)
        body = await request.json()
        if (code := _wrong(body)) is not None:
            return web.json_response({"message": "Input payload validation failed", "rc": code}, status=400)
        if len(self.jobs) >= self.most_jobs:
            return web.json_response({"message": "Not enough kudos.", "rc": "KudosUpfront"}, status=403)
        name = f"job-{next(self._ids)}"
        self.jobs[name] = Job(body, time.monotonic())
        return web.json_response({"id": name, "kudos": 10.0}, status=202)

    async def _check(self, request: web.Request) -> web.StreamResponse:
        job = self.jobs.get(request.match_info["job"])
        if job is None or job.cancelled:
            return web.json_response({"message": "Not found.", "rc": "RequestNotFound"}, status=404)
        if not self._ready(job):
            return web.json_response(_state())
        return web.json_response(_state(done=True, finished=1, waiting=0, kudos=10.5))

    async def _status(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["job"]
        job = self.jobs.get(name)
        if job is None or job.cancelled:
            return web.json_response({"message": "Not found.", "rc": "RequestNotFound"}, status=404)
        seed = job.body["params"]["seed"]
        link = f"{self.url}/pictures/{name}"
        return web.json_response(_done(_drawn(seed=seed, img=link, model=job.body["models"][0])))

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        self.jobs[request.match_info["job"]].cancelled = True
        return web.json_response(_state(waiting=0, done=True) | {"shared": False, "generations": []})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        if "apikey" in request.headers:
            return web.json_response({"message": "Only one way to be known"}, status=400)
        params = self.jobs[request.match_info["job"]].body["params"]
        return web.Response(body=draw(params["width"], params["height"], int(params["seed"])), content_type="image/png")


def _wrong(body: dict[str, Any]) -> str | None:
    """The Horde's code for what it would not take."""
    params = body.get("params", {})
    if not body.get("prompt"):
        return "MissingPrompt"
    if any(side % 64 or not 64 <= side <= 3072 for side in (params.get("width", 512), params.get("height", 512))):
        return "InvalidSize"
    if not 1 <= params.get("steps", 30) <= 500:
        return "TooManySteps"
    if round(params.get("cfg_scale", 7.5), 2) != params.get("cfg_scale", 7.5):
        return "BadCFGDecimals"
    if not isinstance(params.get("seed", ""), str) or not 1 <= params.get("n", 1) <= 20:
        return "BadRequest"
    return None


if __name__ == "__main__":
    by_hand(HordePeer, lambda peer: {"AI_HORDE_API_KEY": peer.key, "HORDE_BASE_URL": peer.url})
