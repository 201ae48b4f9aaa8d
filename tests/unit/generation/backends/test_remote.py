"""What all remote backends share: patience, `Retry-After`, and what counts as a picture."""

import asyncio
import io

import pytest
from PIL import Image

from generation.backends.base import Watch
from generation.backends.remote import Patience, picture, retry_after_s, unless_cancelled
from generation.errors import BadReply, GenerationCancelled


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("7", 7.0),
        ("0.5", 0.5),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("-3", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": value}) == seconds


@pytest.mark.parametrize(
    ("attempt", "wish_s", "pause_s"),
    [
        (0, None, 0.5),
        (1, None, 1.0),
        (1, 3.0, 3.0),
        (0, 20.0, 20.0),
        (0, 20.5, None),
        (2, None, None),
    ],
)
def test_pauses_grow_heed_the_providers_wish_and_end(attempt: int, wish_s: float | None, pause_s: float | None) -> None:
    assert Patience(jitter=lambda: 1.0).pause_s(attempt, wish_s) == pause_s


def test_pauses_are_capped_and_full_jitter_reaches_down_to_nothing() -> None:
    assert Patience(retries=99, jitter=lambda: 1.0).pause_s(40, None) == 8.0
    assert Patience(jitter=lambda: 0.0).pause_s(1, None) == 0.0


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
def test_pictures_are_told_by_their_first_bytes_and_kept(kind: str, media_type: str) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, kind)

    kept = picture(buffer.getvalue(), "Zorblax", seed=3)

    assert (kept.data, kept.media_type, kept.seed) == (buffer.getvalue(), media_type, 3)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"RIFF1234WAVE", b"<html>"])
def test_anything_else_is_no_picture(data: bytes) -> None:
    with pytest.raises(BadReply, match="Zorblax"):
        picture(data, "Zorblax")


async def test_work_that_is_not_wanted_any_more_may_clean_up_before_it_ends() -> None:
    watch = Watch(lambda *_: None)
    told: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            told.append("the provider")

    watch.cancel()
    with pytest.raises(GenerationCancelled):
        await unless_cancelled(work(), watch)

    assert told == ["the provider"]
