"""The failures that can be scripted: each is an answer instead of the real one.

Codes, types and statuses are OpenAI's (facts/models.md §3); the sentences are made up. Some hold pieces of the prompt
or of the key on purpose, as the real ones may: nothing of them may reach a log or a member.
"""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from tests.peers.pictures import draw

Fault = Callable[[web.Request, Mapping[str, Any]], Awaitable[web.StreamResponse]]


def refusal(status: int, code: str | None, kind: str, message: str, **headers: str) -> web.Response:
    """OpenAI's error body."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return web.json_response({"error": error}, status=status, headers=headers)


def _always(status: int, code: str | None, kind: str, message: str, **headers: str) -> Fault:
    async def answer(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        return refusal(status, code, kind, message.format(prompt=body.get("prompt", "")), **headers)

    return answer


def _pictures(make: Callable[[bytes], object]) -> Fault:
    async def answer(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
        return web.json_response({"created": 1, "data": [make(draw(64, 64, 0))]})

    return answer


async def _hang(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


async def _drop(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def _break_off(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    """Begins an answer, and the line goes dead."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": "100000"})
    await response.prepare(request)
    await response.write(b'{"created": 1, "data": [{"b64_json": "iVBORw0KGgo')
    assert request.transport is not None
    request.transport.close()
    return response


async def _endless(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    """More than 20 MiB, and it would go on for ever."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    await response.write(b'{"created": 1, "data": [{"b64_json": "')
    while True:
        await response.write(b"A" * 1_048_576)


async def _garbage(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    return web.Response(text="<html>a proxy's error page</html>", content_type="application/json")


def _encoded(data: bytes) -> dict[str, str]:
    return {"b64_json": base64.b64encode(data).decode()}


async def _too_many(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    return web.json_response({"created": 1, "data": [_encoded(draw(64, 64, n)) for n in range(body.get("n", 1) + 1)]})


async def _no_data(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    return web.json_response({"created": 1, "data": []})


async def _nan_scores(request: web.Request, body: Mapping[str, Any]) -> web.StreamResponse:
    from tests.peers.openai.answers import moderation

    answer = moderation({})
    answer["results"][0]["category_scores"]["sexual"] = float("nan")
    return web.Response(text=json.dumps(answer), content_type="application/json")


FAULTS: dict[str, Fault] = {
    "moderation_blocked": _always(
        400,
        "moderation_blocked",
        "image_generation_user_error",
        "Your request was rejected by the safety system: “{prompt}”. safety_violations=[made-up].",
    ),
    "insufficient_quota": _always(429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
    "billing_hard_limit_reached": _always(
        400, "billing_hard_limit_reached", "invalid_request_error", "Billing hard limit has been reached"
    ),
    "rate_limit": _always(
        429, "rate_limit_exceeded", "requests", "Rate limit reached for images per minute.", **{"Retry-After": "0"}
    ),
    "long_rate_limit": _always(
        429, "rate_limit_exceeded", "requests", "Rate limit reached for images per minute.", **{"Retry-After": "45"}
    ),
    "bad_key": _always(401, "invalid_api_key", "invalid_request_error", "Incorrect API key provided: sk-sec*****ret."),
    "unverified": _always(
        403, None, "invalid_request_error", "Your organization must be verified to use the model `gpt-image-2`."
    ),
    "no_such_model": _always(404, "model_not_found", "invalid_request_error", "The model does not exist."),
    "bad_parameter": _always(400, "invalid_value", "invalid_request_error", "Invalid value for “{prompt}”."),
    "server_error": _always(500, None, "server_error", "The server had an error while processing your request."),
    "unavailable": _always(503, None, "server_error", "The engine is currently overloaded."),
    "hang": _hang,
    "drop": _drop,
    "break_off": _break_off,
    "endless": _endless,
    "garbage": _garbage,
    "truncated_png": _pictures(lambda png: _encoded(png[: len(png) // 2])),
    "not_a_picture": _pictures(lambda _: _encoded(b"GIF89a, or so it says")),
    "bad_base64": _pictures(lambda _: {"b64_json": "!!!!"}),
    "url_only": _pictures(lambda _: {"url": "https://example.invalid/picture.png"}),
    "no_data": _no_data,
    "too_many": _too_many,
    "nan_scores": _nan_scores,
}
