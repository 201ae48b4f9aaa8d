"""Enlarging: edges crisp where they were, squares square, nothing rings."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from generation.backends.enlarge import enlarge
from generation.starter.render import MOSAIC, paint
from generation.starter.world import Scene, Thing

SKY, BOAT = (120, 190, 230), (200, 40, 50)


def disc(side: int) -> Image.Image:
    """A round edge between two colours, smooth as a renderer leaves it."""
    large = Image.new("RGB", (4 * side, 4 * side), SKY)
    ImageDraw.Draw(large).ellipse([0.6 * side, 0.7 * side, 3.1 * side, 3.2 * side], fill=BOAT)
    return large.resize((side, side), Image.Resampling.BOX)


def scene(style: str, seed: int = 6, subject: str = "flower") -> Scene:
    return Scene(things=(Thing(subject, "pink"),), place="meadow", time="day", style=style, position="", seed=seed)


def away(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)).mean())


def test_a_round_edge_comes_closer_to_the_one_drawn_large_than_by_lanczos_and_does_not_ring() -> None:
    small, large = disc(128), disc(512)

    enlarged = enlarge(small, 4)

    assert away(enlarged, large) < 0.6 * away(small.resize((512, 512), Image.Resampling.LANCZOS), large)
    values, (sky, boat) = np.asarray(enlarged, dtype=np.int16), (np.array(SKY), np.array(BOAT))
    # Every colour lies between the two that were there.
    assert (values >= np.minimum(sky, boat) - 1).all()
    assert (values <= np.maximum(sky, boat) + 1).all()
    # Smooth, not stepped: along the edge there are tones between the two.
    between = (np.abs(values - sky).sum(axis=-1) > 30) & (np.abs(values - boat).sum(axis=-1) > 30)
    assert between.sum() > 500


@pytest.mark.parametrize("softened", [0.0, 0.7])
def test_pixel_art_stays_squares_even_if_a_decoder_softened_them(softened: float) -> None:
    drawn = paint(scene("pixel"))

    enlarged = np.asarray(enlarge(drawn.filter(ImageFilter.GaussianBlur(softened)), 4), dtype=np.int16)

    squares = enlarged.reshape(32, 16, 32, 16, 3)
    assert (squares == squares[:, :1, :, :1]).all()
    assert np.abs(squares[:, 0, :, 0] - np.asarray(drawn, dtype=np.int16)[::4, ::4]).mean() < (6 if softened else 1)


@pytest.mark.parametrize("style", ["paper", "sketch", MOSAIC])
def test_other_pictures_are_not_taken_for_squares(style: str) -> None:
    for seed in range(6):
        for subject in ("boat", "house"):
            enlarged = np.asarray(enlarge(paint(scene(style, seed, subject)), 4))
            squares = enlarged.reshape(32, 16, 32, 16, 3)
            assert not (squares == squares[:, :1, :, :1]).all()


def test_a_soft_gradient_stays_soft() -> None:
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 2, dtype=np.uint8), (128, 1)))

    enlarged = np.asarray(enlarge(ramp, 4), dtype=np.int16)

    assert np.abs(np.diff(enlarged, axis=1)).max() <= 2


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize(("size", "times"), [((1, 1), 4), ((5, 7), 3), ((16, 8), 2), ((9, 9), 1)])
def test_any_picture_comes_out_that_many_times_as_large_in_its_own_mode(
    mode: str, size: tuple[int, int], times: int
) -> None:
    enlarged = enlarge(Image.effect_noise(size, 80).convert(mode), times)

    assert (enlarged.mode, enlarged.size) == (mode, (size[0] * times, size[1] * times))
