"""How well the starter model does what it is told, measured honestly: `python -m generation.starter.evaluate --json`.

Owns what is asked for and how the result is told. The model draws captions of combinations that its training never
saw; a checker that took no part in that training says what it sees; `scores` compares. The checker's own errors are
shown beside, on the renderer's pictures of the very same scenes. Exits with 1 where a promise is broken, and with 2
where weights are missing.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import click
from PIL import Image
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from generation.errors import ModelMissing
from generation.starter.artist import BATCH, MODEL, Artist, load_artist
from generation.starter.captions import describe
from generation.starter.checker import Sight, load_checker
from generation.starter.render import paint
from generation.starter.scores import Score, Trial, names_place, scores, wrong
from generation.starter.sheet import laid_out
from generation.starter.world import Scene, evaluation_scene

_PICTURES = 460
# The share of pictures with one subject; the others have two.
_SINGLE = 0.65
_TABLES = ("subject", "colour", "place")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One picture to ask for."""

    scene: Scene
    caption: str
    seed: int


class _Missing(click.ClickException):
    """Weights are not there: an exit code of its own, so that nobody takes it for a bad score."""

    exit_code: ClassVar[int] = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the tables go to stderr.")
@click.option("--pictures", type=click.IntRange(2), default=_PICTURES, show_default=True, help="How many to draw.")
@click.option("--seed", type=int, default=2026, show_default=True, help="Decides captions and pictures.")
@click.option("--model", type=click.Path(path_type=Path), default=MODEL, help="The model's folder.")
@click.option("--steps", type=click.IntRange(1), help="Steps of a picture [default: the catalogue's].")
@click.option("--sheet", type=click.Path(path_type=Path), help="Save the pictures judged wrong, on one sheet.")
def main(*, as_json: bool, pictures: int, seed: int, model: Path, steps: int | None, sheet: Path | None) -> None:
    """Draw held-out captions with the starter model, and score what a checker sees in the pictures."""
    try:
        checker, artist = load_checker(), load_artist(model, steps)
    except ModelMissing as error:
        raise _Missing(error.detail) from error
    asked = questions(pictures, seed)
    drawn = _drawn(artist, asked)
    trials = _trials(asked, checker.look(drawn))
    # The same scenes by the renderer, which makes no mistakes: what is wrong here is the checker's.
    own = scores(_trials(asked, checker.look([paint(question.scene) for question in asked])))
    found = scores(trials)
    _tell(found, own, as_json=as_json)
    if sheet is not None:
        _save_wrong(list(zip(drawn, trials, strict=True)), sheet)
    if any(score.missed for score in found):
        raise click.exceptions.Exit(1)


def questions(pictures: int, seed: int) -> list[Question]:
    """What is asked for: held-out scenes, each with a caption that names its place, and a seed."""
    lot = random.Random(f"evaluation {seed}")  # noqa: S311 - pictures, no secrets
    single = round(pictures * _SINGLE)
    return [_question(evaluation_scene(lot, 1 if number < single else 2), lot) for number in range(pictures)]


def _question(scene: Scene, lot: random.Random) -> Question:
    while not names_place(caption := describe(scene, lot), scene):
        pass
    return Question(scene=scene, caption=caption, seed=lot.getrandbits(31))


def _drawn(artist: Artist, asked: Sequence[Question]) -> list[Image.Image]:
    drawn = []
    for at in tqdm(range(0, len(asked), BATCH), "drawing", unit_scale=BATCH, unit=" pictures"):
        batch = asked[at : at + BATCH]
        drawn += artist.draw([question.caption for question in batch], [question.seed for question in batch])
    return drawn


def _trials(asked: Sequence[Question], sights: Sequence[Sight]) -> list[Trial]:
    pairs = zip(asked, sights, strict=True)
    return [Trial(scene=question.scene, caption=question.caption, sight=sight) for question, sight in pairs]


def _tell(found: Sequence[Score], own: Sequence[Score], *, as_json: bool) -> None:
    """Figures and tables for people on stdout; for programs, figures on stdout and tables on stderr."""
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    if as_json:
        for score in (*found, *(replace(score, metric=f"checker_{score.metric}", target=None) for score in own)):
            click.echo(json.dumps(score.as_data()))
    else:
        console.print(_overview(found, own))
    for score in found:
        if score.metric in _TABLES:
            console.print(_confusion(score))


def _overview(found: Sequence[Score], own: Sequence[Score]) -> Table:
    table = Table(title="The starter model on held-out captions", title_justify="left", box=None)
    for heading in ("", "right", "target", "pictures", "checker alone", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for score, checked in zip(found, own, strict=True):
        target = "" if score.target is None else f"{score.target:.0%}"
        told = "" if score.target is None else "missed" if score.missed else "kept"
        name = score.metric.replace("_", " ")
        table.add_row(name, f"{score.value:.1%}", target, str(score.pictures), f"{checked.value:.1%}", told)
    return table


def _confusion(score: Score) -> Table:
    """One row for each name that was asked for: how many of its pictures show it, and what the others show."""
    table = Table(title=f"\n{score.metric.capitalize()}", title_justify="left", box=None)
    table.add_column("asked for")
    table.add_column("seen", justify="right")
    table.add_column("of", justify="right")
    table.add_column("seen instead")
    for name, seen in sorted(score.seen.items()):
        others = sorted(((count, other) for other, count in seen.items() if other != name), reverse=True)
        instead = ", ".join(f"{other} {count}" for count, other in others)
        table.add_row(name, str(seen.get(name, 0)), str(sum(seen.values())), instead)
    return table


def _save_wrong(judged: Sequence[tuple[Image.Image, Trial]], path: Path) -> None:
    cells = [(picture, f"{trial.caption}. Seen: {_seen(trial.sight)}") for picture, trial in judged if wrong(trial)]
    if not cells:
        click.echo("No picture was judged wrong.", err=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    bigger = [(picture.resize((picture.width * 2,) * 2, Image.Resampling.LANCZOS), words) for picture, words in cells]
    laid_out(bigger, min(6, len(bigger)), 5).save(path)


def _seen(sight: Sight) -> str:
    figures = ", ".join(f"{figure.colour} {figure.subject}" for figure in sight.figures) or "nothing"
    return f"{figures}; {sight.place}, {sight.time}, {sight.style}"


if __name__ == "__main__":
    main()
