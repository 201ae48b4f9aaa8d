"""The catalogue's own small model through the backend: its size, notes and openness; meaning is tested elsewhere."""

import pytest

from generation.backends.diffusers import DiffusersBackend
from generation.catalogue import ModelEntry, Openness, load_entries
from generation.worker.pictures import look_at
from tests.unit.generation.backends.local import draw_with, pixels

ENTRIES = {entry.id: entry for entry in load_entries()}


async def _draw(backend: DiffusersBackend, entry: ModelEntry, prompt: str) -> tuple[bytes, tuple[str, ...], str]:
    width, height = entry.dimensions[0]
    made = await draw_with(
        backend, entry, prompt=prompt, width=width, height=height, guidance_scale=entry.guidance_scale
    )
    return made.images[0].data, made.notes, str(made.made_by.revision)


@pytest.mark.parametrize("model", ["starter", "starter-mosaic"])
async def test_it_is_delivered_enlarged_and_says_which_words_it_understood(
    backend: DiffusersBackend, model: str
) -> None:
    data, notes, revision = await _draw(backend, ENTRIES[model], "a red boat on the sea with a zorblax")

    picture = look_at(data)
    assert (picture.width, picture.height) == ENTRIES[model].dimensions[0] == (512, 512)
    assert notes == ("Understood: red, boat, sea. Not in its world: zorblax.",)
    assert ("lora sha256:" in revision) is (model == "starter-mosaic")


async def test_the_lora_makes_another_picture_of_the_same_seed(backend: DiffusersBackend) -> None:
    plain, _, _ = await _draw(backend, ENTRIES["starter"], "a red boat")
    mosaic, _, _ = await _draw(backend, ENTRIES["starter-mosaic"], "a red boat")

    assert (pixels(plain) != pixels(mosaic)).any()


def test_it_is_the_one_model_that_is_open_in_all_its_parts_and_can_depict_nobody() -> None:
    ours = {"starter", "starter-mosaic"}

    assert {entry.id for entry in ENTRIES.values() if entry.openness is Openness.OPEN_SOURCE} == ours
    for entry in (ENTRIES[name] for name in ours):
        assert entry.licence == "Apache-2.0"
        assert "training code" in entry.source
        assert "cannot depict people" in entry.closed_vocabulary
