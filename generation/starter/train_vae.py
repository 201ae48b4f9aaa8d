"""Teaching the starter's VAE: pictures to latents and back, with sharp edges and true colours.

Owns the VAE's loss and the scaling of its latents. It must not know captions or the UNet.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from generation.starter.course import Chance, Course, device, train
from generation.starter.parts import new_vae

# The second course starts warm again: by then shapes are right, and what is left to learn are pale and dark colours.
VAE_COURSES = (
    Course(name="vae", steps=3000, batch=16, learning_rate=2e-3, seed=11, weight_decay=0.0),
    Course(name="vae-colours", steps=1600, batch=16, learning_rate=1.5e-3, seed=13, weight_decay=0.0, warm_up=50),
)
_CROP = 64
# Latents lie on pixels four by four; pixel art keeps its grid when crops do.
_GRID = 4
_KL_WEIGHT = 1e-3


def train_vae(pictures: NDArray[np.uint8], folder: Path, courses: Sequence[Course] = VAE_COURSES) -> Any:  # noqa: ANN401 - diffusers ships no types
    """Train on crops of the pictures, (n, 128, 128, 3), and return the VAE with latents of mean 0 and variance 1."""
    torch.manual_seed(courses[0].seed)
    vae = new_vae()
    _start_as_plain_convolutions(vae)
    vae = vae.to(device(), memory_format=torch.channels_last)
    batch_size = courses[0].batch

    def loss(_: int, chance: Chance) -> Tensor:
        batch = _crops(pictures, batch_size, chance.numpy).to(device())
        posterior = vae.encode(batch).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=chance.torch).to(device())
        made = vae.decode(posterior.mean + posterior.std * noise).sample.float()
        divergence: Tensor = posterior.kl().mean() / posterior.mean[0].numel()
        return picture_loss(made, batch) + _KL_WEIGHT * divergence

    for course in courses:
        train(course, {"vae": vae}, loss, folder)
    _scale_latents(vae, pictures[:: max(1, len(pictures) // 1024)])
    return vae


def as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Pictures (n, height, width, 3) of bytes as (n, 3, height, width) from -1 to 1, channels last in memory."""
    floats = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return floats.contiguous(memory_format=torch.channels_last)


def picture_loss(made: Tensor, wanted: Tensor) -> Tensor:
    """How far two batches of pictures are apart: by pixel, by the colour of small areas, and by their edges."""
    areas = functional.l1_loss(functional.avg_pool2d(made, 8), functional.avg_pool2d(wanted, 8))
    across = functional.l1_loss(made.diff(dim=3), wanted.diff(dim=3))
    down = functional.l1_loss(made.diff(dim=2), wanted.diff(dim=2))
    return functional.l1_loss(made, wanted) + areas + 0.5 * (across + down)


def _crops(pictures: NDArray[np.uint8], count: int, chance: np.random.Generator) -> Tensor:
    side = pictures.shape[1]
    spots = chance.integers(0, (side - _CROP) // _GRID + 1, (count, 2)) * _GRID
    chosen = chance.integers(0, len(pictures), count)
    cut = [pictures[n, y : y + _CROP, x : x + _CROP] for n, (y, x) in zip(chosen, spots, strict=True)]
    return as_tensor(np.stack(cut))


def _start_as_plain_convolutions(vae: Any) -> None:  # noqa: ANN401 - as above
    """Silence every residual branch at first: the plain path learns colours within minutes, branches add the edges.

    (Zero-initialised residuals: Goyal et al. 2017, arXiv 1706.02677, section 5.1.)
    """
    for module in vae.modules():
        if type(module).__name__ == "ResnetBlock2D":
            nn.init.zeros_(module.conv2.weight)
            nn.init.zeros_(module.conv2.bias)


@torch.no_grad()
def _scale_latents(vae: Any, pictures: NDArray[np.uint8]) -> None:  # noqa: ANN401 - as above
    """Shift and scale each latent channel inside the VAE's own 1 by 1 convolutions, so that no factor is needed."""
    parts = [
        vae.encode(as_tensor(pictures[at : at + 32]).to(device())).latent_dist.mean
        for at in range(0, len(pictures), 32)
    ]
    latents = torch.cat(parts)
    mean, std = latents.mean((0, 2, 3)), latents.std((0, 2, 3))
    quant, post = vae.quant_conv, vae.post_quant_conv
    channels = len(mean)
    # The decoder undoes what the encoder does.
    post.bias += (post.weight[:, :, 0, 0] @ mean.unsqueeze(1)).squeeze(1)
    post.weight *= std.view(1, -1, 1, 1)
    quant.bias[:channels] -= mean
    quant.bias[:channels] /= std
    quant.weight[:channels] /= std.view(-1, 1, 1, 1)
    # The second half of the encoder's channels is the logarithm of the variance.
    quant.bias[channels:] -= 2 * std.log()
