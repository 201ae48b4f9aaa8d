"""What the stand-in answers when nothing goes wrong: OpenAI's bodies, filled with made-up numbers."""

import base64
from collections.abc import Mapping
from typing import Any

from tests.peers.pictures import draw

_IMAGE = ("sexual", "violence", "violence/graphic", "self-harm", "self-harm/intent", "self-harm/instructions")
_TEXT = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "sexual/minors",
)
_FLAGGED_FROM = 0.8


def pictures(body: Mapping[str, Any], first: int) -> dict[str, Any]:
    """Pictures of the size and number asked for; `first` numbers them on."""
    size = body.get("size", "auto")
    width, height = (1024, 1024) if size == "auto" else map(int, size.split("x"))
    count = body.get("n", 1)
    text_tokens, output_tokens = len(body["prompt"]) // 4 + 1, count * (width // 32) * (height // 32)
    return {
        "created": 1_795_000_000,
        "background": "opaque",
        "output_format": "png",
        "quality": body.get("quality", "medium"),
        "size": f"{width}x{height}",
        "data": [{"b64_json": base64.b64encode(draw(width, height, first + n)).decode()} for n in range(count)],
        "usage": {
            "input_tokens": text_tokens,
            "input_tokens_details": {"text_tokens": text_tokens, "image_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"text_tokens": 0, "image_tokens": output_tokens},
            "total_tokens": text_tokens + output_tokens,
        },
    }


def moderation(scores: Mapping[str, float]) -> dict[str, Any]:
    """One result; categories not named score next to nothing, and from 0.8 on a category is flagged."""
    all_scores = {**dict.fromkeys(_IMAGE, 0.001), **dict.fromkeys(_TEXT, 0.0), **scores}
    flags = {name: score >= _FLAGGED_FROM for name, score in all_scores.items()}
    return {
        "id": "modr-1",
        "model": "omni-moderation-2024-09-26",
        "results": [
            {
                "flagged": any(flags.values()),
                "categories": flags,
                "category_scores": all_scores,
                "category_applied_input_types": {name: ["image"] if name in _IMAGE else [] for name in all_scores},
            }
        ],
    }


def models() -> dict[str, Any]:
    """The models that can be asked for."""
    names = ("gpt-image-2", "omni-moderation-2024-09-26")
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "created": 1_780_000_000, "owned_by": "openai"} for name in names],
    }
