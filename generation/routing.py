"""From what a member wrote to what exactly is to be made, or to the reason why not.

Owns `resolve`: model, size, seed and count against the catalogue, complete and in range. Pure. Which of several makers
serves a model is the catalogue's `pool` for now; choosing among makers by need and price belongs here when it comes.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from generation.catalogue import Catalogue, ModelEntry
from generation.refusals import BadCount, BadSeed, BadSize, EmptyPrompt, PromptTooLong, Refusal, UnknownModel
from generation.request import Ask, GenerationParams

HIGHEST_SEED = 2**32 - 1
"""Seeds fit in 32 bits, as every common scheduler and interface takes them."""

_SIZE = re.compile(r"(\d{2,5})\s*[x×X*]\s*(\d{2,5})")


@dataclass(frozen=True, slots=True)
class Route:
    """Which model makes it, with which numbers."""

    entry: ModelEntry
    params: GenerationParams


def resolve(
    ask: Ask, prompt: str, catalogue: Catalogue, *, longest_prompt: int, any_seed: Callable[[], int]
) -> Route | Refusal:
    """Fill in what the member left open and check the rest; `prompt` is the cleaned one.

    `any_seed` gives a seed in 0 … `HIGHEST_SEED` where the member named none.
    """
    if not prompt:
        return EmptyPrompt()
    if len(prompt) > longest_prompt:
        return PromptTooLong(len(prompt), longest_prompt)
    entry = catalogue.find(ask.model)
    if entry is None:
        return UnknownModel(ask.model or "", tuple(offered.id for offered in catalogue.offered))
    dimensions = _dimensions(ask.size, entry)
    if dimensions is None:
        return BadSize(ask.size or "", entry.title, entry.sizes)
    if ask.seed is not None and not 0 <= ask.seed <= HIGHEST_SEED:
        return BadSeed(ask.seed, HIGHEST_SEED)
    if not 1 <= ask.count <= entry.max_images:
        return BadCount(ask.count, entry.max_images)
    width, height = dimensions
    return Route(
        entry,
        GenerationParams(
            width=width,
            height=height,
            num_images=ask.count,
            seed=any_seed() if ask.seed is None else ask.seed,
            num_inference_steps=entry.num_inference_steps,
            guidance_scale=entry.guidance_scale,
        ),
    )


def _dimensions(asked: str | None, entry: ModelEntry) -> tuple[int, int] | None:
    """The size in pixels: the model's own, one it draws by numbers, or its best by name; None for anything else."""
    word = (asked or "").strip().casefold()
    if not word:
        return entry.dimensions[0]
    if match := _SIZE.fullmatch(word):
        wanted = int(match[1]), int(match[2])
        return wanted if wanted in entry.dimensions else None
    fits = {
        "square": lambda width, height: width == height,
        "portrait": lambda width, height: width < height,
        "landscape": lambda width, height: width > height,
    }.get(word)
    return None if fits is None else next((size for size in entry.dimensions if fits(*size)), None)
