"""The stand-in for OpenAI as a whole: starts the server and is what tests hold in their hands."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.peers.openai import answers
from tests.peers.openai.faults import FAULTS, refusal
from tests.peers.openai.schema import Description, find_description, image_problem

KEY = "sk-made-up-key-of-the-stand-in"
_IMAGES, _MODERATIONS = "/v1/images/generations", "/v1/moderations"


@dataclass(slots=True)
class Call:
    """One request as it came: `headers` without the key, `status` of the answer (0 while there is none)."""

    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    status: int = 0


@dataclass(slots=True)
class Script:
    """Answer the next `times` calls to `path` by the failure called `name`."""

    name: str
    path: str
    times: int = 1


@dataclass(slots=True)
class _State:
    calls: list[Call] = field(default_factory=list)
    scripts: list[Script] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    drawn: int = 0


class OpenAIPeer:
    """A server that speaks OpenAI's images, moderations and models on a local port.

    `base_url` is what `OPENAI_BASE_URL` takes; `delay_s` is how long every picture takes; `scores` are the moderation's
    answers; `calls` are all requests so far.
    """

    def __init__(self, *, port: int = 0, key: str = KEY) -> None:
        """Take the port (0: any free one) and the key to accept."""
        self.key = key
        self.delay_s = 0.0
        self.url = ""
        self._port = port
        self._state = _State()
        self._runner: web.AppRunner | None = None
        path = find_description()
        self._description = None if path is None else Description(path)

    @property
    def base_url(self) -> str:
        """The base of every path."""
        return f"{self.url}/v1"

    @property
    def calls(self) -> list[Call]:
        """All requests so far."""
        return self._state.calls

    @property
    def image_calls(self) -> list[Call]:
        """The requests for pictures so far."""
        return [call for call in self.calls if call.path == _IMAGES]

    @property
    def scores(self) -> dict[str, float]:
        """The moderation's scores by category; tests set them."""
        return self._state.scores

    def fault(self, name: str, *, times: int = 1, path: str = _IMAGES) -> None:
        """Script a failure, one of `faults.FAULTS`, for the next `times` calls."""
        assert name in FAULTS
        self._state.scripts.append(Script(name, path, times))

    def moderation_fault(self, name: str, *, times: int = 1) -> None:
        """The same for the moderation endpoint."""
        self.fault(name, times=times, path=_MODERATIONS)

    def clear_faults(self) -> None:
        """Answer properly from now on."""
        self._state.scripts.clear()

    async def start(self) -> None:
        """Listen; raises OSError if the port is taken."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post(_IMAGES, self._answering(self._images))
        app.router.add_post(_MODERATIONS, self._answering(self._moderations))
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/_peer/fault", self._script)
        app.router.add_get("/_peer/requests", self._recorded)
        # A handler whose client is gone ends with it, so a hanging answer never outlives its test.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _answering(
        self, answer: Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            body = await request.json()
            headers = {name: value for name, value in request.headers.items() if name != "Authorization"}
            call = Call(request.path, body, headers)
            self.calls.append(call)
            response = self._unauthorised(request) or await self._scripted(request, body) or await answer(body)
            call.status = response.status
            if not response.prepared:
                response.headers["x-request-id"] = f"req_{len(self.calls)}"
            return response

        return handler

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        if request.headers.get("Authorization") == f"Bearer {self.key}":
            return None
        return refusal(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided: sk-sec*****ret.")

    async def _scripted(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse | None:
        script = next((s for s in self._state.scripts if s.path == request.path and s.times), None)
        if script is None:
            return None
        script.times -= 1
        return await FAULTS[script.name](request, body)

    async def _images(self, body: dict[str, Any]) -> web.StreamResponse:
        described = None if self._description is None else self._description.problem("CreateImageRequest", body)
        problem = described or image_problem(body)
        if problem is not None:
            return refusal(400, "invalid_value", "invalid_request_error", problem)
        await asyncio.sleep(self.delay_s)
        answer = answers.pictures(body, self._state.drawn)
        self._state.drawn += len(answer["data"])
        return web.json_response(answer)

    async def _moderations(self, body: dict[str, Any]) -> web.StreamResponse:
        described = None if self._description is None else self._description.problem("CreateModerationRequest", body)
        pictures = [part for part in body["input"] if part["type"] == "image_url"]
        if described is not None or len(pictures) != 1:
            return refusal(400, "invalid_value", "invalid_request_error", described or "one image per request")
        return web.json_response(answers.moderation(self._state.scores))

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return self._unauthorised(request) or web.json_response(answers.models())

    async def _script(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        self.fault(wanted["name"], times=wanted.get("times", 1), path=wanted.get("path", _IMAGES))
        return web.json_response({"ok": True})

    async def _recorded(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([{"path": c.path, "status": c.status, "body": c.body} for c in self.calls])
