"""The guard: only one whole still picture of a reasonable size goes on."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from generation.errors import BadReply
from generation.worker.pictures import MAX_BYTES, Picture, look_at
from tests.contracts.pictures import picture


@pytest.mark.parametrize(("kind", "name"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_whole_pictures_are_measured(kind: str, name: str) -> None:
    assert look_at(picture(kind, size=(50, 20))) == Picture(name, 50, 20)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.97])
def test_a_truncated_picture_is_refused(kind: str, kept: float) -> None:
    whole = _noisy(kind)

    with pytest.raises(BadReply):
        look_at(whole[: int(len(whole) * kept)])


def _noisy(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, format=kind)
    return buffer.getvalue()


def test_a_flipped_bit_in_a_png_is_found_by_its_checksum() -> None:
    data = bytearray(_noisy("PNG"))
    data[len(data) // 2] ^= 1

    with pytest.raises(BadReply):
        look_at(bytes(data))


def _bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge and holds next to nothing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.mark.parametrize(("width", "height"), [(5001, 5000), (9000, 9999), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(BadReply):
        look_at(_bomb(width, height) + zlib.compress(bytes(1000)))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_a_moving_picture_is_refused_for_only_its_first_frame_would_be_checked(kind: str) -> None:
    frames = [Image.new("RGB", (16, 16), (shade, 0, 0)) for shade in (0, 120, 240)]
    buffer = io.BytesIO()
    frames[0].save(buffer, format=kind, save_all=True, append_images=frames[1:], duration=50)

    with pytest.raises(BadReply, match="moves"):
        look_at(buffer.getvalue())


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO", "PPM"])
def test_other_kinds_are_refused(kind: str) -> None:
    with pytest.raises(BadReply):
        look_at(picture(kind))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(BadReply, match="MB"):
        look_at(picture() + bytes(MAX_BYTES))


@given(st.binary(max_size=300))
def test_no_bytes_do_harm(data: bytes) -> None:
    with pytest.raises(BadReply):
        look_at(data)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "WEBP"]), st.data())
def test_damage_is_refused_or_harmless_and_never_anything_else(kind: str, data: st.DataObject) -> None:
    damaged = bytearray(picture(kind, size=(12, 9)))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))

    try:
        seen = look_at(bytes(damaged))
    except BadReply:
        return
    assert seen.width * seen.height <= 25_000_000
