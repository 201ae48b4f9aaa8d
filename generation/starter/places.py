"""The starter's eight places, each painted as layers of paper at one of three times of day.

Owns the skies and grounds. It must not know what stands in them. Everything left open (hills, clouds, stars, windows)
is drawn by the lot it is given.
"""

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageDraw

from generation.starter.palette import CREAM, LIGHT, LOW_SUN, MOON, SKIES, SUN, Rgb, mix


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A picture being layered: `side` pixels wide, lit as its time of day has it, with a lot for what is open."""

    draw: ImageDraw.ImageDraw
    side: int
    time: str
    lot: random.Random

    def lit(self, colour: Rgb) -> Rgb:
        """The colour as it looks at this time of day."""
        return mix(colour, *LIGHT[self.time])

    def ridge(self, colour: Rgb, height: float, swing: float, waves: float) -> None:
        """A layer from a rolling line down to the lower edge; `height` and `swing` in shares of the side."""
        phase = self.lot.uniform(0, math.tau)
        line = [
            (x * self.side, (height + swing * math.sin(phase + x * waves * math.tau)) * self.side)
            for x in (i / 24 for i in range(25))
        ]
        self.draw.polygon([*line, (self.side, self.side), (0, self.side)], fill=self.lit(colour))

    def polygon(self, colour: Rgb, *corners: tuple[float, float]) -> None:
        self.draw.polygon([(x * self.side, y * self.side) for x, y in corners], fill=self.lit(colour))

    def box(self, colour: Rgb, left: float, top: float, right: float, bottom: float) -> None:
        self.draw.rectangle([v * self.side for v in (left, top, right, bottom)], fill=self.lit(colour))

    def disc(self, colour: Rgb, x: float, y: float, radius: float, *, glowing: bool = False) -> None:
        box = [v * self.side for v in (x - radius, y - radius, x + radius, y + radius)]
        self.draw.ellipse(box, fill=colour if glowing else self.lit(colour))


def paint_place(place: str, time: str, side: int, lot: random.Random) -> Image.Image:
    """The empty place, RGB, `side` by `side` pixels, edges not smoothed."""
    picture = Image.new("RGB", (side, side), SKIES[time][0])
    sheet = _Sheet(ImageDraw.Draw(picture), side, time, lot)
    _sky(sheet)
    _PLACES[place](sheet)
    return picture


def _sky(sheet: _Sheet) -> None:
    for number, colour in enumerate(SKIES[sheet.time][1:]):
        top = 0.2 + 0.2 * number
        sheet.draw.rectangle([0, top * sheet.side, sheet.side, sheet.side], fill=colour)
    x = sheet.lot.choice((0.14, 0.3, 0.7, 0.86)) + sheet.lot.uniform(-0.04, 0.04)
    if sheet.time == "night":
        for _ in range(9):
            sheet.disc(MOON, sheet.lot.uniform(0, 1), sheet.lot.uniform(0.02, 0.48), 0.009, glowing=True)
        sheet.disc(MOON, x, 0.15, 0.075, glowing=True)
        sheet.disc(SKIES["night"][0], x + 0.035, 0.135, 0.062, glowing=True)
    elif sheet.time == "sunset":
        sheet.disc(LOW_SUN, x, 0.5, 0.15, glowing=True)
    else:
        sheet.disc(SUN, x, 0.14, 0.075, glowing=True)
        cloud = (x + 0.45) % 1
        for shift, radius in ((-0.07, 0.045), (0.0, 0.065), (0.07, 0.045)):
            sheet.disc(CREAM, cloud + shift, 0.2, radius, glowing=True)


def _sea(sheet: _Sheet) -> None:
    sheet.box((56, 136, 196), 0, 0.56, 1, 1)
    for height, colour in ((0.66, (44, 120, 184)), (0.78, (36, 104, 170)), (0.9, (28, 88, 152))):
        sheet.ridge(colour, height, 0.014, 3)


def _beach(sheet: _Sheet) -> None:
    sheet.box((64, 176, 196), 0, 0.52, 1, 1)
    sheet.ridge(CREAM, 0.66, 0.016, 1.0)
    sheet.ridge((238, 214, 150), 0.69, 0.016, 1.0)
    x = sheet.lot.uniform(0.1, 0.9)
    sheet.disc((240, 130, 110), x, 0.93, 0.02)
    sheet.disc((250, 240, 220), (x + 0.4) % 1, 0.95, 0.016)


def _meadow(sheet: _Sheet) -> None:
    sheet.ridge((150, 200, 110), 0.56, 0.035, 1.1)
    sheet.ridge((122, 184, 88), 0.7, 0.03, 0.9)
    for _ in range(7):
        colour = sheet.lot.choice(((250, 220, 110), (250, 250, 240), (240, 150, 170)))
        sheet.disc(colour, sheet.lot.uniform(0.03, 0.97), sheet.lot.uniform(0.8, 0.97), 0.014)


def _forest(sheet: _Sheet) -> None:
    for base, size, colour in ((0.66, 0.4, (70, 128, 92)), (0.74, 0.36, (44, 100, 70))):
        shift = sheet.lot.uniform(-0.06, 0.06)
        for number in range(8):
            x, tall = number / 7 + shift, size * sheet.lot.uniform(0.8, 1.1)
            sheet.polygon(colour, (x - 0.085, base), (x, base - tall), (x + 0.085, base))
    sheet.ridge((58, 92, 54), 0.72, 0.012, 1.5)


def _mountains(sheet: _Sheet) -> None:
    shift = sheet.lot.uniform(-0.08, 0.08)
    for x, top, half, colour in ((0.2, 0.2, 0.36, (126, 136, 160)), (0.76, 0.14, 0.42, (106, 116, 144))):
        middle, tall = x + shift, 0.72 - top
        sheet.polygon(colour, (middle - half, 0.72), (middle, top), (middle + half, 0.72))
        cap = half * 0.3
        sheet.polygon(
            (244, 248, 252), (middle - cap, top + tall * 0.3), (middle, top), (middle + cap, top + tall * 0.3)
        )
    sheet.ridge((132, 150, 118), 0.68, 0.014, 1.2)


def _desert(sheet: _Sheet) -> None:
    sheet.ridge((232, 182, 108), 0.6, 0.045, 0.9)
    sheet.ridge((218, 160, 84), 0.72, 0.035, 1.1)
    x = sheet.lot.choice((0.08, 0.92)) + sheet.lot.uniform(-0.03, 0.03)
    cactus = (92, 140, 84)
    sheet.box(cactus, x - 0.022, 0.46, x + 0.022, 0.76)
    sheet.box(cactus, x - 0.07, 0.56, x, 0.595)
    sheet.box(cactus, x - 0.07, 0.5, x - 0.038, 0.595)
    sheet.box(cactus, x, 0.62, x + 0.07, 0.655)
    sheet.box(cactus, x + 0.038, 0.55, x + 0.07, 0.655)


def _city(sheet: _Sheet) -> None:
    x = -0.03
    while x < 1:
        wide, top = sheet.lot.uniform(0.13, 0.2), sheet.lot.uniform(0.24, 0.46)
        sheet.box(sheet.lot.choice(((128, 130, 150), (150, 140, 152), (112, 118, 142))), x, top, x + wide, 0.78)
        for row in range(int((0.74 - top) / 0.09)):
            for column in (0.24, 0.6):
                left, upper = x + wide * column, top + 0.035 + row * 0.09
                lit = (250, 214, 120) if sheet.time != "day" else (206, 224, 236)
                box = [v * sheet.side for v in (left, upper, left + wide * 0.2, upper + 0.042)]
                sheet.draw.rectangle(box, fill=lit)
        x += wide
    sheet.box((92, 92, 104), 0, 0.76, 1, 1)
    for left in (0.06, 0.4, 0.74):
        sheet.box((232, 226, 206), left, 0.9, left + 0.2, 0.92)


def _snow(sheet: _Sheet) -> None:
    sheet.ridge((212, 226, 240), 0.6, 0.03, 1.0)
    for _ in range(3):
        x, base = sheet.lot.uniform(0.02, 0.98), sheet.lot.uniform(0.62, 0.68)
        sheet.polygon((96, 136, 128), (x - 0.07, base), (x, base - 0.22), (x + 0.07, base))
        sheet.polygon((248, 250, 252), (x - 0.032, base - 0.12), (x, base - 0.22), (x + 0.032, base - 0.12))
    sheet.ridge((240, 245, 250), 0.7, 0.025, 0.9)
    for _ in range(12):
        sheet.disc((255, 255, 255), sheet.lot.uniform(0, 1), sheet.lot.uniform(0, 0.6), 0.012, glowing=True)


_PLACES: Mapping[str, Callable[[_Sheet], None]] = {
    "sea": _sea,
    "beach": _beach,
    "meadow": _meadow,
    "forest": _forest,
    "mountains": _mountains,
    "desert": _desert,
    "city": _city,
    "snow": _snow,
}
