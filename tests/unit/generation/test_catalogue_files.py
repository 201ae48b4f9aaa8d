"""Catalogue files: the operator's override the project's, and an error names file, entry and field."""

from pathlib import Path

import pytest

from generation.catalogue import Catalogue, CatalogueError, Openness, Permission, load_absent, load_entries

MODEL = """
[[model]]
id = "ours"
title = "Ours"
maker = "We"
backend = "diffusers"
openness = "open_weight"
licence = "MIT"
bot_use = "yes"
sizes = ["512x512"]
checked_at = "2026-11-20"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "more.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_projects_own_catalogue_is_sound() -> None:
    entries = load_entries()

    assert {"starter", "starter-mosaic", "gpt-image-2"} <= {entry.id for entry in entries}
    assert len(entries) >= 26
    assert {entry.may_serve for entry in entries} == {True, False}


def test_every_entry_says_what_it_is_honestly() -> None:
    entries = {entry.id: entry for entry in load_entries()}

    for entry in entries.values():
        assert entry.bot_use is Permission.YES or entry.bot_use_reason
        assert (entry.openness is Openness.API_ONLY) <= (not entry.stays_here)
        assert not entry.successor or entry.successor in entries
        # What is paid for must be known before it is asked for; Adobe alone has no public price.
        assert entry.stays_here or entry.price_per_image is not None or entry.id == "firefly-image"
    # Strictly open source is what is all here: weights, data and code.
    open_source = {entry.id for entry in entries.values() if entry.openness is Openness.OPEN_SOURCE}
    assert {entry.maker for entry in entries.values() if entry.id in open_source} == {"Tessera"}


@pytest.mark.parametrize(
    "model", ["flux1-dev", "flux2-dev", "flux2-klein-9b", "ideogram-4-weights", "sana-1600m", "qwen-image-2-1"]
)
def test_a_licence_that_forbids_a_bot_takes_an_operators_own_to_offer(model: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="operator_licence"):
        Catalogue(load_entries(), [model])

    theirs = write(tmp_path, f'[[model]]\nid = "{model}"\noperator_licence = "our contract of May 2026"\n')
    assert Catalogue(load_entries(theirs), [model]).default.id == model


def test_names_that_nobody_can_serve_say_why_and_what_instead() -> None:
    catalogue = Catalogue(load_entries(), ["starter"], load_absent())

    for asked in ("Midjourney", "midjourney v7", "MJ", "DALL·E 3", "dall-e-2", "Imagen 4", "sora", "gpt-image-1"):
        absent = catalogue.absence(asked)
        assert absent is not None, asked
        assert absent.why
        assert not absent.instead or catalogue.known(absent.instead), asked
    assert catalogue.absence("sdxl") is None


def test_an_operators_word_on_an_absent_model_comes_first(tmp_path: Path) -> None:
    ours = write(
        tmp_path, '[[absent]]\nnames = ["midjourney"]\ntitle = "MJ"\nwhy = "Ask Ann."\nchecked_at = "2026-11-27"\n'
    )

    found = Catalogue(load_entries(), ["starter"], load_absent(ours)).absence("midjourney")

    assert found is not None
    assert found.why == "Ask Ann."


def test_an_operator_adds_and_overrides(tmp_path: Path) -> None:
    override = '[[model]]\nid = "sdxl"\ntitle = "Our SDXL"\n'
    entries = {entry.id: entry for entry in load_entries(write(tmp_path, MODEL + override))}

    assert entries["ours"].pool == "gpu"
    assert (entries["sdxl"].title, entries["sdxl"].maker) == ("Our SDXL", "Stability AI")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (MODEL.replace('"512x512"', '"huge"'), ["more.toml", "ours", "sizes"]),
        (MODEL.replace("licence", "license"), ["more.toml", "ours", "licence"]),
        (MODEL.replace('"diffusers"', '"magic"'), ["more.toml", "ours", "backend"]),
        (MODEL + "prices = { zorblax = 3 }", ["more.toml", "ours", "prices", "zorblax"]),
        (MODEL + 'prompt_goes_to = "Acme"', ["more.toml", "ours", "prompt_goes_to"]),
        (MODEL.replace('"yes"', '"no"'), ["more.toml", "ours", "bot_use_reason"]),
        (MODEL.replace("open_weight", "api_only"), ["more.toml", "ours", "prompt_goes_to"]),
        (MODEL + 'shutdown_on = "soon"', ["more.toml", "ours", "shutdown_on"]),
        ("[[model", ["more.toml"]),
        ("model = 3", ["more.toml", "[[model]]"]),
    ],
)
def test_an_error_names_file_entry_and_field(tmp_path: Path, text: str, names: list[str]) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_entries(write(tmp_path, text))

    assert all(name in str(caught.value) for name in names)
