"""Enlarging flat pictures cleanly, for models that draw small ones.

Owns `enlarge`. It must not know models or requests. Lanczos alone leaves edges soft and rings beside them. Here every
value is put back between the darkest and the lightest of its small neighbourhood, which takes the ringing away, and
then pushed towards the nearer of the two, which makes the edge crisp where it was: the operator of Kramer & Bruckner
(1975, "Iterations of a non-linear transformation for enhancement of digital images"), made gradual so that an edge
keeps a pixel of smoothness. Both ends of a push mix the same two colours, so no new ones appear.

Pixel art is told by its edges, which lie on a grid; its squares are enlarged as squares.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

# How much steeper an edge becomes for each time it is enlarged; below 1, so that about a pixel of smoothness is left.
_STEEPNESS = 0.8
# Neighbourhoods that differ by less than the first (of 255) are soft gradients and stay; from the second on, edges.
_SOFT, _EDGE = 12.0, 36.0
# This close to an end of its neighbourhood a value stays: pushed on, it would widen faint halos that were drawn.
_SETTLED = 0.12
# Pixel art is looked for in squares of this many pixels: more must change on their grid than on any grid beside it. In
# 60 pictures each of the starter's renderer, encoded and decoded, it was 1.4 to 3.2 times as much in its pixel style,
# and 1.2 at most in the others.
_SQUARE, _ON_GRID = 4, 1.3


def enlarge(picture: Image.Image, times: int) -> Image.Image:
    """The picture `times` as wide and as high, in its own mode (L, RGB or RGBA, 8 bits); as it is for `times` of 1."""
    if times == 1:
        return picture
    size = (picture.width * times, picture.height * times)
    values = np.asarray(picture, dtype=np.int16)
    if _is_pixel_art(values):
        # The middle of each square has nothing of its neighbours in it.
        middles = np.mean([values[down::_SQUARE, across::_SQUARE] for down in (1, 2) for across in (1, 2)], axis=0)
        return Image.fromarray(middles.round().astype(np.uint8), picture.mode).resize(size, Image.Resampling.NEAREST)
    darkest = _resized(picture.filter(ImageFilter.MinFilter(3)), size, Image.Resampling.BILINEAR)
    span = _resized(picture.filter(ImageFilter.MaxFilter(3)), size, Image.Resampling.BILINEAR) - darkest
    share = (_resized(picture, size, Image.Resampling.LANCZOS) - darkest) / np.maximum(span, 1.0)
    pushed = _pushed(np.clip(share, 0.0, 1.0), span, times) * span + darkest
    return Image.fromarray(pushed.round().astype(np.uint8), picture.mode)


def _pushed(share: NDArray[np.float32], span: NDArray[np.float32], times: int) -> NDArray[np.float32]:
    """Shares of the way from the darkest to the lightest, moved away from the middle where `span` says edge."""
    steeper = 1.0 + np.clip((span - _SOFT) / (_EDGE - _SOFT), 0.0, 1.0) * max(_STEEPNESS * times - 1.0, 0.0)
    lowest, highest = np.minimum(share, _SETTLED), np.maximum(share, 1.0 - _SETTLED)
    pushed: NDArray[np.float32] = np.clip((share - 0.5) * steeper + 0.5, lowest, highest)
    return pushed


def _is_pixel_art(values: NDArray[np.int16]) -> bool:
    """Whether edges, down and across, lie on the grid of squares; `values` are (height, width) or with channels."""
    if values.shape[0] % _SQUARE or values.shape[1] % _SQUARE:
        return False
    for axis in (0, 1):
        steps = np.abs(np.diff(values, axis=axis)).sum(axis=tuple(set(range(values.ndim)) - {axis}))
        *beside, on_grid = (float(steps[first::_SQUARE].sum()) for first in range(_SQUARE))
        if on_grid <= _ON_GRID * max(beside):
            return False
    return True


def _resized(picture: Image.Image, size: tuple[int, int], how: Image.Resampling) -> NDArray[np.float32]:
    return np.asarray(picture.resize(size, how), dtype=np.float32)
