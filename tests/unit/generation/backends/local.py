"""Drawing with local pipelines in tests."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generation.backends.base import Generated, Watch
from generation.backends.diffusers import DiffusersBackend
from generation.catalogue import ModelEntry
from tests import tiny
from tests.making_jobs import local_entry, order

FAMILIES: dict[str, Callable[[Path], Path]] = {
    "stable_diffusion": tiny.stable_diffusion,
    "stable_diffusion_xl": tiny.stable_diffusion_xl,
    "flux": tiny.flux,
    "pixart": tiny.pixart,
}


async def draw_with(
    backend: DiffusersBackend, entry: ModelEntry, heard: list[tuple[str, int, int]] | None = None, **changes: Any
) -> Generated:
    return await backend.generate(entry, order(**changes), Watch(lambda *word: (heard or []).append(word)))


def entry_for(folder: Path, **arguments: Any) -> ModelEntry:
    return local_entry({"folder": str(folder), **arguments})


def pixels(data: bytes) -> Any:
    """The picture as an array of integers."""
    return np.asarray(Image.open(io.BytesIO(data)), dtype=np.int16)
