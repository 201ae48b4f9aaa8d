"""A local stand-in of an AUTOMATIC1111 web UI: it draws one question after the other and goes on when nobody listens.

Owns what the web UI answers and what it refuses. As of the sources that the backend's module names, read in November
2026; by hand: `python -m tests.peers.automatic1111`. `delay_s` is how long a picture takes. `guarded` is `--api-auth`
with `key`, `page` False is `--nowebui`, `sheet` puts a sheet of all pictures in front, `stubborn` is a Forge that lets
the loaded checkpoint draw whatever it is told.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Handler, ProviderPeer, by_hand, says

TITLE = "sub/boats_v2.safetensors [a1b2c3d4e5]"

_SAMPLERS = {"Euler", "DPM++ 2M"}
_TYPES: dict[str, tuple[type, ...]] = {
    "prompt": (str,),
    "seed": (int,),
    "steps": (int,),
    "cfg_scale": (int, float),
    "width": (int,),
    "height": (int,),
    "batch_size": (int,),
    "n_iter": (int,),
    "override_settings": (dict,),
    "force_task_id": (str,),
}


def _listed(title: str) -> dict[str, Any]:
    name = title.partition(" [")[0]
    return {
        "title": title,
        "model_name": name.removesuffix(".safetensors").replace("/", "_"),
        "hash": title[-11:-1],
        "sha256": None,
        "filename": f"C:\\models\\Stable-diffusion\\{name}".replace("/", "\\"),
        "config": None,
    }


def _failed(status: int, error: str, detail: str = "") -> Any:
    return says(status, {"error": error, "detail": detail, "body": "", "errors": "It failed over “zorblax”."})


def _made(*images: Any, **info: Any) -> dict[str, Any]:
    return {"images": list(images), "parameters": {}, "info": json.dumps(info)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(slots=True)
class State:
    """What the program is drawing, as `shared.state` keeps it; `stopped` is its flag for an interrupt."""

    task: str | None = None
    jobs: int = 0
    job: int = 0
    steps: int = 0
    step: int = 0
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def told(self) -> dict[str, Any]:
        """The state as `/sdapi/v1/progress` says it."""
        return {
            "skipped": False,
            "interrupted": self.stopped.is_set(),
            "job": "scripts_txt2img" if self.jobs else "",
            "job_count": self.jobs,
            "job_no": self.job,
            "sampling_step": self.step,
            "sampling_steps": self.steps,
        }

    @property
    def done(self) -> float:
        """How much is done, 0 to 1."""
        return min(1.0, (self.job + self.step / self.steps) / self.jobs) if self.jobs and self.steps else 0.0


class Automatic1111Peer(ProviderPeer):
    """AUTOMATIC1111's web UI with its API, as far as it draws from words."""

    key: ClassVar[str] = "boatman:made-up-password"
    FAULTS: ClassVar = {
        "sampler": _failed(400, "HTTPException", "Sampler not found"),
        "no_api": says(404, {"detail": "Not Found"}),
        "oom": _failed(500, "OutOfMemoryError"),
        "nans": _failed(500, "NansException"),
        "type_error": _failed(500, "TypeError"),
        "invalid": says(422, {"detail": [{"loc": ["body", "width"], "msg": "zorblax", "type": "int_type"}]}),
        "no_list": says(200, {"detail": "zorblax"}),
        "odd_list": says(200, ["zorblax", {"title": 7}, {"model_name": "boats_v2"}]),  # type: ignore[arg-type]
        "no_images": says(200, _made()),
        "odd_images": says(200, {"images": "zorblax", "info": "{}"}),
        "odd_entry": says(200, _made({"zorblax": 1})),
        "not_base64": says(200, _made("zorblax!")),
        "not_a_picture": says(200, _made(_base64(b"zorblax"))),
        "truncated": says(200, _made(_base64(draw(64, 64, 1)[:-40]), all_seeds=[7])),
        "odd_info": says(200, {"images": [_base64(draw(64, 64, 1))], "info": "{zorblax"}),
        "odd_numbers": says(200, _made(_base64(draw(64, 64, 1)), all_seeds=[-1], index_of_first_image="0")),
        "with_a_head": says(200, _made("data:image/png;base64," + _base64(draw(64, 64, 1)), all_seeds=[7])),
        "odd_progress": says(200, {"active": True, "progress": float("nan"), "state": "zorblax"}),
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.page = True
        self.guarded = self.sheet = self.stubborn = False
        self.drawn: list[dict[str, Any]] = []
        self.state = State()
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        plain: dict[tuple[str, str], Handler] = {
            ("GET", "/sdapi/v1/sd-models"): self._models,
            ("POST", "/sdapi/v1/txt2img"): self._txt2img,
            ("GET", "/sdapi/v1/progress"): self._progress,
            ("POST", "/sdapi/v1/interrupt"): self._interrupt,
        }
        guarded = {place: self._behind_auth(handler) for place, handler in plain.items()}
        # The page's own path asks for no password of the API's.
        return {**guarded, ("POST", "/internal/progress"): self._standing}

    def knows(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Basic {_base64(self.key.encode())}"

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await super().stop()

    def _behind_auth(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if self.guarded and not self.knows(request):
                return web.json_response({"detail": "Incorrect username or password"}, status=401)
            return await handler(request)

        return answer

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([_listed("other.safetensors [0000000000]"), _listed(TITLE)])

    async def _txt2img(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        wrong = [name for name, kinds in _TYPES.items() if name in body and type(body[name]) not in kinds]
        if wrong:
            return web.json_response({"detail": [{"loc": ["body", name]} for name in wrong]}, status=422)
        if body.get("sampler_name", "Euler") not in _SAMPLERS:
            return web.json_response({"error": "HTTPException", "detail": "Sampler not found"}, status=400)
        # In a task of its own: the web UI draws on when whoever asked has gone.
        task = asyncio.ensure_future(self._draw(body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def _draw(self, body: dict[str, Any]) -> web.StreamResponse:
        async with self._lock:
            steps, jobs = body.get("steps", 50), body.get("n_iter", 1)
            self.state = state = State(body.get("force_task_id"), jobs, 0, steps)
            images: list[bytes] = []
            for state.job in range(jobs):
                for state.step in range(steps):
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(state.stopped.wait(), self.delay_s / steps)
                images += self._pictures(body, len(images))
                if state.stopped.is_set():
                    break
            else:
                self.drawn.append(body)
            state.task, state.jobs = None, 0
        return web.json_response(self._answer(body, images))

    def _pictures(self, body: dict[str, Any], before: int) -> list[bytes]:
        numbers = range(before, before + body.get("batch_size", 1))
        return [draw(body["width"], body["height"], body["seed"] + number) for number in numbers]

    def _answer(self, body: dict[str, Any], images: list[bytes]) -> dict[str, Any]:
        """The pictures and the info; as the web UI does, with the loaded checkpoint where it knows no other."""
        wanted = body["override_settings"].get("sd_model_checkpoint")
        front = [draw(32, 32, 0)] if self.sheet else []
        return _made(
            *(_base64(data) for data in (*front, *images)),
            prompt=body["prompt"],
            seed=body["seed"],
            all_seeds=[body["seed"] + number for number in range(len(images))],
            sd_model_name="boats_v2" if wanted == TITLE and not self.stubborn else "other",
            index_of_first_image=len(front),
        )

    async def _progress(self, request: web.Request) -> web.StreamResponse:
        # The real one never says whose it is: it took the name of the task before there was one.
        told = {"progress": self.state.done, "state": self.state.told, "current_image": None, "current_task": None}
        return web.json_response(told)

    async def _standing(self, request: web.Request) -> web.StreamResponse:
        if not self.page:
            return web.json_response({"detail": "Not Found"}, status=404)
        active = self.state.task == (await request.json())["id_task"]
        return web.json_response({"active": active, "queued": False, "progress": self.state.done if active else None})

    async def _interrupt(self, request: web.Request) -> web.StreamResponse:
        self.state.stopped.set()
        return web.json_response({})


if __name__ == "__main__":
    by_hand(Automatic1111Peer, lambda peer: {"AUTOMATIC1111_BASE_URL": peer.url, "AUTOMATIC1111_AUTH": peer.key})
