"""What was asked for against what was seen: shares of right pictures, and what was taken for what.

Owns when a picture counts as right. It must not know how pictures are drawn or looked at: it is given captions,
scenes and sights.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from generation.starter.checker import Sight
from generation.starter.world import PLACES, STYLES, TIMES, Scene

NONE, SEVERAL = "none", "several"
"""What is seen where a picture has no figure, or where its figures do not agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One picture that was asked for, and what was seen in it."""

    scene: Scene
    caption: str
    sight: Sight


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The share of pictures that are right, of how many, and, where one name was asked for, what was seen instead.

    `target` is the least share that the project promises, where it promises one. `seen` counts, for each name that was
    asked for, what was seen.
    """

    metric: str
    right: int
    pictures: int
    target: float | None = None
    seen: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The share that is right, 0 to 1; 0 where there was nothing to judge, which is no success."""
        return self.right / self.pictures if self.pictures else 0.0

    @property
    def missed(self) -> bool:
        """Whether a promise is broken."""
        return self.target is not None and self.value < self.target

    def as_data(self) -> dict[str, object]:
        """One line of the evaluation's JSON."""
        data: dict[str, object] = {"bench": "starter_evaluation", "metric": self.metric, "value": round(self.value, 4)}
        data |= {"unit": "share", "pictures": self.pictures}
        return data if self.target is None else data | {"target": self.target, "kept": not self.missed}


def scores(trials: Sequence[Trial]) -> tuple[Score, ...]:
    """All that is measured.

    A subject is right where there is one figure and it is that; a colour, where all figures have it; two subjects,
    where there are two figures and each has its subject, its colour and its side. Subject and colour are judged in
    pictures of one subject, all else in all of them; time and style, which a caption may leave open, where it names
    them.
    """
    single = [trial for trial in trials if len(trial.scene.things) == 1]
    double = [trial for trial in trials if len(trial.scene.things) == 2]
    timed = [trial for trial in trials if names(trial.caption, TIMES[trial.scene.time])]
    styled = [trial for trial in trials if names(trial.caption, STYLES[trial.scene.style])]
    return (
        _compared("subject", single, lambda t: t.scene.things[0].subject, lambda t: seen_subject(t.sight), target=0.9),
        _compared("colour", single, lambda t: t.scene.things[0].colour, lambda t: seen_colour(t.sight), target=0.9),
        _compared("place", trials, lambda t: t.scene.place, lambda t: t.sight.place, target=0.9),
        Score(
            metric="two_subjects",
            right=sum(_figures_right(trial) for trial in double),
            pictures=len(double),
            target=0.75,
        ),
        _compared("time", timed, lambda t: t.scene.time, lambda t: t.sight.time),
        _compared("style", styled, lambda t: t.scene.style, lambda t: t.sight.style),
    )


def wrong(trial: Trial) -> bool:
    """Whether any of what the promises are about is wrong in this picture."""
    return not _figures_right(trial) or trial.sight.place != trial.scene.place


def names(caption: str, words: Iterable[str]) -> bool:
    """Whether the caption holds one of these words or phrases whole."""
    return any(re.search(rf"\b{re.escape(word)}\b", caption) for word in words)


def names_place(caption: str, scene: Scene) -> bool:
    """Whether the caption says where the scene is."""
    return names(caption, PLACES[scene.place])


def seen_subject(sight: Sight) -> str:
    """The subject of the one figure there is."""
    return sight.figures[0].subject if len(sight.figures) == 1 else SEVERAL if sight.figures else NONE


def seen_colour(sight: Sight) -> str:
    """The colour that all figures have."""
    colours = {figure.colour for figure in sight.figures}
    return colours.pop() if len(colours) == 1 else SEVERAL if colours else NONE


def _figures_right(trial: Trial) -> bool:
    wanted = [(thing.subject, thing.colour) for thing in trial.scene.things]
    return [(figure.subject, figure.colour) for figure in trial.sight.figures] == wanted


def _compared(
    metric: str,
    trials: Sequence[Trial],
    asked: Callable[[Trial], str],
    seen: Callable[[Trial], str],
    target: float | None = None,
) -> Score:
    counts: dict[str, Counter[str]] = {}
    for trial in trials:
        counts.setdefault(asked(trial), Counter())[seen(trial)] += 1
    right = sum(of_name[name] for name, of_name in counts.items())
    return Score(metric=metric, right=right, pictures=len(trials), target=target, seen=counts)
