"""A stand-in for Hugging Face: the hub's look-up of models, the router with six providers, and an endpoint.

Paths, headers and bodies as huggingface_hub 2.4.0 sends and reads them; Replicate's and WaveSpeed's jobs take
`looks` looks. It also starts by hand: `python -m tests.peers.huggingface`.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Fault, Handler, ProviderPeer, by_hand, says

MODEL = "zorb/Zorb-1"
_NAMES = {
    "fal-ai": "fal-ai/zorb/one",
    "together": "zorb/Zorb-one",
    "replicate": "zorb/zorb-one",
    "wavespeed": "wavespeed-ai/zorb-one",
    "zai-org": "zorb-one",
    "nscale": "zorb/Zorb-one",
}
_SIZES = range(16, 2049)
# Replicate names where to look and where to cancel.
_ENDS = (("get", ""), ("cancel", "/cancel"))


@dataclass
class Work:
    """A job: how often it was looked at, and whether it was cancelled."""

    picture: str
    looks: int = 0
    cancelled: bool = False


async def _not_a_picture(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"GIF89a and so on", content_type="image/png")


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 0)[:-200], content_type="image/png")


async def _a_number(_: web.Request) -> web.StreamResponse:
    return web.Response(text="NaN", content_type="application/json")


_FLAGGED = [{"loc": ["body", "prompt"], "msg": "Flagged.", "type": "content_policy_violation", "input": "zorblax"}]
_WRONG = [{"loc": ["body", "prompt"], "msg": "Not nsfw zorblax.", "type": "value_error", "input": "nsfw zorblax"}]


class HuggingFacePeer(ProviderPeer):
    """The hub, the router and an endpoint, all at one address."""

    key: ClassVar[str] = "hf_made-up-key-of-the-stand-in"

    FAULTS: ClassVar[Mapping[str, Fault]] = {
        "flagged": says(422, {"detail": _FLAGGED}),
        "flagged_list": says(422, {"detail": {"error": _FLAGGED}}),
        "wrong_field": says(422, {"detail": _WRONG}),
        "flagged_by_zai": says(400, {"error": {"code": "1301", "message": "Over “zorblax”."}}),
        "flagged_by_together": says(400, {"error": {"message": "NSFW content in “zorblax”.", "type": "invalid"}}),
        "struck_out": says(200, {"images": [{"url": "http://127.0.0.1:9/"}], "has_nsfw_concepts": [True]}),
        "loading": says(503, {"error": "Model is loading", "estimated_time": 45.0}),
        "no_credit": says(402, {"error": "You have exceeded your monthly included credits."}),
        "forbidden": says(403, {"error": "This token may not call Inference Providers."}),
        "job_failed": says(200, {"id": "w1", "status": "failed", "error": "Out of memory over “zorblax”."}),
        "job_refused": says(200, {"id": "w1", "status": "failed", "error": "NSFW content detected: “zorblax”."}),
        "job_lost": says(200, {"id": "w1", "status": "zorblax"}),
        "job_nowhere": says(200, {"id": "w1", "status": "processing"}),
        "no_images": says(200, {"images": []}),
        "bad_base64": says(200, {"data": [{"b64_json": "%%%"}]}),
        "no_address": says(200, {"images": [{"url": "ftp://127.0.0.1/zorblax.png"}]}),
        "expired": says(410, {"message": "Gone."}),
        "not_a_picture": _not_a_picture,
        "truncated": _truncated,
        "a_number": _a_number,
    }

    def __init__(self, *, port: int = 0) -> None:
        """Take the port; 0 means any free one."""
        super().__init__(port=port)
        self.looks = 2
        self.work: dict[str, Work] = {}

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The hub's look-up, each provider behind the router, the endpoint and the finished pictures."""
        return {
            ("GET", "/api/models/{owner}/{name}"): self._look_up,
            ("POST", f"/fal-ai/{_NAMES['fal-ai']}"): self._keyed(self._fal),
            ("POST", "/together/v1/images/generations"): self._keyed(self._together),
            ("POST", "/nscale/v1/images/generations"): self._keyed(self._nscale),
            ("POST", f"/replicate/v1/models/{_NAMES['replicate']}/predictions"): self._keyed(self._replicate),
            ("GET", "/replicate/v1/predictions/{id}"): self._keyed(self._replicate_job),
            ("POST", "/replicate/v1/predictions/{id}/cancel"): self._keyed(self._replicate_cancel),
            ("POST", f"/wavespeed/api/v3/{_NAMES['wavespeed']}"): self._keyed(self._wavespeed),
            ("GET", "/wavespeed/api/v3/predictions/{id}"): self._keyed(self._wavespeed_job),
            ("POST", "/zai-org/api/paas/v4/async/images/generations"): self._keyed(self._zai),
            ("GET", "/zai-org/api/paas/v4/async-result/{id}"): self._keyed(self._zai_job),
            ("POST", f"/hf-inference/models/{MODEL}"): self._keyed(self._endpoint),
            ("POST", "/endpoint"): self._keyed(self._endpoint),
            ("GET", "/files/{size}-{number}.png"): self._file,
        }

    def _keyed(self, handler: Callable[[web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            if not self.knows(request):
                return web.json_response({"error": "Invalid username or password."}, status=401)
            return await handler(request, json.loads(await request.read() or b"{}"))

        return answer

    async def _look_up(self, request: web.Request) -> web.StreamResponse:
        model = f"{request.match_info['owner']}/{request.match_info['name']}"
        if model != MODEL:
            return web.json_response({"error": "Repository not found"}, status=404)
        live = {"status": "live", "task": "text-to-image"}
        mapping = {provider: {"providerId": name, **live} for provider, name in _NAMES.items()}
        told = {"id": model, "pipeline_tag": "text-to-image", "tags": [], "inferenceProviderMapping": mapping}
        return web.json_response(told)

    async def _fal(self, _: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        size = sent.get("image_size")
        if not isinstance(size, dict) or not isinstance(sent.get("prompt"), str):
            return web.json_response({"detail": _WRONG}, status=422)
        body = {"images": [{"url": await self._drawn(size["width"], size["height"])}], "seed": sent.get("seed")}
        return web.json_response(body, headers={"x-fal-request-id": f"fal-{len(self.calls)}"})

    async def _together(self, _: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        if sent.get("model") != _NAMES["together"] or sent.get("response_format") != "base64":
            return web.json_response({"error": {"message": "Unknown model.", "type": "invalid"}}, status=400)
        await asyncio.sleep(self.delay_s)
        picture = base64.b64encode(draw(sent["width"], sent["height"], sent["seed"] % 256)).decode()
        return web.json_response({"id": "tog-1", "data": [{"index": 0, "b64_json": picture}]})

    async def _nscale(self, _: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        if "num_inference_steps" in sent or sent.get("response_format") != "b64_json":
            return web.json_response({"error": {"message": "Unknown field.", "type": "invalid"}}, status=400)
        width, height = sent["size"].split("x")
        picture = base64.b64encode(draw(int(width), int(height), 0)).decode()
        return web.json_response({"data": [{"b64_json": picture}]})

    async def _replicate(self, request: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        if request.headers.get("Prefer") != "wait" or "prompt" not in sent.get("input", {}):
            return web.json_response({"detail": "input is required"}, status=422)
        return web.json_response(self._prediction(self._begin(sent["input"])), status=201)

    async def _replicate_job(self, request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        job = request.match_info["id"]
        self.work[job].looks += 1
        return web.json_response(self._prediction(job))

    async def _replicate_cancel(self, request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        self.work[request.match_info["id"]].cancelled = True
        return web.json_response({"id": request.match_info["id"], "status": "canceled"})

    def _prediction(self, job: str) -> dict[str, Any]:
        state = self._state_of(job, "starting", "processing", "succeeded")
        # Its own address, not the router's: whoever looks has to know the way.
        urls = {name: f"https://api.replicate.com/v1/predictions/{job}{end}" for name, end in _ENDS}
        output = [self.work[job].picture] if state == "succeeded" else None
        return {"id": job, "status": state, "output": output, "error": None, "urls": urls}

    async def _wavespeed(self, _: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        return web.json_response(self._task(self._begin(sent)))

    async def _wavespeed_job(self, request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        job = request.match_info["id"]
        self.work[job].looks += 1
        return web.json_response(self._task(job))

    def _task(self, job: str) -> dict[str, Any]:
        state = self._state_of(job, "created", "processing", "completed")
        outputs = [self.work[job].picture] if state == "completed" else []
        urls = {"get": f"https://api.wavespeed.ai/api/v3/predictions/{job}"}
        data = {"id": job, "status": state, "outputs": outputs, "urls": urls, "has_nsfw_contents": [False], "error": ""}
        return {"code": 200, "message": "success", "data": data}

    async def _zai(self, _: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        width, height = sent["size"].split("x")
        job = self._begin({"width": int(width), "height": int(height)})
        return web.json_response({"id": job, "task_status": "PROCESSING"})

    async def _zai_job(self, request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        job = request.match_info["id"]
        self.work[job].looks += 1
        state = self._state_of(job, "PROCESSING", "PROCESSING", "SUCCESS")
        result = [{"url": self.work[job].picture}] if state == "SUCCESS" else None
        return web.json_response({"id": job, "task_status": state, "image_result": result})

    async def _endpoint(self, _: web.Request, sent: dict[str, Any]) -> web.StreamResponse:
        parameters = sent.get("parameters", {})
        sides = parameters.get("width"), parameters.get("height")
        if not isinstance(sent.get("inputs"), str) or any(side not in _SIZES for side in sides):
            return web.json_response({"error": "inputs and a size are needed"}, status=422)
        await asyncio.sleep(self.delay_s)
        picture = draw(*sides, parameters.get("seed", 0) % 256)
        return web.Response(body=picture, content_type="image/png", headers={"x-request-id": "req-1"})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        if "Authorization" in request.headers:
            return web.Response(status=403, text="the key was sent where it does not belong")
        width, height = request.match_info["size"].split("x")
        picture = draw(int(width), int(height), int(request.match_info["number"]))
        return web.Response(body=picture, content_type="image/png")

    async def _drawn(self, width: int, height: int) -> str:
        number = sum(call.method == "POST" for call in self.calls)
        await asyncio.sleep(self.delay_s)
        return f"{self.url}/files/{width}x{height}-{number}.png"

    def _begin(self, sent: Mapping[str, Any]) -> str:
        job = f"w{len(self.work) + 1}"
        self.work[job] = Work(f"{self.url}/files/{sent['width']}x{sent['height']}-{len(self.work)}.png")
        return job

    def _state_of(self, job: str, begun: str, going: str, done: str) -> str:
        looks = self.work[job].looks
        return begun if looks == 0 else going if looks < self.looks else done


def _variables(peer: ProviderPeer) -> Mapping[str, str]:
    return {"HF_TOKEN": peer.key, "HF_ENDPOINT": peer.url, "HF_INFERENCE_BASE_URL": peer.url}


if __name__ == "__main__":
    by_hand(HuggingFacePeer, _variables)
