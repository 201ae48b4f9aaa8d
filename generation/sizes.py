"""What a member wrote about a picture's size, against what a model draws.

Owns the words for sizes, and which size comes nearest to another. Pure. It must not know how models are chosen.
"""

import math
import re

from generation.catalogue import ModelEntry

_SIZE = re.compile(r"(\d{2,5})\s*[x×X*]\s*(\d{2,5})")


def dimensions(asked: str | None, entry: ModelEntry) -> tuple[int, int] | None:
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


def nearest(entry: ModelEntry, width: int, height: int) -> tuple[int, int]:
    """The size this model draws whose shape is most like this one, and of those the one nearest in pixels."""

    def apart(size: tuple[int, int]) -> tuple[float, int]:
        return abs(math.log(size[0] / size[1]) - math.log(width / height)), abs(size[0] * size[1] - width * height)

    return min(entry.dimensions, key=apart)
