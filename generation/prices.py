"""What a picture costs at a provider: from counted units and the catalogue's prices to money.

Owns the units' names and the arithmetic, in whole millionths of a US dollar, always rounded up. Pure. It must not know
who pays or whether they may: that is the ledger's.
"""

from collections.abc import Mapping

TOKENS = frozenset({"text_input", "image_input", "text_output", "image_output"})
"""Units that are priced by the million, as providers print it."""

UNITS = TOKENS | {"image", "first_megapixel", "megapixel"}
"""All units that an entry may price: tokens, pictures, and megapixels (a picture's first, and each further one)."""

_MILLION = 1_000_000


def cost_of(usage: Mapping[str, int], prices: Mapping[str, int]) -> int | None:
    """What `usage` costs, in millionths of a US dollar, rounded up; None where a price that it needs is not known.

    `prices` are millionths of a dollar for one unit, or for a million tokens. Cached input counts in full: an upper
    bound. Nothing used and nothing known of it is None, not free.
    """
    if not usage or any(count and name not in prices for name, count in usage.items()):
        return None
    tokens = sum(count * prices.get(name, 0) for name, count in usage.items() if name in TOKENS)
    others = sum(count * prices.get(name, 0) for name, count in usage.items() if name not in TOKENS)
    return others - (-tokens // _MILLION)


def megapixels(width: int, height: int, pictures: int) -> dict[str, int]:
    """Usage of pictures billed by the megapixel, each begun one counting in full."""
    each = max(1, -(-width * height // (1024 * 1024)))
    return {"first_megapixel": pictures, "megapixel": pictures * (each - 1)}
