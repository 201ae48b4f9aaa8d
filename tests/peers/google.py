"""A stand-in for Google's Gemini API, as far as pictures go: `generateContent` of a few picture models.

Its pictures are sixteen times smaller than Google's, so that drawing them takes no time: 64x64 stands for 1024x1024.
Paths, bodies and words as the google-genai SDK 3.6.1 sends and reads them. It also starts by hand:
`python -m tests.peers.google`.
"""

import asyncio
import base64
from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.peers.pictures import draw
from tests.peers.provider import Fault, Handler, ProviderPeer, by_hand, says

MODELS = ("gemini-nano-banana-2.1", "gemini-3-pro-image")
SHAPES = {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"}
TIERS = {"1K": 1, "2K": 2, "4K": 4}
SHRINK = 16
TOKENS = 1120

_QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"
_RETRY = "type.googleapis.com/google.rpc.RetryInfo"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


def _error(code: int, status: str, message: str, *details: Mapping[str, Any]) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, "details": list(details)}}


def _exhausted(*details: Mapping[str, Any], message: str = "You exceeded your current quota over “zorblax”.") -> Fault:
    return says(429, _error(429, "RESOURCE_EXHAUSTED", message, *details))


def _violated(quota: str, value: str = "10") -> dict[str, Any]:
    return {"@type": _QUOTA, "violations": [{"quotaId": quota, "quotaValue": value}]}


def _finished(reason: str, *parts: Mapping[str, Any]) -> Fault:
    return says(200, {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": reason}]})


def _holding(data: object) -> Fault:
    return _finished("STOP", {"inlineData": {"mimeType": "image/png", "data": data}})


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def _many(_: web.Request) -> web.StreamResponse:
    return web.json_response([{"candidates": []}])


async def _unreadable(_: web.Request) -> web.StreamResponse:
    return web.Response(status=500, body=b"zorbl\xe4x", content_type="application/json")


class GooglePeer(ProviderPeer):
    """The Gemini API of one account."""

    FAULTS: ClassVar[Mapping[str, Fault]] = {
        "prompt_blocked": says(200, {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}),
        "safety": _finished("SAFETY"),
        "image_safety": _finished("IMAGE_SAFETY", {"text": "I cannot draw “zorblax”."}),
        "recitation": _finished("IMAGE_RECITATION"),
        "banned": _finished("PUP_LIMITED_DISABLED"),
        "language": _finished("LANGUAGE"),
        "no_image": _finished("NO_IMAGE"),
        "only_words": _finished("STOP", {"text": "Here is your “zorblax”."}),
        "odd_reason": _finished("a zorblax that no list knows"),
        "no_candidates": says(200, {"candidates": []}),
        "a_list": _many,
        "unreadable": _unreadable,
        "not_base64": _holding("%%%"),
        "not_text": _holding(7),
        "not_a_picture": _holding(_encoded(b"GIF89a and so on")),
        "truncated": _holding(_encoded(draw(64, 64, 0)[:-200])),
        "per_minute": _exhausted(
            _violated("GenerateRequestsPerMinutePerProjectPerModel"), {"@type": _RETRY, "retryDelay": "0.01s"}
        ),
        "long_minute": _exhausted(
            _violated("GenerateRequestsPerMinutePerProjectPerModel"), {"@type": _RETRY, "retryDelay": "45s"}
        ),
        "per_day": _exhausted(
            _violated("GenerateRequestsPerDayPerProjectPerModel"), {"@type": _RETRY, "retryDelay": "18s"}
        ),
        "not_in_plan": _exhausted(_violated("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "0")),
        "depleted": _exhausted(message="Your prepayment credits are depleted."),
        "bad_key": says(
            400, _error(400, "INVALID_ARGUMENT", "API key not valid.", {"@type": _INFO, "reason": "API_KEY_INVALID"})
        ),
        "forbidden": says(403, _error(403, "PERMISSION_DENIED", "Not “zorblax”.")),
        "no_billing": says(400, _error(400, "FAILED_PRECONDITION", "Enable billing.")),
        "not_found": says(404, _error(404, "NOT_FOUND", "No model “zorblax”.")),
        "overloaded": says(503, _error(503, "UNAVAILABLE", "The model is overloaded.")),
        "deadline": says(504, _error(504, "DEADLINE_EXCEEDED", "Too slow.")),
    }

    def routes(self) -> Mapping[tuple[str, str], Handler]:
        """The one call for pictures."""
        return {("POST", "/v1/models/{model:[^:/]+}:generateContent"): self._generate}

    def knows(self, request: web.Request) -> bool:
        """Google takes the key in a header of its own."""
        return request.headers.get("x-goog-api-key") == self.key

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        if not self.knows(request):
            return await self.FAULTS["bad_key"](request)
        if request.match_info["model"] not in MODELS:
            return await self.FAULTS["not_found"](request)
        sent = await request.json()
        wrong = _wrong(sent)
        if wrong:
            return web.json_response(_error(400, "INVALID_ARGUMENT", f"Invalid value at “{wrong}”."), status=400)
        number = len(self.calls) - 1
        await asyncio.sleep(self.delay_s)
        asked = sent["generationConfig"]["imageConfig"]
        picture = draw(*size_of(asked["aspectRatio"], asked.get("imageSize", "1K")), number)
        prompt = sent["contents"][0]["parts"][0]["text"]
        return web.json_response(_answer(picture, number, len(prompt.split()), request.match_info["model"]))


def size_of(shape: str, tier: str) -> tuple[int, int]:
    """Width and height of the stand-in's pictures, in pixels."""
    width, height = (int(side) for side in shape.split(":"))
    side = 1024 * TIERS[tier] // SHRINK
    stretch = float(width / height) ** 0.5
    return round(side * stretch), round(side / stretch)


def _answer(picture: bytes, number: int, words: int, model: str) -> dict[str, Any]:
    parts = [{"text": "Here it is."}, {"inlineData": {"mimeType": "image/png", "data": _encoded(picture)}}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": words,
            "candidatesTokenCount": TOKENS,
            "totalTokenCount": words + TOKENS,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": words}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": TOKENS}],
        },
        "modelVersion": model,
        "responseId": f"answer-{number}",
    }


def _wrong(sent: Mapping[str, Any]) -> str:
    """The path of a field that Google would not take, or nothing."""
    config = sent.get("generationConfig", {})
    image = config.get("imageConfig", {})
    known = {"contents", "generationConfig"}, {"responseModalities", "imageConfig"}, {"aspectRatio", "imageSize"}
    strangers = [name for names, part in zip(known, (sent, config, image), strict=True) for name in part.keys() - names]
    if strangers:
        return str(strangers[0])
    texts = [part.get("text") for content in sent.get("contents", []) for part in content.get("parts", [])]
    checks = {
        "contents": len(texts) == 1 and bool(texts[0]),
        "generation_config.response_modalities": config.get("responseModalities") == ["IMAGE"],
        "generation_config.image_config.aspect_ratio": image.get("aspectRatio") in SHAPES,
        "generation_config.image_config.image_size": image.get("imageSize", "1K") in TIERS,
    }
    return next((path for path, good in checks.items() if not good), "")


def _variables(peer: ProviderPeer) -> Mapping[str, str]:
    return {"GEMINI_API_KEY": peer.key, "GEMINI_BASE_URL": peer.url}


if __name__ == "__main__":
    by_hand(GooglePeer, _variables)
