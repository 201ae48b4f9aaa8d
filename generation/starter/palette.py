"""The colours of the starter's world, as 8-bit sRGB: of things, of skies and grounds at each time of day.

Owns the numbers alone, so that the renderer and the evaluation's colour statistics mean the same red.
"""

from collections.abc import Mapping
from typing import TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

THINGS: Mapping[str, Rgb] = {
    "red": (212, 48, 48),
    "orange": (242, 136, 32),
    "yellow": (248, 212, 56),
    "green": (56, 150, 74),
    "blue": (48, 100, 200),
    "purple": (124, 68, 172),
    "pink": (244, 142, 182),
    "brown": (126, 80, 48),
    "white": (250, 250, 246),
    "black": (42, 40, 48),
}
CREAM: Rgb = (252, 246, 228)
INK: Rgb = (46, 40, 58)
SUN: Rgb = (255, 232, 140)
LOW_SUN: Rgb = (255, 190, 90)
MOON: Rgb = (246, 240, 214)
WOOD: Rgb = (150, 104, 66)
PALE: Rgb = (236, 226, 196)
BEAK: Rgb = (240, 160, 48)
STEM: Rgb = (84, 148, 76)
HEART: Rgb = (250, 206, 84)
FLAME: Rgb = (250, 168, 48)
PORTHOLE: Rgb = (90, 124, 161)

# Bands of paper from the top of the sky to the horizon.
SKIES: Mapping[str, tuple[Rgb, ...]] = {
    "day": ((134, 196, 236), (166, 214, 242), (198, 229, 246)),
    "sunset": ((150, 96, 148), (226, 122, 120), (250, 172, 110)),
    "night": ((22, 26, 66), (32, 38, 88), (46, 54, 110)),
}
# What light does to the ground: a colour to mix in, and how much of it.
LIGHT: Mapping[str, tuple[Rgb, float]] = {
    "day": ((255, 255, 255), 0.0),
    "sunset": ((196, 84, 92), 0.34),
    "night": ((18, 22, 64), 0.52),
}


def mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    """`one` with a share (0 to 1) of `other` in it."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(one, other, strict=True))
    return r, g, b
