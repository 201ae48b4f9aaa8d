"""The judge of the starter's pictures: what a picture shows, by a small network and by its colours.

Owns what is read off a picture and how. It must not know captions, the model that it judges, or what a picture was
meant to show: it took no part in that model's training and learnt from the renderer's drawings alone
(`train_checker`). Which subject stands where, place, time and style are the network's word; a figure's colour is
counted over its pixels against the palette.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional

from generation.errors import ModelMissing
from generation.starter.checker_net import GRID, LOOKS, CheckerNet, as_input, as_seen
from generation.starter.figures import paper_of
from generation.starter.palette import BEAK, CREAM, FLAME, HEART, INK, PALE, PORTHOLE, STEM, THINGS, WOOD, Rgb
from generation.starter.render import SIDE
from generation.starter.world import PLACES, SUBJECTS, TIMES

WEIGHTS = Path(__file__).parent / "checker.safetensors"

# What figures wear besides their own paper, from their drawings in `figures`.
_ORNAMENTS: Mapping[str, tuple[Rgb, ...]] = {
    "boat": (WOOD,),
    "house": (WOOD,),
    "tree": (WOOD,),
    "car": (PALE,),
    "cat": (),
    "fish": (),
    "bird": (BEAK,),
    "flower": (STEM, HEART, WOOD),
    "balloon": (WOOD,),
    "umbrella": (WOOD,),
    "mushroom": (PALE,),
    "rocket": (FLAME, PORTHOLE),
}
# Steps of sRGB. A shade explains a pixel a little worse than the main colour does, and an ornament (or the cream edge
# that any figure may have) worse still, so that a figure all white is white paper, not one all windows. Ink is less
# dear: lines belong to a style. Beyond the cap a pixel is background, a mixture or a blemish, whichever the paper.
# Chosen by the fewest mistakes on 2,900 drawings, sharp and blurred, of a seed that nothing else uses.
_SHADE, _ORNAMENT, _INKED, _CAP = 20.0, 25.0, 12.0, 60.0
# Spots of the 32 by 32 map: the slimmest figure, one rocket of three, covers about thirty.
_FEWEST_SPOTS = 10
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure in a picture; `x` is its middle in shares of the picture's width."""

    subject: str
    colour: str
    x: float


@dataclass(frozen=True, slots=True)
class Sight:
    """What a picture shows, its figures from left to right. The style may also be the LoRA's, `render.MOSAIC`."""

    place: str
    time: str
    figures: tuple[Figure, ...]
    style: str


class Checker:
    """Looks at pictures. Deterministic; keeps nothing between calls."""

    def __init__(self, network: CheckerNet) -> None:
        self._network = network.eval()

    def look(self, pictures: Sequence[Image.Image]) -> list[Sight]:
        """What each picture shows. Pictures of any size and mode, taken to be square."""
        return [sight for at in range(0, len(pictures), _BATCH) for sight in self._look(pictures[at : at + _BATCH])]

    @torch.inference_mode()
    def _look(self, pictures: Sequence[Image.Image]) -> list[Sight]:
        subjects, *wholes = self._network(as_input([as_seen(picture) for picture in pictures]))
        places, times, styles = (
            [tuple(names)[n] for n in whole.argmax(1).tolist()]
            for names, whole in zip((PLACES, TIMES, LOOKS), wholes, strict=True)
        )
        figures = [_figures(*each) for each in zip(pictures, functional.softmax(subjects, 1).numpy(), strict=True)]
        return [Sight(*all_of_it) for all_of_it in zip(places, times, figures, styles, strict=True)]


def load_checker(weights: Path = WEIGHTS) -> Checker:
    """The checker with its learnt weights.

    Raises `ModelMissing` where there are none.
    """
    if not weights.is_file():
        raise ModelMissing(f"The checker's weights are missing: {weights.name}. Train them: train_checker.")
    network = CheckerNet()
    network.load_state_dict({name: value.float() for name, value in load_file(weights).items()})
    return Checker(network)


def paper_colour(pixels: NDArray[np.uint8], subject: str) -> str:
    """The colour of paper that best explains a subject's pixels, (n, 3), together with its usual ornaments."""
    floats = pixels.astype(np.float32)
    by_ornaments = np.minimum(
        _distance(floats, (*_ORNAMENTS[subject], CREAM)) + _ORNAMENT, _distance(floats, (INK,)) + _INKED
    )
    costs = {}
    for colour in THINGS:
        paper = paper_of(colour)
        by_paper = np.minimum(_distance(floats, (paper.main,)), _distance(floats, (paper.dark, paper.light)) + _SHADE)
        costs[colour] = float(np.minimum(np.minimum(by_paper, by_ornaments), _CAP).mean())
    return min(costs, key=costs.__getitem__)


def _distance(pixels: NDArray[np.float32], colours: tuple[Rgb, ...]) -> NDArray[np.float32]:
    """Of each pixel to the nearest of the colours."""
    apart = pixels[:, None] - np.array(colours, np.float32)
    nearest: NDArray[np.float32] = np.sqrt((apart**2).sum(2)).min(1)
    return nearest


def _figures(picture: Image.Image, shares: NDArray[np.float32]) -> tuple[Figure, ...]:
    """The figures in a picture, given the share of each subject in each spot, (13, 32, 32)."""
    colours = np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))
    found = []
    for subject, region in _one_each(shares):
        pixels = _flattest_half(colours, np.kron(region, np.ones((SIDE // GRID,) * 2, bool)))
        columns = np.nonzero(region.any(0))[0]
        x = float(columns.min() + columns.max() + 1) / (2 * GRID)
        found.append(Figure(subject, paper_colour(pixels, subject), x))
    return tuple(sorted(found, key=lambda figure: figure.x))


def _one_each(shares: NDArray[np.float32]) -> list[tuple[str, NDArray[np.bool_]]]:
    """One subject and region for each figure: a canopy and the handle below it are one umbrella."""
    found: list[tuple[str, NDArray[np.bool_]]] = []
    for region in _regions(shares.argmax(0) != len(SUBJECTS)):
        subject = tuple(SUBJECTS)[int(shares[:-1, region].sum(1).argmax())]
        for at, (other, above) in enumerate(found):
            if other == subject and (above.any(0) & region.any(0)).any():
                found[at] = (subject, above | region)
                break
        else:
            found.append((subject, region))
    return [(subject, region) for subject, region in found if region.sum() >= _FEWEST_SPOTS]


def _flattest_half(colours: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The region's pixels with the least change around them: edges and inked lines have mixed colours."""
    light = np.pad(colours.astype(np.float32).mean(2), 1, mode="edge")
    near = np.stack([light[y : y + SIDE, x : x + SIDE] for y in range(3) for x in range(3)])
    change = (near.max(0) - near.min(0))[region]
    flat: NDArray[np.uint8] = colours[region][change <= np.median(change)]
    return flat


def _regions(covered: NDArray[np.bool_]) -> Iterator[NDArray[np.bool_]]:
    """The connected regions of a map, each as a map, from the top down."""
    left = covered.copy()
    while left.any():
        region = np.zeros_like(left)
        region[np.unravel_index(left.argmax(), left.shape)] = True
        while (grown := _grown(region) & left).sum() > region.sum():
            region = grown
        left &= ~region
        yield region


def _grown(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region and every spot above, below, left and right of it."""
    wide = np.pad(region, 1)
    grown: NDArray[np.bool_] = region | wide[:-2, 1:-1] | wide[2:, 1:-1] | wide[1:-1, :-2] | wide[1:-1, 2:]
    return grown
