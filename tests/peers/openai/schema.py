"""Validates request bodies against OpenAI's own description where that is present, and by what it does not say.

The folder is named by TESSERA_SPECS, or is `shared/specs` beside the repository; without it only our own rules hold.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

_NAME = "openai-images.json"
_ROOT = "urn:openai"
# Newer than the description of August 2026; openai-python 3.52 has them.
_NEWER = {"safety_identifier", "complexity", "frame_count", "frame_duration_ms", "svg"}


def find_description() -> Path | None:
    """The description's file, or None."""
    beside = Path(__file__).parents[4] / "shared" / "specs"
    folder = Path(os.environ["TESSERA_SPECS"]) if "TESSERA_SPECS" in os.environ else beside
    path = folder / _NAME
    return path if path.is_file() else None


class Description:
    """OpenAI's description of request bodies."""

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self._schemas: dict[str, Any] = document["components"]["schemas"]
        self._registry: Any = Registry().with_resource(_ROOT, DRAFT202012.create_resource(document))

    def problem(self, schema: str, body: object) -> str | None:
        """What the description has against a body, or None."""
        unknown = set(body) - set(self._schemas[schema]["properties"]) - _NEWER if isinstance(body, dict) else set()
        if unknown:
            return f"Unknown parameter: {', '.join(sorted(unknown))}"
        ref = {"$ref": f"{_ROOT}#/components/schemas/{schema}"}
        error = next(Draft202012Validator(ref, registry=self._registry).iter_errors(body), None)
        return None if error is None else error.message[:200]


def image_problem(body: Mapping[str, Any]) -> str | None:
    """What the platform would refuse by its words rather than its schema: lengths and sizes of gpt-image-2."""
    prompt, size = body.get("prompt"), body.get("size", "auto")
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= 32_000:
        return "prompt: between 1 and 32000 characters"
    if "response_format" in body:
        return "response_format is not supported by this model"
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if size == "auto":
        return None
    if match is None:
        return "size: not a size"
    width, height = int(match[1]), int(match[2])
    if width % 16 or height % 16 or not 1 / 3 <= width / height <= 3 or max(width, height) > 3840:
        return "size: both sides divisible by 16, at most 3840, between 1:3 and 3:1"
    return None
