"""The Web API over HTTP: tokens, scopes, faults, the upload URL, and Slack's way to say yes and no."""

import asyncio
import json
from typing import Any

from aiohttp import web

from tests.peers.slack.checks import Refusal
from tests.peers.slack.methods import METHODS, Method
from tests.peers.slack.sockets import Sockets
from tests.peers.slack.state import Call, Fault, Workspace


class WebApi:
    """Answers /api/<method> and /upload/v1/<file>."""

    def __init__(self, space: Workspace, sockets: Sockets) -> None:
        self._space, self._sockets = space, sockets
        self._methods = {**METHODS, "apps.connections.open": Method(self._open_socket, app_token=True)}
        self._base = ""

    def add_to(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self._call)  # the SDK asks some by GET
        app.router.add_post("/upload/v1/{file_id}", self._upload)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        self._base = f"http://{request.host}"
        name = request.match_info["method"]
        call = Call(method=name, arguments=await _arguments(request))
        self._space.calls.append(call)
        fault = self._space.take_fault(name)
        if fault is not None:
            await asyncio.sleep(fault.delay_s)
        if fault is not None and not fault.after and not fault.only_late:
            return await self._fail(request, call, fault)
        answer = self._answer(request, call)
        if fault is not None and not fault.only_late:
            return await self._fail(request, call, fault)
        return web.json_response(answer)

    def _answer(self, request: web.Request, call: Call) -> dict[str, Any]:
        method = self._methods.get(call.method, Method(_no_method))
        try:
            self._check_token(request, call, method)
            answer = method.run(self._space, call.arguments)
        except Refusal as refusal:
            call.error = refusal.error
            return {"ok": False, "error": refusal.error, **refusal.more}
        if path := answer.pop("upload_path", None):
            answer["upload_url"] = f"{self._base}/{path}"
        return {"ok": True, **answer}

    def _check_token(self, request: web.Request, call: Call, method: Method) -> None:
        header = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = header or str(call.arguments.pop("token", ""))
        if not token:
            raise Refusal("not_authed")
        if token not in {self._space.bot_token, self._space.app_token}:
            raise Refusal("invalid_auth")
        if (token == self._space.app_token) != method.app_token:
            raise Refusal("not_allowed_token_type")
        if method.scope is not None and method.scope not in self._space.scopes:
            raise Refusal("missing_scope", needed=method.scope, provided=",".join(sorted(self._space.scopes)))

    async def _fail(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse:
        call.status, call.error = fault.status, fault.error or ("dropped" if fault.drop else f"http_{fault.status}")
        if fault.drop:
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if fault.status == 429:
            answer = {"ok": False, "error": "ratelimited"}
            return web.json_response(answer, status=429, headers={"Retry-After": str(fault.retry_after)})
        if fault.status >= 500:
            return web.Response(status=fault.status, text="<html>upstream trouble</html>", content_type="text/html")
        return web.json_response({"ok": False, "error": fault.error or "internal_error"})

    async def _upload(self, request: web.Request) -> web.Response:
        file = self._space.files.get(request.match_info["file_id"])
        data = await request.read()
        if fault := self._space.take_fault("upload"):
            return web.Response(status=fault.status, text="not now")
        if file is None or file.data is not None:
            return web.Response(status=404, text="no such upload")
        if len(data) != file.length:
            return web.Response(status=400, text="the length is not the one announced")
        file.data = data
        return web.Response(text=f"OK - {len(data)}")

    def _open_socket(self, _: Workspace, __: dict[str, Any]) -> dict[str, Any]:
        return {"url": f"{self._base.replace('http', 'ws', 1)}/link/?ticket={self._sockets.new_ticket()}"}


def _no_method(_: Workspace, __: dict[str, Any]) -> dict[str, Any]:
    raise Refusal("unknown_method")


async def _arguments(request: web.Request) -> dict[str, Any]:
    """The arguments from wherever the SDK puts them: the URL, a form, or JSON."""
    arguments: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        arguments |= json.loads(await request.text() or "{}")
    elif request.can_read_body:
        arguments |= {key: str(value) for key, value in (await request.post()).items()}
    return arguments
