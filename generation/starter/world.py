"""The starter model's small world: what it can draw, and what makes up one scene of it.

Owns the names (subjects, colours, places, times, styles) with every word a caption may use for them, the `Scene`, and
how scenes are drawn by lot. It must not know pictures, tensors or prompts: `render` paints a scene, `captions` words
it, `train` and `evaluate` use both. Pure: the standard library alone.
"""

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace

# Each name is followed by the other words for it; the first word is the one a caption prefers.
SUBJECTS: Mapping[str, tuple[str, ...]] = {
    "boat": ("boat", "sailboat", "ship"),
    "house": ("house", "cottage", "home"),
    "tree": ("tree",),
    "car": ("car", "automobile"),
    "cat": ("cat", "kitten"),
    "fish": ("fish",),
    "bird": ("bird",),
    "flower": ("flower", "blossom"),
    "balloon": ("balloon",),
    "umbrella": ("umbrella", "parasol"),
    "mushroom": ("mushroom", "toadstool"),
    "rocket": ("rocket", "spaceship"),
}
COLOURS: Mapping[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "orange": ("orange",),
    "yellow": ("yellow",),
    "green": ("green",),
    "blue": ("blue", "azure"),
    "purple": ("purple", "violet"),
    "pink": ("pink",),
    "brown": ("brown",),
    "white": ("white",),
    "black": ("black",),
}
PLACES: Mapping[str, tuple[str, ...]] = {
    "sea": ("on the sea", "at sea", "on the ocean", "on the water", "sea"),
    "beach": ("on the beach", "at the beach", "on a sandy shore", "beach"),
    "meadow": ("in a meadow", "in a field", "on the grass", "meadow"),
    "forest": ("in the forest", "in a forest", "in the woods", "forest"),
    "mountains": ("in the mountains", "before the mountains", "by a mountain", "mountains"),
    "desert": ("in the desert", "in a desert", "among dunes", "desert"),
    "city": ("in the city", "in a city", "in town", "city"),
    "snow": ("in the snow", "in a snowy field", "in winter", "snow"),
}
TIMES: Mapping[str, tuple[str, ...]] = {
    "day": ("by day", "during the day", "at noon", "daytime"),
    "sunset": ("at sunset", "at dusk", "in the evening", "sunset"),
    "night": ("at night", "by night", "in the dark", "under the moon", "night"),
}
STYLES: Mapping[str, tuple[str, ...]] = {
    "paper": ("paper cut", "paper collage", "cut paper"),
    "pixel": ("pixel art", "pixelated", "in pixels"),
    "sketch": ("sketch", "ink drawing", "line drawing"),
}
SIZES: Mapping[str, tuple[str, ...]] = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}
POSITIONS: Mapping[str, tuple[str, ...]] = {
    "left": ("on the left", "to the left", "left"),
    "middle": ("in the middle", "in the center", "centered"),
    "right": ("on the right", "to the right", "right"),
}
MOST_ALIKE = 3


@dataclass(frozen=True, slots=True)
class Thing:
    """One to `MOST_ALIKE` subjects of one kind and colour; `size` is empty for the usual one."""

    subject: str
    colour: str
    count: int = 1
    size: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What one picture shows. Of two things the first stands on the left.

    `position` counts for a single thing alone and is empty where it may stand anywhere. `seed` decides all that a
    caption leaves open: where exactly things stand, how hills run, where the clouds are.
    """

    things: tuple[Thing, ...]
    place: str
    time: str
    style: str
    position: str = ""
    seed: int = 0


def draw_by_lot(lot: random.Random) -> Scene:
    """A scene of the training set: about two in five have two things, and now and then there is none."""
    kind = lot.random()
    position = ""
    if kind < 0.03:
        things: tuple[Thing, ...] = ()
    elif kind < 0.42:
        things = _two_things(lot)
    else:
        count = lot.choices((1, 2, 3), (82, 12, 6))[0]
        size = lot.choices(("", "small", "big"), (70, 15, 15))[0] if count == 1 else ""
        things = (Thing(_pick(lot, SUBJECTS), _pick(lot, COLOURS), count, size),)
        position = lot.choices(("", "left", "middle", "right"), (55, 15, 15, 15))[0] if count == 1 else ""
    return Scene(
        things=things,
        place=_pick(lot, PLACES),
        time=lot.choices(tuple(TIMES), (50, 25, 25))[0],
        style=lot.choices(tuple(STYLES), (70, 15, 15))[0],
        position=position,
        seed=lot.getrandbits(31),
    )


def training_scene(lot: random.Random) -> Scene:
    """A scene by lot of which nothing is held out."""
    while held_out(scene := draw_by_lot(lot)):
        pass
    return scene


def held_out(scene: Scene) -> bool:
    """Whether the scene shows a combination that training never sees: one in sixteen of subject, colour and place."""
    return any(zlib.crc32(f"{t.subject} {t.colour} {scene.place}".encode()) % 16 == 0 for t in scene.things)


def evaluation_scene(lot: random.Random, things: int) -> Scene:
    """A held-out scene with one or two single things of ordinary size, anywhere."""
    while True:
        scene = draw_by_lot(lot)
        if len(scene.things) == things and held_out(scene):
            plain = tuple(replace(thing, count=1, size="") for thing in scene.things)
            return replace(scene, things=plain, position="")


def _two_things(lot: random.Random) -> tuple[Thing, ...]:
    left, right = lot.sample(tuple(SUBJECTS), 2)
    if lot.random() < 0.1:
        right = left
    colours = lot.sample(tuple(COLOURS), 2)
    if left != right and lot.random() < 0.1:
        colours[1] = colours[0]
    return Thing(left, colours[0]), Thing(right, colours[1])


def _pick(lot: random.Random, names: Mapping[str, object]) -> str:
    return lot.choice(tuple(names))
