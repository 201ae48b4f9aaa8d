"""The VAE alone, which the other parts are built on: a picture survives being made small and large again."""

from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL
from PIL import Image

from generation.starter.checker import Checker
from generation.starter.data import scene_number
from generation.starter.parts import LATENT_SHAPE
from generation.starter.render import paint
from generation.starter.train_vae import as_tensor
from tests.integration.starter.drawing import MODEL, apart

# Of a seed that no training uses.
SCENES = [scene_number(number, seed=9) for number in range(24)]


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [paint(scene) for scene in SCENES]


@pytest.fixture(scope="module")
def vae() -> Any:
    return AutoencoderKL.from_pretrained(MODEL / "vae")


@pytest.fixture(scope="module")
def latents(vae: Any, pictures: list[Image.Image]) -> Any:
    with torch.no_grad():
        return vae.encode(as_tensor(np.stack([np.asarray(picture) for picture in pictures]))).latent_dist.mean


def test_latents_are_small_and_need_no_factor(vae: Any, latents: Any) -> None:
    assert latents.shape[1:] == LATENT_SHAPE
    assert vae.config.scaling_factor == 1
    assert latents.mean((0, 2, 3)).abs().max() < 0.3
    assert (latents.std((0, 2, 3)) - 1).abs().max() < 0.3


def test_what_comes_back_has_the_same_colours_and_shows_the_same_things(
    vae: Any, latents: Any, pictures: list[Image.Image], checker: Checker
) -> None:
    with torch.no_grad():
        values = vae.decode(latents).sample.clamp(-1, 1)
    levels = ((values + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
    again = [Image.fromarray(each) for each in levels]

    # Levels of 255; snowflakes, windows and ink lines are most of it.
    assert np.mean([apart(one, other) for one, other in zip(pictures, again, strict=True)]) < 6
    seen = [sight.figures for sight in checker.look(again)]
    shown = [sight.figures for sight in checker.look(pictures)]
    alike = [
        [(it.subject, it.colour) for it in one] == [(it.subject, it.colour) for it in other]
        for one, other in zip(seen, shown, strict=True)
    ]
    assert sum(alike) >= len(alike) - 2
