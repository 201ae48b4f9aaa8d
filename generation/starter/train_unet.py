"""Teaching the starter's UNet, and its text encoder with it, to draw what a caption says.

Owns the diffusion loss. It must not know pictures: it is given latents and the scenes they show.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from generation.starter.captions import describe
from generation.starter.course import Chance, Course, device, train
from generation.starter.parts import new_scheduler, new_text_encoder, new_tokenizer, new_unet
from generation.starter.world import Scene

UNET_COURSE = Course(name="unet", steps=6400, batch=32, learning_rate=8e-4, seed=12)
# Without a caption one time in ten: what classifier-free guidance needs (Ho & Salimans 2022, arXiv 2207.12598).
UNCAPTIONED = 0.1
# Below one: more practice on noisy latents, where it is decided what stands where.
_NOISE_POWER = 0.7


def train_unet(
    latents: NDArray[np.float16], scenes: Sequence[Scene], folder: Path, course: Course = UNET_COURSE
) -> tuple[Any, Any, Any]:
    """Train on latents (n, 4, 32, 32) and their scenes; return UNet, tokenizer and text encoder."""
    torch.manual_seed(course.seed)
    unet, tokenizer = new_unet(), new_tokenizer()
    text_encoder = new_text_encoder(len(tokenizer))
    _start_silent(unet)
    unet = unet.to(device(), memory_format=torch.channels_last).train()
    text_encoder = text_encoder.to(device()).train()

    def loss(_: int, chance: Chance) -> Tensor:
        chosen = chance.numpy.integers(0, len(latents), course.batch)
        lot = random.Random(int(chance.numpy.integers(2**31)))  # noqa: S311 - captions, no secrets
        captions = ["" if lot.random() < UNCAPTIONED else describe(scenes[n], lot) for n in chosen]
        text = text_encoder(tokens_of(tokenizer, captions).to(device()))[0]
        return diffusion_loss(unet, torch.from_numpy(latents[chosen]).float(), text, chance)

    train(course, {"unet": unet, "text": text_encoder}, loss, folder)
    return unet, tokenizer, text_encoder


def tokens_of(tokenizer: Any, captions: list[str]) -> Tensor:  # noqa: ANN401 - transformers' classes are untyped here
    """Token numbers (n, 40), padded and cut as StableDiffusionPipeline does it."""
    made = tokenizer(
        captions, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
    )
    tokens: Tensor = made.input_ids
    return tokens


def diffusion_loss(unet: Any, latents: Tensor, text: Tensor, chance: Chance) -> Tensor:  # noqa: ANN401 - as above
    """The mean squared error of the predicted velocity at noise levels drawn by chance."""
    scheduler = new_scheduler()
    levels = scheduler.config.num_train_timesteps
    even = torch.rand(len(latents), generator=chance.torch)
    times = (even**_NOISE_POWER * levels).long().clamp(max=levels - 1)
    noise = torch.randn(latents.shape, generator=chance.torch)
    noisy = scheduler.add_noise(latents, noise, times).contiguous(memory_format=torch.channels_last)
    wanted = scheduler.get_velocity(latents, noise, times)
    made = unet(noisy.to(device()), times.to(device()), text).sample
    return functional.mse_loss(made.float(), wanted.to(device()))


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
