"""The small network that the checker looks through: which subject covers each spot; place, time and style.

Owns the network and what it is fed. It must not know the model it judges, nor how it was itself taught. It sees no
colours by name: those are read off the picture by `checker`.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from generation.starter.render import MOSAIC
from generation.starter.world import PLACES, STYLES, SUBJECTS, TIMES

LOOK = 64
"""The side of the pictures it is fed; larger ones are shrunk to it."""
GRID = 32
"""The side of the map of subjects that it draws."""
LOOKS = (*STYLES, MOSAIC)
"""The styles it tells apart; it also judges the LoRA's."""


class CheckerNet(nn.Module):
    """A U-shaped network: (n, 3, 64, 64) from -1 to 1 to logits of subjects, place, time and style.

    Subjects are (n, 13, 32, 32), the last of them for "no figure here"; place is (n, 8), time (n, 3), style (n, 4).
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = _block(3, 24, stride=2, kernel=5)
        self.middle = nn.Sequential(_block(24, 48, stride=2), _block(48, 48))
        self.coarse = nn.Sequential(_block(48, 96, stride=2), _block(96, 96), _block(96, 96))
        self.down_to_middle = nn.Conv2d(96, 48, 1)
        self.join_middle = _block(48, 48)
        self.down_to_fine = nn.Conv2d(48, 24, 1)
        self.join_fine = _block(24, 24)
        self.subjects = nn.Conv2d(24, len(SUBJECTS) + 1, 1)
        # Both what is there at all and how much of it there is tell a place.
        self.pooled = nn.Sequential(nn.Linear(2 * (24 + 48 + 96), 64), nn.SiLU())
        self.place = nn.Linear(64, len(PLACES))
        self.time = nn.Linear(64, len(TIMES))
        self.style = nn.Linear(64, len(LOOKS))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Say of each picture what covers it, where, when and how."""
        fine = self.fine(pictures)
        middle = self.middle(fine)
        coarse = self.coarse(middle)
        joined = self.join_middle(middle + _twice(self.down_to_middle(coarse)))
        subjects = self.subjects(self.join_fine(fine + _twice(self.down_to_fine(joined))))
        pooled = self.pooled(torch.cat([f(x) for x in (fine, middle, coarse) for f in (_mean, _most)], 1))
        return subjects, self.place(pooled), self.time(pooled), self.style(pooled)


def as_seen(picture: Image.Image) -> NDArray[np.uint8]:
    """The picture as the network sees it, (64, 64, 3)."""
    return np.asarray(picture.convert("RGB").resize((LOOK, LOOK), Image.Resampling.BOX))


def as_input(seen: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> Tensor:
    """Seen pictures, (n, 64, 64, 3) of bytes, as the network's input."""
    return torch.from_numpy(np.stack(list(seen))).permute(0, 3, 1, 2).float() / 127.5 - 1


def _block(come: int, go: int, *, stride: int = 1, kernel: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(come, go, kernel, stride, kernel // 2)
    return nn.Sequential(convolution, nn.GroupNorm(8, go), nn.SiLU())


def _twice(features: Tensor) -> Tensor:
    return functional.interpolate(features, scale_factor=2.0, mode="nearest")


def _mean(features: Tensor) -> Tensor:
    return features.mean((2, 3))


def _most(features: Tensor) -> Tensor:
    return features.amax((2, 3))
