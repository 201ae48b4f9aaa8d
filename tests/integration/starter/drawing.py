"""Drawing with the shipped model through stock classes, and statistics that need no trained eye."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import generation.starter
from generation.starter.palette import THINGS, Rgb

HOME = Path(generation.starter.__file__).parent
MODEL, LORAS = HOME / "model", HOME / "loras"
STEPS = 10
GUIDANCE = 3.0


def load(kind: Any) -> Any:
    """The shipped folder as a pipeline of that class, loaded as anybody would: in float32, on the CPU."""
    pipe = kind.from_pretrained(MODEL)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe: Any, prompt: str, seed: int = 1, **more: Any) -> Image.Image:
    """One picture from its own seed; `more` overrides steps and guidance or adds what the pipeline takes besides."""
    return draw_together(pipe, [prompt], [seed], **more)[0]


def draw_together(pipe: Any, prompts: Sequence[str], seeds: Sequence[int], **more: Any) -> list[Image.Image]:
    """One picture a prompt in a single call, each from its own seed."""
    settings = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, **more}
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    images: list[Image.Image] = pipe(list(prompts), generator=generators, **settings).images
    return images


def levels(picture: Image.Image) -> Any:
    """The picture as whole numbers, (height, width, 3)."""
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


def apart(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, in levels of 255."""
    return float(np.abs(levels(one) - levels(other)).mean())


def share_of(picture: Image.Image, colour: str) -> float:
    """How much of the picture is nearer to the colour than 60 levels in each channel."""
    return _near(levels(picture), THINGS[colour])


def brightness(picture: Image.Image) -> float:
    """The mean level, 0 to 255."""
    return float(levels(picture).mean())


def layout(picture: Image.Image) -> Any:
    """The picture's brightness in sixteen by sixteen areas, as one vector of mean 0 and length 1."""
    areas = levels(picture).mean(axis=2).reshape(16, 8, 16, 8).mean(axis=(1, 3)).ravel()
    areas -= areas.mean()
    return areas / np.linalg.norm(areas)


def alike(one: Image.Image, other: Image.Image) -> float:
    """How alike two layouts are: their correlation, -1 to 1."""
    return float(layout(one) @ layout(other))


def grout(picture: Image.Image) -> float:
    """How much darker every fourth line and column is than what lies between: about 0 but for a mosaic."""
    values = levels(picture).mean(axis=2)
    lines = np.arange(len(values)) % 4 == 3
    return float(values[~lines][:, ~lines].mean() - (values[lines].mean() + values[:, lines].mean()) / 2)


def _near(values: Any, colour: Rgb) -> float:
    return float((np.abs(values - np.array(colour)).max(axis=2) < 60).mean())
