"""Real PNG pictures, each different, drawn with Pillow."""

import io

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo


def draw(width: int, height: int, number: int) -> bytes:
    """A PNG of coloured stripes that carries a text chunk, as OpenAI's carry a provenance manifest."""
    picture = Image.new("RGB", (width, height), (40 * number % 256, 120, 200))
    pen = ImageDraw.Draw(picture)
    for stripe in range(0, width, max(8, width // 12)):
        pen.line((stripe, 0, width - stripe, height), fill=(255, stripe * 7 % 256, 60 + 30 * number % 190), width=5)
    note = PngInfo()
    note.add_text("provenance", f"made by the stand-in, number {number}")
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", pnginfo=note)
    return buffer.getvalue()
