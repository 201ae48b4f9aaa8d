"""The starter's twelve subjects, each drawn as a paper cut-out of one colour.

Owns their shapes, on a square of 100 by 100 units with the ground at the lower edge. It must not know scenes, places
or where a figure will stand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from generation.starter.palette import BEAK, CREAM, FLAME, HEART, INK, PALE, PORTHOLE, STEM, THINGS, WOOD, Rgb, mix


@dataclass(frozen=True, slots=True)
class Paper:
    """The sheet a figure is cut from: its colour, a darker and a lighter shade of it."""

    main: Rgb
    dark: Rgb
    light: Rgb


class _Pen:
    """Draws in units of the figure's square onto a transparent picture `side` pixels wide."""

    def __init__(self, side: int) -> None:
        self.picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.picture)
        self._scale = side / 100

    def polygon(self, colour: Rgb, *corners: tuple[float, float]) -> None:
        self._draw.polygon([(x * self._scale, y * self._scale) for x, y in corners], fill=(*colour, 255))

    def ellipse(self, colour: Rgb, left: float, top: float, right: float, bottom: float) -> None:
        self._draw.ellipse([v * self._scale for v in (left, top, right, bottom)], fill=(*colour, 255))

    def slice(self, colour: Rgb, box: tuple[float, float, float, float], start: float, end: float) -> None:
        """A slice of the ellipse in `box`, degrees clockwise from three o'clock."""
        self._draw.pieslice([v * self._scale for v in box], start, end, fill=(*colour, 255))

    def rectangle(
        self, colour: Rgb, left: float, top: float, right: float, bottom: float, *, rounded: float = 0
    ) -> None:
        box = [v * self._scale for v in (left, top, right, bottom)]
        self._draw.rounded_rectangle(box, radius=rounded * self._scale, fill=(*colour, 255))


def draw_figure(subject: str, colour: str, side: int) -> Image.Image:
    """The subject in its colour on a transparent square, RGBA, `side` by `side` pixels, edges not smoothed."""
    pen = _Pen(side)
    _FIGURES[subject](pen, paper_of(colour))
    return pen.picture


def paper_of(colour: str) -> Paper:
    """The sheet that figures of this colour are cut from."""
    main = THINGS[colour]
    # Shades of black go up and those of white down, or they would not show.
    dark = mix(main, (110, 110, 124), 0.42) if colour == "black" else mix(main, (40, 30, 70), 0.28)
    light = mix(main, (190, 200, 214), 0.5) if colour == "white" else mix(main, (255, 255, 255), 0.38)
    return Paper(main, dark, light)


def _boat(pen: _Pen, paper: Paper) -> None:
    pen.rectangle(WOOD, 47, 6, 51, 72)
    pen.polygon(paper.main, (53, 8), (53, 62), (94, 62))
    pen.polygon(paper.light, (45, 18), (45, 62), (12, 62))
    pen.polygon(paper.main, (4, 68), (96, 68), (80, 95), (20, 95))
    pen.polygon(paper.dark, (13, 83), (87, 83), (80, 95), (20, 95))


def _house(pen: _Pen, paper: Paper) -> None:
    pen.rectangle(paper.dark, 68, 12, 80, 40)
    pen.rectangle(paper.main, 16, 44, 84, 97)
    pen.polygon(paper.dark, (50, 6), (96, 47), (4, 47))
    pen.rectangle(WOOD, 43, 66, 59, 97)
    for left in (23, 66):
        pen.rectangle(CREAM, left, 56, left + 12, 69)


def _tree(pen: _Pen, paper: Paper) -> None:
    pen.rectangle(WOOD, 43, 60, 57, 97)
    pen.ellipse(paper.main, 8, 28, 60, 72)
    pen.ellipse(paper.main, 40, 28, 92, 72)
    pen.ellipse(paper.main, 22, 4, 78, 56)
    pen.ellipse(paper.light, 30, 12, 54, 32)
    pen.ellipse(paper.dark, 58, 48, 80, 64)


def _car(pen: _Pen, paper: Paper) -> None:
    pen.polygon(paper.main, (22, 58), (34, 34), (68, 34), (82, 58))
    pen.polygon(CREAM, (31, 56), (38, 40), (49, 40), (49, 56))
    pen.polygon(CREAM, (53, 56), (53, 40), (65, 40), (73, 56))
    pen.rectangle(paper.main, 3, 54, 97, 82, rounded=8)
    pen.rectangle(paper.dark, 3, 72, 97, 82, rounded=4)
    for middle in (25, 75):
        pen.ellipse(INK, middle - 13, 70, middle + 13, 96)
        pen.ellipse(PALE, middle - 5, 78, middle + 5, 88)


def _cat(pen: _Pen, paper: Paper) -> None:
    pen.slice(paper.dark, (58, 46, 98, 98), 270, 90)
    pen.slice(paper.main, (22, 44, 80, 150), 180, 360)
    pen.polygon(paper.main, (18, 4), (44, 20), (20, 40))
    pen.polygon(paper.main, (82, 4), (56, 20), (80, 40))
    pen.ellipse(paper.main, 16, 12, 84, 62)
    for middle in (36, 64):
        pen.ellipse(CREAM, middle - 7, 28, middle + 7, 44)
        pen.ellipse(INK, middle - 3, 30, middle + 3, 43)
    pen.polygon(paper.dark, (45, 46), (55, 46), (50, 53))


def _fish(pen: _Pen, paper: Paper) -> None:
    pen.polygon(paper.dark, (64, 50), (98, 24), (92, 50), (98, 76))
    pen.polygon(paper.dark, (34, 28), (62, 12), (64, 34))
    pen.ellipse(paper.main, 2, 22, 78, 78)
    pen.polygon(paper.light, (40, 50), (60, 40), (60, 62))
    pen.ellipse(CREAM, 14, 36, 30, 52)
    pen.ellipse(INK, 18, 40, 26, 48)


def _bird(pen: _Pen, paper: Paper) -> None:
    pen.polygon(BEAK, (4, 34), (24, 26), (24, 42))
    pen.polygon(paper.main, (66, 50), (98, 62), (90, 76), (58, 70))
    pen.ellipse(paper.main, 22, 34, 80, 80)
    pen.ellipse(paper.main, 14, 14, 52, 54)
    pen.polygon(paper.dark, (40, 50), (74, 10), (80, 44), (66, 60))
    pen.ellipse(CREAM, 22, 24, 34, 36)
    pen.ellipse(INK, 25, 27, 31, 33)


def _flower(pen: _Pen, paper: Paper) -> None:
    pen.rectangle(STEM, 47, 50, 53, 98)
    pen.ellipse(STEM, 52, 72, 78, 86)
    for left, top in ((34, 2), (58, 18), (50, 44), (18, 44), (10, 18)):
        pen.ellipse(paper.main, left, top, left + 32, top + 32)
    pen.ellipse(HEART, 37, 24, 63, 50)
    pen.ellipse(WOOD, 44, 31, 56, 43)


def _balloon(pen: _Pen, paper: Paper) -> None:
    pen.polygon(WOOD, (33, 62), (36, 62), (44, 84), (41, 84))
    pen.polygon(WOOD, (67, 62), (64, 62), (56, 84), (59, 84))
    pen.ellipse(paper.main, 16, 2, 84, 66)
    pen.polygon(paper.main, (21, 48), (79, 48), (60, 73), (40, 73))
    pen.ellipse(paper.light, 38, 2, 62, 66)
    pen.polygon(paper.light, (42, 60), (58, 60), (54, 73), (46, 73))
    pen.rectangle(WOOD, 39, 83, 61, 98, rounded=3)


def _umbrella(pen: _Pen, paper: Paper) -> None:
    pen.rectangle(WOOD, 47, 40, 53, 90)
    pen.slice(WOOD, (31, 78, 53, 99), 0, 180)
    pen.slice(paper.dark, (37, 82, 47, 94), 0, 180)
    pen.slice(paper.main, (3, 8, 97, 100), 180, 360)
    pen.slice(paper.light, (33, 8, 67, 100), 180, 360)
    pen.rectangle(WOOD, 48, 2, 52, 10)


def _mushroom(pen: _Pen, paper: Paper) -> None:
    pen.polygon(PALE, (36, 48), (64, 48), (70, 97), (30, 97))
    pen.slice(paper.main, (4, 8, 96, 100), 180, 360)
    pen.rectangle(paper.dark, 4, 52, 96, 60, rounded=4)
    pen.ellipse(CREAM, 40, 14, 58, 30)
    pen.ellipse(CREAM, 17, 32, 33, 46)
    pen.ellipse(CREAM, 64, 32, 82, 47)


def _rocket(pen: _Pen, paper: Paper) -> None:
    pen.polygon(FLAME, (38, 80), (62, 80), (50, 99))
    pen.polygon(paper.dark, (32, 50), (10, 84), (34, 80))
    pen.polygon(paper.dark, (68, 50), (90, 84), (66, 80))
    pen.polygon(paper.main, (50, 1), (66, 24), (70, 50), (66, 82), (34, 82), (30, 50), (34, 24))
    pen.polygon(paper.dark, (50, 1), (63, 20), (37, 20))
    pen.ellipse(CREAM, 39, 32, 61, 54)
    pen.ellipse(PORTHOLE, 43, 36, 57, 50)


_FIGURES: Mapping[str, Callable[[_Pen, Paper], None]] = {
    "boat": _boat,
    "house": _house,
    "tree": _tree,
    "car": _car,
    "cat": _cat,
    "fish": _fish,
    "bird": _bird,
    "flower": _flower,
    "balloon": _balloon,
    "umbrella": _umbrella,
    "mushroom": _mushroom,
    "rocket": _rocket,
}
