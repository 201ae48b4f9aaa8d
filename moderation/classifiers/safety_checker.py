"""The safety checker of Stable Diffusion 1.x as a detector over finished pictures.

Owns loading its weights (a folder or a hub id) and turning its measure into findings. It must not alter a picture, and
it must not know what a finding leads to. Needs torch, diffusers and transformers.

The measure: the cosine similarity between the picture's CLIP embedding and each of 17 concept embeddings, less that
concept's threshold, plus 0.01 if any of 3 "special care" concepts is over its own; rounded to three digits, and a
concept with more than 0 flags the picture (diffusers 0.42, pipelines/stable_diffusion/safety_checker.py). The module's
own answer is the flag. The score is its worst margin m moved into 0..1 as (1 + m) / 2, so 0.5 is its line: it orders
pictures, it is no probability. What it is good for: sexual content only, and with known gaps (Rando et al., 2022,
arXiv 2210.04610; facts/moderation.md §2).
"""

import asyncio
import io
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from moderation.classifiers.base import CheckError, Finding

_FORMATS = ("PNG", "JPEG", "WEBP")
_SPECIAL_CARE = 0.01


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: Any
    processor: Any


class SafetyChecker:
    """diffusers' `StableDiffusionSafetyChecker` from `source`, a folder or a hub id (`revision` pins the latter).

    The weights must be safetensors. A pipeline that carries a checker serves too: its folder, or
    `owner/name/safety_checker` on the hub.

    Weights are loaded at the first look; when that fails every look raises `CheckError`, and loading is tried again
    at most once in `retry_s` seconds. `device` is torch's name for where it runs.
    """

    name = "safety_checker"

    def __init__(
        self,
        source: str,
        *,
        revision: str | None = None,
        device: str = "cpu",
        retry_s: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load nothing yet."""
        self._source = source
        self._revision = revision
        self._device = device
        self._retry_s = retry_s
        self._clock = clock
        self._loaded: _Loaded | None = None
        self._failed_at: float | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="safety-checker")

    async def check(self, images: Sequence[bytes]) -> Sequence[Sequence[Finding]]:
        """One `sexual` finding a picture; see `ImageCheck`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._check, tuple(images))

    async def aclose(self) -> None:
        """Let go of the weights and the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._loaded = None

    def _check(self, images: tuple[bytes, ...]) -> list[list[Finding]]:
        if not images:
            return []
        loaded = self._ready()
        try:
            pictures = [_decode(data) for data in images]
            return [[finding] for finding in _findings(loaded, pictures, self._device)]
        except (OSError, ValueError, SyntaxError, RuntimeError) as error:
            raise CheckError(f"it could not look ({type(error).__name__})") from error

    def _ready(self) -> _Loaded:
        if self._loaded is None:
            if self._failed_at is not None and self._clock() - self._failed_at < self._retry_s:
                raise CheckError("its weights could not be loaded")
            try:
                self._loaded = _load(self._source, self._revision, self._device)
            except Exception as error:
                self._failed_at = self._clock()
                raise CheckError(f"its weights could not be loaded ({type(error).__name__})") from error
        return self._loaded


def _load(source: str, revision: str | None, device: str) -> _Loaded:
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from diffusers.utils import logging as diffusers_logging
    from transformers import CLIPImageProcessor
    from transformers.utils import logging as transformers_logging

    # The module announces that it paints pictures black; here it gets a throw-away array, so that would mislead.
    diffusers_logging.set_verbosity_error()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    where, checker, processor_in = _places(source)
    options = {} if Path(where).is_dir() else {"revision": revision}
    model = StableDiffusionSafetyChecker.from_pretrained(where, use_safetensors=True, subfolder=checker, **options)
    processor = CLIPImageProcessor.from_pretrained(where, subfolder=processor_in, **options)
    return _Loaded(model.to(device).eval(), processor)


def _places(source: str) -> tuple[str, str, str]:
    """Folder or hub id, and the sub-folders in it of the checker and of its processor's settings ("" for none).

    Pipelines that carry a checker keep the two in `safety_checker` and `feature_extractor`, side by side; a hub id may
    name the first as a third part (`owner/name/safety_checker`).
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        checker = "safety_checker" if (folder / "safety_checker").is_dir() else ""
        return str(folder), checker, "feature_extractor" if (folder / "feature_extractor").is_dir() else ""
    owner, _, rest = source.partition("/")
    name, _, inside = rest.partition("/")
    return (f"{owner}/{name}", inside, "feature_extractor") if inside else (source, "", "")


def _decode(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
        return picture.convert("RGB")


def _findings(loaded: _Loaded, pictures: Sequence[Image.Image], device: str) -> list[Finding]:
    import torch

    model = loaded.model
    pixels = loaded.processor(images=list(pictures), return_tensors="pt")["pixel_values"]
    embeddings: list[Any] = []
    hook = model.visual_projection.register_forward_hook(lambda _module, _inputs, output: embeddings.append(output))
    try:
        # It blackens what it flags, so it gets one throw-away pixel a picture and never the pictures themselves.
        _, flags = model(clip_input=pixels.to(device), images=torch.zeros(len(pictures), 1, 1, 1))
    finally:
        hook.remove()
    margins = _margins(model, embeddings[0])
    if len(flags) != len(pictures) or len(margins) != len(pictures):
        raise CheckError("it answered for another number of pictures")
    return [_finding(float(margin), flagged=bool(flag)) for margin, flag in zip(margins, flags, strict=True)]


def _margins(model: Any, embeddings: Any) -> list[float]:  # noqa: ANN401 - torch modules and tensors
    """Each picture's worst margin over the concepts' thresholds, as the module reckons it but unrounded."""
    from torch.nn.functional import normalize

    looked = normalize(embeddings)
    special = (looked @ normalize(model.special_care_embeds).t()).float() - model.special_care_embeds_weights
    concepts = (looked @ normalize(model.concept_embeds).t()).float() - model.concept_embeds_weights
    extra = (special.round(decimals=3) > 0).any(dim=1).float() * _SPECIAL_CARE
    worst: list[float] = (concepts.max(dim=1).values + extra).tolist()
    # `max` can pass over a single NaN on some devices; the sum cannot.
    return [
        math.nan if math.isnan(total) else margin for margin, total in zip(worst, concepts.sum(1).tolist(), strict=True)
    ]


def _finding(margin: float, *, flagged: bool) -> Finding:
    if math.isnan(margin):
        raise CheckError("it measured something that is no number")
    return Finding("sexual", min(1.0, max(0.0, (1.0 + margin) / 2)), flagged)
