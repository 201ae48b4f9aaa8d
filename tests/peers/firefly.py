"""A local stand-in of Adobe Firefly and of Adobe's identity service: tokens, jobs that can be cancelled, refusals.

Owns what Adobe answers and what it refuses to take. As of github.com/AdobeDocs/ff-services-docs, November 2026; by
hand: `python -m tests.peers.firefly`. `delay_s` is how long a job takes, `taking_s` how long Adobe needs to take it.
64x64 and 128x64 are sizes of the stand-in alone, so that tests draw quickly.
"""

import asyncio
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Fault, Handler, ProviderPeer, by_hand, says

CLIENT_ID = "the-client-of-the-stand-in"

_SIZES = {(64, 64), (128, 64), (1024, 1024), (2048, 2048), (2304, 1792), (1792, 2304), (2688, 1536), (1344, 768)}
_VERSIONS = {"image3", "image4_standard", "image4_ultra"}
_FIELDS: Mapping[str, type] = {
    "prompt": str,
    "size": dict,
    "numVariations": int,
    "seeds": list,
    "contentClass": str,
    "negativePrompt": str,
    "promptBiasingLocaleCode": str,
    "visualIntensity": int,
    "customModelId": str,
}


@dataclass(slots=True)
class Job:
    """One job as Adobe keeps it."""

    body: dict[str, Any]
    began: float
    cancelled: bool = False


def _denied(why: str) -> Fault:
    return says(403, {"error_code": "access_error"}, **{"x-access-error": why})


def _stands(status: Any, **changes: Any) -> Fault:
    return says(200, {"jobId": "urn:ff:jobs:x", "status": status, "message": "A word on “zorblax”."} | changes)


def _made(*outputs: Any, **changes: Any) -> Fault:
    result = {"size": {"width": 64, "height": 64}, "outputs": list(outputs)} | changes
    return _stands("succeeded", result=result)


async def _truncated(_: web.Request) -> web.StreamResponse:
    return web.Response(body=draw(64, 64, 1)[:-40], content_type="image/png")


async def _text(_: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<svg>no picture</svg>", content_type="image/png")


class FireflyPeer(ProviderPeer):
    """Adobe Firefly, as far as it draws from words; its key is the project's secret."""

    FAULTS: ClassVar = {
        "invalid_client": says(400, {"error": "invalid_client", "error_description": "invalid client_secret"}),
        "invalid_scope": says(400, {"error": "invalid_scope"}),
        "no_token": says(200, {"token_type": "bearer", "expires_in": 86_399}),
        "odd_token": says(200, {"access_token": "two\r\nlines", "expires_in": 86_399}),
        "token_refused": says(401, {"error_code": "401013", "message": "Oauth token is not valid"}),
        "quota_exhausted": _denied("quota_exhausted"),
        "not_entitled": _denied("user_non_entitled"),
        "denied": _denied("something new about zorblax"),
        "prompt_unsafe": says(400, {"error_code": "prompt_unsafe", "message": "The prompt “zorblax” is unsafe."}),
        "validation": says(422, {"error_code": "validation_error", "validation_errors": []}),
        "no_job": says(202, {"jobId": "urn:ff:jobs:x"}),
        "odd_job": says(202, {"jobId": 7, "statusUrl": "https://127.0.0.1/", "cancelUrl": "https://127.0.0.1/"}),
        "odd_address": says(202, {"jobId": "x", "statusUrl": "file:///etc/passwd", "cancelUrl": ""}),
        "failed": _stands("failed", error_code="runtime_error"),
        "failed_as_unsafe": _stands("failed", error_code="prompt_unsafe"),
        "failed_as_withheld": _stands("failed", error_code="output_media_unsafe"),
        "failed_as_foreign": _stands("failed", error_code="language_not_supported"),
        "timed_out": _stands("timeout", error_code="job_timeout"),
        "cancelled_there": _stands("cancelled"),
        "unknown_job": says(404, {"error_code": "unknown_job_id", "message": "The job id is unknown."}),
        "no_status": _stands(None),
        "no_result": _stands("succeeded"),
        "no_outputs": _made(),
        "too_many": _made(*[{"seed": 1, "image": {"url": "http://127.0.0.1/"}}] * 5),
        "odd_output": _made("zorblax"),
        "no_link": _made({"seed": 1, "image": {}}),
        "odd_link": _made({"seed": 1, "image": {"url": "zorblax"}}),
        "odd_progress": _stands("running", progress=float("nan")),
        "half_way": _stands("running", progress=50.0),
        "expired": says(403, {"message": "Request has expired"}),
        "truncated": _truncated,
        "not_a_picture": _text,
    }

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self.taking_s = 0.0
        self.lifetime_s: Any = 86_399
        self.lost_pictures = 0
        self.denied_words = False
        self.jobs: dict[str, Job] = {}
        self._tokens: set[str] = set()
        self._ids = itertools.count(1)

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        return {
            ("POST", "/ims/token/v3"): self._token,
            ("POST", "/v3/images/generate-async"): self._take_on,
            ("GET", "/v3/status/{job}"): self._status,
            ("PUT", "/v3/cancel/{job}"): self._cancel,
            ("GET", "/presigned/{job}/{number}"): self._picture,
        }

    def knows(self, request: web.Request) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return token in self._tokens and request.headers.get("x-api-key") == CLIENT_ID

    def forget_tokens(self) -> None:
        """As if all tokens had run out."""
        self._tokens.clear()

    @property
    def waiting(self) -> list[str]:
        """The jobs that Adobe would still be drawing."""
        return [name for name, job in self.jobs.items() if not job.cancelled and not self._ready(job)]

    def _ready(self, job: Job) -> bool:
        return time.monotonic() - job.began >= self.delay_s

    async def _token(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        known = (form.get("grant_type"), form.get("client_id")) == ("client_credentials", CLIENT_ID)
        if not known or form.get("client_secret") != self.key:
            return web.json_response({"error": "invalid_client"}, status=400)
        if "firefly_api" not in str(form.get("scope")).split(","):
            return web.json_response({"error": "invalid_scope"}, status=400)
        token = f"token-{next(self._ids)}-of-the-stand-in"
        self._tokens.add(token)
        return web.json_response({"access_token": token, "token_type": "bearer", "expires_in": self.lifetime_s})

    async def _take_on(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return _unknown()
        body = await request.json()
        if (field := _wrong(body, request.headers.get("x-model-version", ""))) is not None:
            problem = {"loc": ["body", field], "msg": "not a valid value", "type": "value_error"}
            return web.json_response({"error_code": "validation_error", "validation_errors": [problem]}, status=422)
        name = f"urn:ff:jobs:{len(self.jobs) + 1}"
        self.jobs[name] = Job(body, time.monotonic())
        # The job is Adobe's from here on, whether or not anybody hears of it.
        await asyncio.sleep(self.taking_s)
        links = {"statusUrl": f"{self.url}/v3/status/{name}", "cancelUrl": f"{self.url}/v3/cancel/{name}"}
        return web.json_response({"jobId": name} | links, status=202)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["job"]
        if not self.knows(request):
            return _unknown()
        if (job := self.jobs.get(name)) is None:
            return web.json_response({"error_code": "unknown_job_id"}, status=404)
        if job.cancelled:
            return web.json_response({"jobId": name, "status": "cancelled"})
        if not self._ready(job):
            passed = 100 * (time.monotonic() - job.began) / self.delay_s
            return web.json_response({"jobId": name, "status": "running", "progress": passed})
        seeds = job.body["seeds"]
        outputs = [
            {"seed": seed, "image": {"url": f"{self.url}/presigned/{name}/{number}?X-Amz-Expires=3600"}}
            for number, seed in enumerate(seeds)
        ]
        # Adobe promises no order, so the last comes first.
        outputs = outputs[::-1][: len(seeds) - self.lost_pictures]
        result = {"size": job.body["size"], "outputs": outputs, "promptHasDeniedWords": self.denied_words}
        return web.json_response({"jobId": name, "status": "succeeded", "result": result})

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return _unknown()
        job = self.jobs[request.match_info["job"]]
        if job.cancelled or self._ready(job):
            return web.json_response({"error_code": "job_completed"}, status=409)
        job.cancelled = True
        return web.json_response({})

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        # The links are signed and lie elsewhere: nobody but Adobe's own interface may see token and id.
        if {"Authorization", "x-api-key"} & set(request.headers):
            return web.json_response({"message": "Only one way to be known"}, status=400)
        body = self.jobs[request.match_info["job"]].body
        seed = body["seeds"][int(request.match_info["number"])]
        return web.Response(body=draw(body["size"]["width"], body["size"]["height"], seed), content_type="image/png")


def _unknown() -> web.Response:
    return web.json_response({"error_code": "401013", "message": "Oauth token is not valid"}, status=401)


def _wrong(body: dict[str, Any], version: str) -> str | None:
    """The field or header that Adobe would not take."""
    for name, value in body.items():
        if name not in _FIELDS or type(value) is not _FIELDS[name]:
            return name
    size, seeds = body.get("size", {}), body.get("seeds", [])
    good = {
        "x-model-version": version in _VERSIONS,
        "prompt": 1 <= len(body.get("prompt", "")) <= 1024,
        "size": (size.get("width"), size.get("height")) in _SIZES,
        "numVariations": 1 <= body.get("numVariations", 1) <= 4,
        "seeds": len(set(seeds)) == len(seeds) == body.get("numVariations", 1) and max(seeds, default=0) < 2**31,
        "contentClass": body.get("contentClass", "photo") in {"photo", "art"},
        "visualIntensity": 2 <= body.get("visualIntensity", 6) <= 10,
    }
    return next((name for name, fits in good.items() if not fits), None)


if __name__ == "__main__":
    by_hand(
        FireflyPeer,
        lambda peer: {
            "FIREFLY_CLIENT_ID": CLIENT_ID,
            "FIREFLY_CLIENT_SECRET": peer.key,
            "FIREFLY_BASE_URL": peer.url,
            "FIREFLY_IMS_URL": peer.url,
        },
    )
