"""The training set on disk: pictures of the starter's world, rendered once, and the scenes they show.

Owns the cache of pictures and of their latents. It must not know models: what turns a picture into a latent is given
to it. Scene number i depends on the seed and on i alone, so every machine gets the same set. A file appears under its
name only when it is whole; what was interrupted begins again.
"""

import os
import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from generation.starter.render import SIDE, paint
from generation.starter.world import Scene, training_scene

_CHUNK = 500


def scene_number(number: int, seed: int) -> Scene:
    """The training scene with this number."""
    return training_scene(random.Random(f"{seed} {number}"))  # noqa: S311 - pictures, no secrets


def rendered(folder: Path, count: int, seed: int, style: str = "") -> NDArray[np.uint8]:
    """The first `count` training pictures, (count, SIDE, SIDE, 3), read from `folder` and rendered where missing.

    `style` paints all of them in one style, whatever their scenes say.
    """
    path = folder / f"pictures-{seed}-{count}{style and '-'}{style}.u8"
    shape = (count, SIDE, SIDE, 3)
    if not path.is_file():
        temporary = path.with_suffix(".part")
        pictures = np.memmap(temporary, np.uint8, "w+", shape=shape)
        starts = range(0, count, _CHUNK)
        with _workers(len(starts)) as run:
            chunks = run(partial(_render_chunk, count=count, seed=seed, style=style), starts)
            for start, chunk in zip(starts, tqdm(chunks, "rendering", len(starts)), strict=True):
                pictures[start : start + len(chunk)] = chunk
        pictures.flush()
        temporary.rename(path)
    return np.memmap(path, np.uint8, "r", shape=shape)


def encoded(
    path: Path,
    pictures: NDArray[np.uint8],
    shape: tuple[int, int, int],
    encode: Callable[[NDArray[np.uint8]], NDArray[np.float16]],
) -> NDArray[np.float16]:
    """The pictures' latents, (len(pictures), *shape), read from `path` or made by `encode`, 16 pictures at a time."""
    whole = (len(pictures), *shape)
    if not path.is_file():
        temporary = path.with_suffix(".part")
        latents = np.memmap(temporary, np.float16, "w+", shape=whole)
        for start in tqdm(range(0, len(pictures), 16), "encoding"):
            latents[start : start + 16] = encode(pictures[start : start + 16])
        latents.flush()
        temporary.rename(path)
    # All of it fits into memory and is read in random order.
    return np.fromfile(path, np.float16).reshape(whole)


@contextmanager
def _workers(chunks: int) -> Iterator[Callable[..., Iterable[NDArray[np.uint8]]]]:
    """What maps a function over chunks: as many processes as there are cores, none for a single chunk."""
    if chunks == 1:
        yield map
    else:
        with ProcessPoolExecutor(os.cpu_count()) as pool:
            yield pool.map


def _render_chunk(start: int, count: int, seed: int, style: str) -> NDArray[np.uint8]:
    scenes = [scene_number(number, seed) for number in range(start, min(start + _CHUNK, count))]
    return np.stack([np.asarray(paint(replace(scene, style=style or scene.style))) for scene in scenes])
