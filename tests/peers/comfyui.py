"""A local stand-in of ComfyUI: a queue that draws one job after the other, tells of it, records it and serves it.

Owns what ComfyUI answers, and which workflows it refuses. As of the sources that the backend's module names, read
in November 2026; by hand: `python -m tests.peers.comfyui`. `delay_s` is how long a job is drawn. `endings` says how
the next jobs end, in turn; `mute` closes websockets in the middle; `old` is a ComfyUI of 2024, `key` the one of a
proxy in front where `guarded`. `WORKFLOW` is a template that it takes.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Handler, ProviderPeer, by_hand, says

WORKFLOW = Path(__file__).with_name("comfyui.json")

_CHECKPOINTS = ["boats.safetensors"]
_NODES = {"KSampler", "CheckpointLoaderSimple", "EmptyLatentImage", "CLIPTextEncode", "VAEDecode", "SaveImage"}
# Why a job failed, as the record of it says.
_ERRORS = {"error": "RuntimeError", "oom": "torch.OutOfMemoryError"}
_PREVIEW = b"\x00\x00\x00\x01\x00\x00\x00\x01\xff\xd8\xff a picture of how it looks so far"


@dataclass(slots=True)
class Job:
    """One job: its workflow, who listens, how it will end, and whether it was stopped."""

    id: str
    nodes: dict[str, Any]
    client: str
    ending: str = "success"
    drawn: bool = False
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, kind: str, name: str, default: Any = None) -> Any:
        """An input of the first node of a kind."""
        nodes = (node for node in self.nodes.values() if node["class_type"] == kind)
        return next((node["inputs"].get(name, default) for node in nodes), default)


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 1)[:-40], content_type="image/png")


async def _no_picture(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"GIF89a zorblax", content_type="image/gif")


def _refused(kind: str, *, node: str = "", error: str = "") -> dict[str, Any]:
    """The body of a refusal; `node` and `error` are the class and the kind of error of one of its nodes."""
    failed = {"type": error, "message": "zorblax", "details": "“zorblax”", "extra_info": {"input_name": "ckpt_name"}}
    return {
        "error": {"type": kind, "message": "zorblax", "details": "", "extra_info": {"class_type": node}},
        "node_errors": {"4": {"errors": [failed], "dependent_outputs": ["9"], "class_type": node}} if error else {},
    }


class ComfyUIPeer(ProviderPeer):
    """ComfyUI, as far as it draws what a simple workflow says."""

    FAULTS: ClassVar = {
        "unknown_node": says(400, _refused("missing_node_type", node="ZorblaxSampler")),
        "no_outputs": says(400, _refused("prompt_no_outputs")),
        "wrong_number": says(
            400, _refused("prompt_outputs_failed_validation", node="KSampler", error="value_bigger_than_max")
        ),
        "odd_refusal": says(400, {"error": "no prompt", "node_errors": []}),
        "no_job": says(200, {"number": 3}),
        "odd_job": says(200, {"prompt_id": "../../history"}),
        "gone": says(404, {}),
        "outside": says(400, {}),
        "truncated": _truncated,
        "not_a_picture": _no_picture,
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.old = self.mute = self.guarded = False
        self.endings: list[str] = []
        self.jobs: list[Job] = []
        self.pending: list[Job] = []
        self.running: Job | None = None
        self.history: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._more = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        plain: dict[tuple[str, str], Handler] = {
            ("GET", "/ws"): self._listen,
            ("POST", "/prompt"): self._take_on,
            ("GET", "/queue"): self._queue,
            ("POST", "/queue"): self._delete,
            ("POST", "/interrupt"): self._interrupt,
            ("GET", "/history/{job}"): self._record,
            ("GET", "/view"): self._view,
        }
        return {place: self._behind_the_proxy(handler) for place, handler in plain.items()}

    async def start(self) -> None:
        await super().start()
        self._working = asyncio.ensure_future(self._work())

    async def stop(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.wait({self._working})
        await super().stop()

    def _behind_the_proxy(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if self.guarded and not self.knows(request):
                return web.Response(status=401, text="who are you?")
            return await handler(request)

        return answer

    async def _listen(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client = request.query.get("clientId") or uuid.uuid4().hex
        self._sockets[client] = socket
        await socket.send_json({"type": "status", "data": {"status": {}, "sid": client}})
        with contextlib.suppress(ConnectionResetError):
            async for _ in socket:
                pass
        self._sockets.pop(client, None)
        return socket

    async def _take_on(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        nodes = body.get("prompt")
        if not nodes:
            return web.json_response({"error": {"type": "no_prompt"}, "node_errors": {}}, status=400)
        if (refusal := _wrong(nodes)) is not None:
            return web.json_response(refusal, status=400)
        named = str(uuid.uuid4()) if self.old else body.get("prompt_id", str(uuid.uuid4()))
        ending = self.endings.pop(0) if self.endings else "success"
        job = Job(named, nodes, body.get("client_id", ""), ending)
        self.jobs.append(job)
        if ending != "forgotten":
            self.pending.append(job)
            self._more.set()
        return web.json_response({"prompt_id": named, "number": len(self.jobs), "node_errors": {}})

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        running = [_item(self.running)] if self.running else []
        return web.json_response({"queue_running": running, "queue_pending": [_item(job) for job in self.pending]})

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        gone = (await request.json()).get("delete", [])
        self.pending = [job for job in self.pending if job.id not in gone]
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.StreamResponse:
        wanted = None if self.old else (await request.json()).get("prompt_id")
        if self.running is not None and wanted in {None, self.running.id}:
            self.running.stopped.set()
        return web.Response()

    async def _record(self, request: web.Request) -> web.StreamResponse:
        job = request.match_info["job"]
        return web.json_response({job: self.history[job]} if job in self.history else {})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("filename", "")
        if "type" not in request.query or ".." in name:
            return web.Response(status=400)
        if name not in self.files:
            return web.Response(status=404)
        return web.Response(body=self.files[name], content_type="image/png")

    async def _work(self) -> None:
        """Draw what is in the queue, one job after the other, for as long as the stand-in runs."""
        while True:
            while not self.pending:
                self._more.clear()
                await self._more.wait()
            self.running = job = self.pending.pop(0)
            await self._draw(job)
            self.running = None
            await self._say(job, "executing", node=None)

    async def _draw(self, job: Job) -> None:
        await self._say(job, "execution_start")
        await self._say(job, "executing", node="3", display_node="3")
        steps = job.put("KSampler", "steps", 20)
        for step in range(1, steps + 1):
            if job.ending == "hang":
                await job.stopped.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(job.stopped.wait(), self.delay_s / steps)
            if job.stopped.is_set():
                break
            await self._tell(job, step, steps)
        ended = "interrupted" if job.stopped.is_set() else job.ending
        self.history[job.id] = record = self._ended(job, ended)
        job.drawn = ended == "success"
        await self._say(job, record["status"]["messages"][-1][0])

    async def _tell(self, job: Job, step: int, steps: int) -> None:
        """How far it is, among much else that a client must let pass."""
        await self._say(job, "progress", value=step, max=steps, node="3")
        await self._say(job, "progress", value="zorblax", max=steps)
        await self._say(job, "progress", value=steps, max=steps, prompt_id="somebody else's")
        await self._say(job, "progress_state", nodes={})
        if (socket := self._sockets.get(job.client)) is not None:
            with contextlib.suppress(ConnectionError):
                await socket.send_bytes(_PREVIEW)
                await socket.send_str('{"type": "progress", "data": {"value": NaN')
                if self.mute:
                    await socket.close()

    async def _say(self, job: Job, kind: str, **data: Any) -> None:
        socket = self._sockets.get(job.client)
        if socket is not None and not socket.closed:
            with contextlib.suppress(ConnectionError):
                await socket.send_json({"type": kind, "data": {"prompt_id": job.id, **data}})

    def _ended(self, job: Job, ended: str) -> dict[str, Any]:
        """The record of a job, with its pictures laid down to be fetched."""
        last, about = "execution_success", {"prompt_id": job.id, "node_id": "3", "node_type": "KSampler"}
        if ended in {*_ERRORS, "interrupted"}:
            last = "execution_interrupted" if ended == "interrupted" else "execution_error"
            about |= {"exception_type": _ERRORS.get(ended, ""), "exception_message": "over “zorblax”"}
        failed = last != "execution_success"
        outputs = {} if failed or ended == "empty" else self._pictures(job, "temp" if ended == "preview" else "output")
        if ended == "twice":
            outputs["12"] = outputs["9"]
        status = {"status_str": "error" if failed else "success", "completed": not failed}
        messages = [["execution_start", {"prompt_id": job.id}], [last, about]]
        return {"prompt": _item(job), "outputs": outputs, "status": {**status, "messages": messages}}

    def _pictures(self, job: Job, where: str) -> dict[str, Any]:
        images = []
        for number in range(job.put("EmptyLatentImage", "batch_size", 1)):
            name = f"{job.put('SaveImage', 'filename_prefix')}_{len(self.files):05}_.png"
            width, height = job.put("EmptyLatentImage", "width"), job.put("EmptyLatentImage", "height")
            self.files[name] = draw(width, height, job.put("KSampler", "seed") + number)
            images.append({"filename": name, "subfolder": "", "type": where})
        return {"9": {"images": images}, "11": {"text": ["zorblax"]}}


def _item(job: Job) -> list[Any]:
    """A job as the queue lists it."""
    return [1, job.id, job.nodes, {"client_id": job.client}, ["9"]]


def _wrong(nodes: dict[str, Any]) -> dict[str, Any] | None:
    """The body of ComfyUI's refusal of this workflow, or None."""
    for node in nodes.values():
        kind, inputs = node["class_type"], node["inputs"]
        if kind not in _NODES:
            return _refused("missing_node_type", node=kind)
        if kind == "CheckpointLoaderSimple" and inputs["ckpt_name"] not in _CHECKPOINTS:
            return _refused("prompt_outputs_failed_validation", node=kind, error="value_not_in_list")
        numbers = [inputs.get(name, 1) for name in ("seed", "steps", "width", "height", "batch_size")]
        # ComfyUI would make a number of "12"; that a slot kept its type is what is to be seen here.
        if any(type(number) is not int for number in numbers) or isinstance(inputs.get("cfg"), str):
            return _refused("prompt_outputs_failed_validation", node=kind, error="invalid_input_type")
    return None


if __name__ == "__main__":
    by_hand(ComfyUIPeer, lambda peer: {"COMFYUI_BASE_URL": peer.url})
