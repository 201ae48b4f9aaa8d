"""Catalogue files: the operator's override the project's, and an error names file, entry and field."""

from pathlib import Path

import pytest

from generation.catalogue import CatalogueError, load_entries

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
    assert all(entry.may_serve for entry in entries)


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
        ("[[model", ["more.toml"]),
        ("model = 3", ["more.toml", "[[model]]"]),
    ],
)
def test_an_error_names_file_entry_and_field(tmp_path: Path, text: str, names: list[str]) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_entries(write(tmp_path, text))

    assert all(name in str(caught.value) for name in names)
