"""Orders and catalogue entries for tests of the GPU half; everything can be overridden by name."""

from typing import Any

from generation.catalogue import ModelEntry
from generation.request import GenerationParams, JobOrder, Task

_PARAMS = {"width": 64, "height": 64, "num_images": 1, "seed": 7, "num_inference_steps": 2, "guidance_scale": 2.0}


def order(request_id: str = "test-1", *, prompt: str = "a red boat", attempt: int = 1, **changes: Any) -> JobOrder:
    """An order; `model`, `pool` and `accepted_at` are the order's own, other changes are parameters."""
    own = {name: changes.pop(name) for name in ("model", "pool", "accepted_at") if name in changes}
    return JobOrder(
        request_id=request_id,
        attempt=attempt,
        task=Task.TEXT_TO_IMAGE,
        prompt=prompt,
        params=GenerationParams(**{**_PARAMS, **changes}),
        safety_identifier="5afe" * 16,
        **{"model": "tiny", "pool": "gpu", "accepted_at": 1_795_000_000_000, **own},
    )


def local_entry(arguments: dict[str, Any], **changes: Any) -> ModelEntry:
    """A catalogue entry for a local pipeline."""
    return _entry("diffusers", {"id": "tiny", "title": "Tiny", "arguments": arguments, **changes})


def api_entry(arguments: dict[str, Any] | None = None, **changes: Any) -> ModelEntry:
    """A catalogue entry for the stand-in of OpenAI."""
    arguments = {"model": "gpt-image-2", "quality": "low", "moderation": "auto"} if arguments is None else arguments
    return _entry("openai", {"id": "closed", "title": "Closed", "arguments": arguments, "seeds": False, **changes})


def _entry(backend: str, values: dict[str, Any]) -> ModelEntry:
    base = {
        "maker": "tests",
        "backend": backend,
        "openness": "open_source",
        "licence": "Apache-2.0",
        "bot_use": "yes",
        "sizes": ["64x64"],
        "checked_at": "2026-11-20",
    }
    return ModelEntry.model_validate(base | values)
