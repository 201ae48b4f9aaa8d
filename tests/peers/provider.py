"""What the stand-ins of smaller providers share: a server that keeps its calls, asks for a key, and fails on demand.

Owns starting and stopping, the record of calls, and the failures any HTTP service can have. A provider's own paths,
bodies and refusals are its stand-in's, a subclass in a file of its own.
"""

import abc
import argparse
import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Call:
    """One request as it came: `sent` is its JSON or its form's fields, `status` that of the answer (0: none yet)."""

    method: str
    path: str
    sent: dict[str, Any]
    headers: dict[str, str]
    status: int = 0


@dataclass(slots=True)
class _Script:
    name: str
    path: str
    times: int


def says(status: int, body: Mapping[str, Any], **headers: str) -> Fault:
    """A failure that always answers the same."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


async def _hang(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def _drop(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _break_off(request: web.Request) -> web.StreamResponse:
    """Begins an answer, and the line goes dead."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100000"})
    await response.prepare(request)
    await response.write(b'{"id": "')
    assert request.transport is not None
    request.transport.close()
    return response


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
    await response.prepare(request)
    while True:
        await response.write(b"\x89PNG\r\n\x1a\n" * 131_072)


async def _garbage(_: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>a proxy's error page</html>", content_type="application/json")


_ANYBODYS: Mapping[str, Fault] = {
    "rate_limit": says(429, {"message": "Too many requests."}, **{"Retry-After": "0"}),
    "long_rate_limit": says(429, {"message": "Too many requests."}, **{"Retry-After": "45"}),
    "bad_key": says(401, {"message": "The key sk-sec*****ret is not valid."}),
    "no_credit": says(402, {"message": "Payment required."}),
    "not_found": says(404, {"message": "Not found."}),
    "server_error": says(500, {"message": "Something broke over “zorblax”."}),
    "unavailable": says(503, {"message": "Overloaded."}),
    "elsewhere": says(302, {}, Location="http://127.0.0.1:9/"),
    "hang": _hang,
    "drop": _drop,
    "break_off": _break_off,
    "endless": _endless,
    "garbage": _garbage,
}


@dataclass(slots=True)
class _State:
    calls: list[Call] = field(default_factory=list)
    scripts: list[_Script] = field(default_factory=list)


class ProviderPeer(abc.ABC):
    """A provider's stand-in on a local port.

    `FAULTS` are the provider's own failures by name; `delay_s` is how long a picture takes.
    """

    FAULTS: ClassVar[Mapping[str, Fault]] = {}
    key: ClassVar[str] = "made-up-key-of-the-stand-in"

    def __init__(self, *, port: int = 0) -> None:
        """Take the port; 0 means any free one."""
        self.delay_s = 0.0
        self.url = ""
        self._port = port
        self._state = _State()
        self._runner: web.AppRunner | None = None

    @abc.abstractmethod
    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """What is answered, by method and aiohttp's pattern of the path."""

    def knows(self, request: web.Request) -> bool:
        """Whether the request carries the key where this provider wants it."""
        return request.headers.get("Authorization") == f"Bearer {self.key}"

    @property
    def calls(self) -> list[Call]:
        """All requests so far."""
        return self._state.calls

    def called(self, path: str) -> list[Call]:
        """The requests so far whose path begins so."""
        return [call for call in self.calls if call.path.startswith(path)]

    def fault(self, name: str, *, path: str = "/", times: int = 1) -> None:
        """Fail by this name at the next `times` requests whose path begins so."""
        assert name in self._faults, f"no such failure: {name}"
        self._state.scripts.append(_Script(name, path, times))

    @property
    def _faults(self) -> Mapping[str, Fault]:
        return {**_ANYBODYS, **self.FAULTS}

    async def start(self) -> None:
        """Listen; raises OSError if the port is taken."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        for (method, path), handler in self.routes().items():
            app.router.add_route(method, path, self._answering(handler))
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

    def _answering(self, handler: Handler) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            headers = {name: value for name, value in request.headers.items() if value.find(self.key) < 0}
            call = Call(request.method, request.path, await _sent(request), headers)
            self.calls.append(call)
            response = await self._scripted(request) or await handler(request)
            call.status = response.status
            return response

        return answer

    async def _scripted(self, request: web.Request) -> web.StreamResponse | None:
        script = next((s for s in self._state.scripts if s.times and request.path.startswith(s.path)), None)
        if script is None:
            return None
        script.times -= 1
        return await self._faults[script.name](request)

    async def _script(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        self.fault(wanted["name"], path=wanted.get("path", "/"), times=wanted.get("times", 1))
        return web.json_response({"ok": True})

    async def _recorded(self, request: web.Request) -> web.StreamResponse:
        return web.json_response([{"path": c.path, "status": c.status, "sent": c.sent} for c in self.calls])


async def _sent(request: web.Request) -> dict[str, Any]:
    """A JSON body or a form's fields, files as their sizes; the body can be read again by the handler."""
    if request.content_type == "application/json":
        content = json.loads(await request.read() or b"{}")
        return content if isinstance(content, dict) else {"": content}
    if request.content_type in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        form = await request.post()
        return {name: value if isinstance(value, str) else "a file" for name, value in form.items()}
    return {}


def by_hand(peer: type[ProviderPeer], variables: Callable[[ProviderPeer], Mapping[str, str]]) -> None:
    """Start the stand-in from a shell, saying how to point a worker at it, until Ctrl-C."""
    parser = argparse.ArgumentParser(description=(peer.__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes any free port")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that every picture takes")
    arguments = parser.parse_args()

    async def serve() -> None:
        async with peer(port=arguments.port) as running:
            running.delay_s = arguments.delay
            for name, value in variables(running).items():
                print(f"{name}={value}", flush=True)
            print(f'curl {running.url}/_peer/fault -d \'{{"name": "rate_limit", "times": 1}}\'')
            print(f"Failures: {', '.join(sorted(running._faults))}", flush=True)
            await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve())
