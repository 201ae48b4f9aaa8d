"""Small real pictures of each kind that may travel."""

import io

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (48, 32), colour: int = 0, **options: object) -> bytes:
    """An encoded picture with a gradient in it."""
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.putpixel((0, 0), (colour % 256, 10, 20))
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()
