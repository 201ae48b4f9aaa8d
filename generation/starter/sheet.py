"""Laying out pictures in a grid, each with its words beneath, as one picture.

Owns the typography. It must not know where pictures come from or what their words mean.
"""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from generation.starter.palette import CREAM, INK, mix

_GAP, _MARGIN = 24, 40
_LETTERS, _LINE, _LINES = 17, 23, 2


def laid_out(pictures: Sequence[tuple[Image.Image, str]], columns: int, lines: int = _LINES) -> Image.Image:
    """A cream sheet, RGB, with so many columns; words that need more than `lines` lines are cut.

    All pictures have the first one's size.
    """
    side = pictures[0][0].width
    rows = -(-len(pictures) // columns)
    across, down = side + _GAP, side + _LINE * lines + _GAP
    sheet = Image.new("RGB", (2 * _MARGIN - _GAP + columns * across, 2 * _MARGIN - _GAP + rows * down), CREAM)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LETTERS)
    for number, (picture, words) in enumerate(pictures):
        left, top = _MARGIN + number % columns * across, _MARGIN + number // columns * down
        sheet.paste(picture, (left, top))
        for row, line in enumerate(_lines(words, side, font)[:lines]):
            at = (left + side / 2, top + side + 8 + row * _LINE)
            pen.text(at, line, mix(INK, CREAM, 0.15), font, anchor="ma")
    return sheet


def _lines(words: str, width: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The words in lines of about equal length, none wider than `width` pixels unless a single word is."""
    many = 1
    while many < len(words.split()):
        made = _wrapped(words, many, font)
        if all(font.getlength(line) <= width for line in made):
            return made
        many += 1
    return words.split()


def _wrapped(words: str, many: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    """The words in so many lines, each filled up to an even share of the whole length."""
    share = font.getlength(words) / many
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".lstrip()
        # A word goes where more than half of it still fits.
        if lines[-1] and len(lines) < many and font.getlength(longer) - font.getlength(word) / 2 > share:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
