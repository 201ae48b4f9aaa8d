"""Teaching the starter's UNet, and its text encoder with it, to draw what a caption says.

Owns the diffusion loss. It must not know pictures: it is given latents and the scenes they show, and asks the
renderer only where figures stand.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from generation.starter.captions import describe
from generation.starter.course import Chance, Course, device, train
from generation.starter.parts import LATENT_SHAPE, new_scheduler, new_text_encoder, new_tokenizer, new_unet
from generation.starter.render import standing
from generation.starter.world import Scene

# Without a caption one time in ten: what classifier-free guidance needs (Ho & Salimans 2022, arXiv 2207.12598).
UNCAPTIONED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A course and what it dwells on.

    `noise_power` below one means more practice on noisy latents. `figures_count` is how much more a spot counts where
    figures stand, which is a small part of a picture. `pairs` is the share of pictures that are chosen among those of
    two things, beside the pairs that come by lot; of all pairs, the share `unheard` is drawn without the vector of the
    whole caption.
    """

    course: Course
    noise_power: float
    figures_count: float
    pairs: float = 0.0
    unheard: float = 0.0


# What stands where is decided while a latent is nearly all noise: of 32 by 32 spots even a tenth of a picture shows
# through (Hoogeboom et al. 2023, arXiv 2301.11093), and a model that sees the thing has no need of the word. So words
# are taught where there is least to see; edges and textures are finished last. The vector of the whole caption says
# which colours there are and not where: a pair's are learnt, and kept, where that vector does not help.
UNET_LESSONS = (
    Lesson(
        course=Course(name="unet-words", steps=7500, batch=32, learning_rate=8e-4, seed=12),
        noise_power=0.4,
        figures_count=5.0,
    ),
    Lesson(
        course=Course(name="unet-pairs", steps=2600, batch=32, learning_rate=8e-4, seed=15, warm_up=50),
        noise_power=0.15,
        figures_count=8.0,
        pairs=0.75,
        unheard=0.5,
    ),
    Lesson(
        course=Course(name="unet-finish", steps=1000, batch=32, learning_rate=3e-4, seed=14, warm_up=50),
        noise_power=0.35,
        figures_count=5.0,
        pairs=0.5,
        unheard=0.5,
    ),
)


def train_unet(
    latents: NDArray[np.float16], scenes: Sequence[Scene], folder: Path, lessons: Sequence[Lesson] = UNET_LESSONS
) -> tuple[Any, Any, Any]:
    """Train on latents (n, 4, 32, 32) and their scenes; return UNet, tokenizer and text encoder."""
    torch.manual_seed(lessons[0].course.seed)
    unet, tokenizer = new_unet(), new_tokenizer()
    text_encoder = new_text_encoder(len(tokenizer))
    _start_silent(unet)
    unet = unet.to(device(), memory_format=torch.channels_last).train()
    text_encoder = text_encoder.to(device()).train()

    areas = cache(lambda number: figure_area(scenes[number]))
    pairs = np.array([number for number, scene in enumerate(scenes) if len(scene.things) == 2])

    def loss(lesson: Lesson, _: int, chance: Chance) -> Tensor:
        chosen = chosen_scenes(lesson, len(latents), pairs, chance)
        lot = random.Random(int(chance.numpy.integers(2**31)))  # noqa: S311 - captions, no secrets
        captions = ["" if lot.random() < UNCAPTIONED else describe(scenes[n], lot) for n in chosen]
        text = text_encoder(tokens_of(tokenizer, captions).to(device()))[0]
        weights = 1 + (lesson.figures_count - 1) * torch.from_numpy(np.stack([areas(n) for n in chosen]))
        clean = torch.from_numpy(latents[chosen]).float()
        unheard = [len(scenes[n].things) == 2 and lot.random() < lesson.unheard for n in chosen]
        silence = text_encoder(tokens_of(tokenizer, [""]).to(device()))[0]
        with _only_words(unet, torch.tensor(unheard, device=text.device), silence):
            return diffusion_loss(unet, clean, text, chance, noise_power=lesson.noise_power, weights=weights)

    for lesson in lessons:
        train(lesson.course, {"unet": unet, "text": text_encoder}, partial(loss, lesson), folder)
    return unet, tokenizer, text_encoder


def chosen_scenes(lesson: Lesson, count: int, pairs: NDArray[np.int64], chance: Chance) -> NDArray[np.int64]:
    """The numbers of a step's pictures, of `count` in all; `pairs` are the numbers of those with two things."""
    batch = lesson.course.batch
    chosen = chance.numpy.integers(0, count, batch)
    if lesson.pairs:
        instead = chance.numpy.random(batch) < lesson.pairs
        chosen = np.where(instead, chance.numpy.choice(pairs, batch), chosen)
    return chosen


def tokens_of(tokenizer: Any, captions: list[str]) -> Tensor:  # noqa: ANN401 - transformers' classes are untyped here
    """Token numbers (n, 40), padded and cut as StableDiffusionPipeline does it."""
    made = tokenizer(
        captions, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    )
    tokens: Tensor = made.input_ids
    return tokens


def diffusion_loss(
    unet: Any,  # noqa: ANN401 - as above
    latents: Tensor,
    text: Tensor,
    chance: Chance,
    *,
    noise_power: float = 0.7,
    weights: Tensor | None = None,
) -> Tensor:
    """The mean squared error of the predicted velocity at noise levels drawn by chance.

    `weights`, (n, 32, 32), say how much each spot of each picture counts; all the same without them.
    """
    scheduler = new_scheduler()
    levels = scheduler.config.num_train_timesteps
    even = torch.rand(len(latents), generator=chance.torch)
    times = (even**noise_power * levels).long().clamp(max=levels - 1)
    noise = torch.randn(latents.shape, generator=chance.torch)
    noisy = scheduler.add_noise(latents, noise, times).contiguous(memory_format=torch.channels_last)
    wanted = scheduler.get_velocity(latents, noise, times).to(device())
    made: Tensor = unet(noisy.to(device()), times.to(device()), text).sample.float()
    if weights is None:
        return functional.mse_loss(made, wanted)
    weights = weights.unsqueeze(1).to(device())
    weighted: Tensor = ((made - wanted) ** 2 * weights).mean() / weights.mean()
    return weighted


def figure_area(scene: Scene) -> NDArray[np.float32]:
    """Where the scene's figures stand, as ones in a map of zeros, (32, 32): a latent's height and width."""
    area = np.zeros(LATENT_SHAPE[1:], np.float32)
    high, wide = area.shape
    for it in standing(scene):
        top, left = int(it.top * high), int(it.left * wide)
        area[top : ceil((it.top + it.width) * high), left : ceil((it.left + it.width) * wide)] = 1.0
    return area


@contextmanager
def _only_words(unet: Any, rows: Tensor, silence: Tensor) -> Iterator[None]:  # noqa: ANN401 - as above
    """Give these rows of the batch the whole-caption vector of no caption; words are still heard one by one."""

    def swap(_: nn.Module, heard: tuple[Tensor]) -> tuple[Tensor]:
        return (torch.where(rows[:, None, None], silence, heard[0]),)

    hook = unet.add_embedding.register_forward_pre_hook(swap)
    try:
        yield
    finally:
        hook.remove()


def _start_silent(unet: Any) -> None:  # noqa: ANN401 - as above
    """Every branch adds nothing at first, as in Dhariwal & Nichol 2021 (arXiv 2105.05233)."""
    last = [unet.conv_out]
    for module in unet.modules():
        if type(module).__name__ == "ResnetBlock2D":
            last.append(module.conv2)
        elif type(module).__name__ == "Transformer2DModel":
            last.append(module.proj_out)
    for module in last:
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
