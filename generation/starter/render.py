"""Painting a scene of the starter's world: the training data, drawn by the project itself.

Owns where things stand, the paper edge around them, and the styles. Rendered at twice the size and shrunk, so that
edges are smooth. It must not know captions or tensors. The same scene gives the same picture with the same Pillow.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageFilter

from generation.starter.figures import draw_figure
from generation.starter.palette import CREAM, INK, mix
from generation.starter.places import paint_place
from generation.starter.world import Scene, Thing

SIDE = 128
MOSAIC = "mosaic"
"""A style that only the LoRA is taught: the model in the box does not know it."""

_SUPER = 2
_PIXELS = 32
_SIZES = {"": 1.0, "small": 0.68, "big": 1.32}
_FLYING = frozenset({"bird", "balloon", "rocket"})
_SPOTS = {"left": 0.25, "middle": 0.5, "right": 0.75}
# How much of the paper shows through a sketch's wash; darker times keep more of their colour.
_WASH = {"day": 0.62, "sunset": 0.5, "night": 0.3}


@dataclass(frozen=True, slots=True)
class Standing:
    """One figure and the square it stands in: upper left corner and width, in shares of the picture."""

    thing: Thing
    left: float
    top: float
    width: float


def standing(scene: Scene) -> tuple[Standing, ...]:
    """Where `paint` puts each figure of the scene, from left to right."""
    lot = random.Random(scene.seed)  # noqa: S311 - pictures, no secrets
    # The place draws its lots first, at any size the same ones.
    paint_place(scene.place, scene.time, 8, lot)
    return tuple(_stand(*spot, lot) for spot in _spots(scene, lot))


def paint(scene: Scene) -> Image.Image:
    """The scene as an RGB picture of `SIDE` by `SIDE` pixels."""
    lot = random.Random(scene.seed)  # noqa: S311 - pictures, no secrets
    side = SIDE * _SUPER
    place = paint_place(scene.place, scene.time, side, lot)
    figures = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    for spot in _spots(scene, lot):
        it = _stand(*spot, lot)
        figure = draw_figure(it.thing.subject, it.thing.colour, round(side * it.width))
        figures.alpha_composite(figure, (round(it.left * side), round(it.top * side)))
    if scene.style == "sketch":
        return _sketch(place, figures, scene.time).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    if scene.style in {"pixel", MOSAIC}:
        place.paste(figures, (0, 0), figures)
        coarse = place.resize((_PIXELS, _PIXELS), Image.Resampling.BOX)
        return _laid(coarse, lot) if scene.style == MOSAIC else coarse.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    return _collage(place, figures).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _spots(scene: Scene, lot: random.Random) -> list[tuple[Thing, float, float]]:
    """Each single figure with its middle and its width, both in shares of the picture."""
    if len(scene.things) == 2:
        return [
            (thing, middle + lot.uniform(-0.025, 0.025), 0.4)
            for thing, middle in zip(scene.things, (0.265, 0.735), strict=True)
        ]
    spots = []
    for thing in scene.things:
        if thing.count == 1:
            x = _SPOTS[scene.position] if scene.position else lot.uniform(0.34, 0.66)
            spots.append((thing, x + lot.uniform(-0.02, 0.02), 0.5 * _SIZES[thing.size]))
        else:
            places, share = ((0.27, 0.73), 0.38) if thing.count == 2 else ((0.19, 0.5, 0.81), 0.29)
            spots += [(thing, x + lot.uniform(-0.015, 0.015), share) for x in places]
    return spots


def _stand(thing: Thing, x: float, share: float, lot: random.Random) -> Standing:
    if thing.subject in _FLYING:
        top = 0.44 + lot.uniform(-0.04, 0.04) - share / 2
    elif thing.subject == "fish":
        top = 0.64 + lot.uniform(-0.04, 0.04) - share / 2
    else:
        top = 0.9 + lot.uniform(-0.03, 0.03) - share
    left = min(max(x - share / 2, 0.01), 0.99 - share)
    return Standing(thing, left, max(top, 0.01), share)


def _collage(place: Image.Image, figures: Image.Image) -> Image.Image:
    """Figures glued onto the place: a cream edge around each and a soft shadow below."""
    outline = figures.getchannel("A").filter(ImageFilter.MaxFilter(2 * _SUPER * 2 - 1))
    shadow = ImageChops.offset(outline, _SUPER, 2 * _SUPER).filter(ImageFilter.GaussianBlur(_SUPER * 1.5))
    picture = Image.composite(Image.new("RGB", place.size, INK), place, shadow.point(lambda a: a * 2 // 5))
    picture = Image.composite(Image.new("RGB", place.size, CREAM), picture, outline)
    picture.paste(figures, (0, 0), figures)
    return picture


def _sketch(place: Image.Image, figures: Image.Image, time: str) -> Image.Image:
    """Ink lines where colours meet, over a pale wash; figures keep nearly all of their colour."""
    flat = place.copy()
    flat.paste(figures, (0, 0), figures)
    lines = Image.new("L", flat.size, 0)
    for across, down in ((1, 0), (0, 1)):
        step = ImageChops.difference(flat, ImageChops.offset(flat, across, down)).convert("L")
        lines = ImageChops.lighter(lines, step.point(lambda v: 255 if v > 5 else 0))
    lines = lines.filter(ImageFilter.MaxFilter(3))
    wash = Image.blend(place, Image.new("RGB", place.size, CREAM), _WASH[time])
    wash.paste(figures, (0, 0), figures)
    return Image.composite(Image.new("RGB", place.size, mix(INK, CREAM, 0.08)), wash, lines)


def _laid(coarse: Image.Image, lot: random.Random) -> Image.Image:
    """Tiles of slightly different brightness, one a pixel, with dark grout to the right of and below each."""
    worn = Image.new("L", coarse.size)
    worn.putdata([lot.choice((0, 0, 24, 48)) for _ in range(coarse.width * coarse.height)])
    tiles = Image.composite(Image.new("RGB", coarse.size, CREAM), coarse, worn)
    picture = tiles.resize((SIDE, SIDE), Image.Resampling.NEAREST)
    grid = Image.new("L", (SIDE, SIDE), 0)
    every = SIDE // coarse.width
    for at in range(every - 1, SIDE, every):
        grid.paste(190, (at, 0, at + 1, SIDE))
        grid.paste(190, (0, at, SIDE, at + 1))
    return Image.composite(Image.new("RGB", picture.size, INK), picture, grid)
