"""The guard before the checks: is this one whole picture of a kind and size that may travel on?

Owns `look_at`. It decodes and measures and never encodes: the bytes that are checked are the bytes that came. It must
not know where they came from or what they show.
"""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from generation.errors import BadReply

# facts/moderation.md §5: 16 to 25 million pixels; the largest size any catalogued model draws is 3840x2160.
MAX_PIXELS = 25_000_000
MAX_BYTES = 50_000_000
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
# What Pillow's decoders raise on damaged data; SyntaxError is its word for a broken PNG.
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a whole picture: its media type and its size in pixels."""

    media_type: str
    width: int
    height: int


def look_at(data: bytes) -> Picture:
    """Decode the picture completely and say what it is.

    Raises `BadReply` for anything but one whole PNG, JPEG or WebP picture of at most 25 million pixels. A moving
    picture is refused too: the checks would see its first frame only.
    """
    if len(data) > MAX_BYTES:
        raise BadReply(f"The picture has more than {MAX_BYTES // 1_000_000} MB.")
    try:
        picture = _measure(data)
        # Only now is it known to be small enough to be decoded. `verify` reads checksums, `load` every pixel.
        with Image.open(io.BytesIO(data), formats=tuple(_TYPES)) as image:
            image.verify()
        with Image.open(io.BytesIO(data), formats=tuple(_TYPES)) as image:
            image.load()
    except (*_DAMAGE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadReply(f"The picture is damaged or is none ({type(error).__name__}).") from error
    return picture


def _measure(data: bytes) -> Picture:
    """Kind and size by the header alone; our limit lies below the one from which Pillow itself warns."""
    with Image.open(io.BytesIO(data), formats=tuple(_TYPES)) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise BadReply(f"The picture has more than {MAX_PIXELS // 1_000_000} million pixels.")
        if getattr(image, "n_frames", 1) != 1:
            raise BadReply("The picture moves; only still ones can be checked.")
        return Picture(_TYPES[str(image.format)], width, height)
