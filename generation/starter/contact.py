"""A sheet of what the starter model draws, for people to see: `python -m generation.starter.contact sheet.png`.

Owns the prompts of the sheet. Nothing is chosen afterwards: one picture a prompt, with seeds that count up from one.
"""

from pathlib import Path

import click

from generation.backends.enlarge import enlarge
from generation.errors import ModelMissing
from generation.starter.artist import BATCH, MODEL, Artist, load_artist
from generation.starter.sheet import laid_out

PROMPTS = (
    "a red boat on the sea at sunset",
    "a white house in the snow at night",
    "a yellow balloon in the mountains",
    "an orange cat in a meadow",
    "a blue car in the city at night",
    "a pink flower on the beach",
    "a purple umbrella on the beach at sunset",
    "a green fish at sea",
    "a white rocket in the desert at night",
    "a brown mushroom in the forest",
    "a black cat beside a pink house in town",
    "a red balloon and a blue balloon in the desert",
    "two yellow birds in the woods",
    "three purple fish on the ocean",
    "a tiny red house before the mountains at dusk",
    "a huge orange mushroom in a meadow",
    "a white bird on the left in the forest at night",
    "a blue rocket on the right, mountains, sunset",
    "pixel art: a red car in the desert",
    "a yellow boat on the sea under the moon, pixel art",
    "a green tree next to a white cat in the snow, pixelated",
    "a blue bird in a meadow, ink drawing",
    "a pink umbrella in the city, sketch",
    "a red mushroom and a brown house in the forest, line drawing",
)
_SEED = 1
_COLUMNS = 6
_TIMES = 2


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", type=click.Path(path_type=Path), default=MODEL, help="The model's folder.")
@click.option("--seed", type=int, default=_SEED, show_default=True, help="The first picture's; the next ones count up.")
def main(path: Path, model: Path, seed: int) -> None:
    """Draw the contact sheet and save it under PATH."""
    try:
        artist = load_artist(model)
    except ModelMissing as error:
        raise click.ClickException(error.detail) from error
    draw_sheet(artist, seed, path)


def draw_sheet(artist: Artist, seed: int, path: Path) -> None:
    """Draw the prompts of the sheet, the first with this seed and each next one with the next, and save the sheet."""
    drawn = []
    for at in range(0, len(PROMPTS), BATCH):
        prompts = PROMPTS[at : at + BATCH]
        drawn += artist.draw(prompts, range(seed + at, seed + at + len(prompts)))
    shown = [(enlarge(picture, _TIMES), prompt) for picture, prompt in zip(drawn, PROMPTS, strict=True)]
    path.parent.mkdir(parents=True, exist_ok=True)
    laid_out(shown, _COLUMNS).save(path, optimize=True)


if __name__ == "__main__":
    main()
