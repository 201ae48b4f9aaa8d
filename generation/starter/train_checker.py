"""Teaching the checker, on drawings of the renderer alone: `python -m generation.starter.train_checker`.

Owns the checker's own pictures, how they are spoilt so that soft and noisy ones are read well too, and where the
weights go. It must not know the starter model: the checker takes no part in that training, nor that model in this one.
Takes about four minutes of one CPU core.
"""

import random
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from generation.starter.checker import WEIGHTS
from generation.starter.checker_net import GRID, LOOK, LOOKS, CheckerNet, as_input, as_seen
from generation.starter.course import Chance, Course, train
from generation.starter.figures import draw_figure
from generation.starter.render import SIDE, paint, standing
from generation.starter.world import MOST_ALIKE, PLACES, SUBJECTS, TIMES, Scene, draw_by_lot

CHECKER_COURSE = Course(name="checker", steps=2400, batch=48, learning_rate=4e-3, seed=91, warm_up=100, average=0.995)
_SCENES = 8000
# A figure's outermost columns count as nothing, so that neighbours are never one region.
_MARGIN = 0.12
# Most of a picture is no figure at all; that should not be all it learns.
_FIGURE_WEIGHT = 3.0


@click.command()
@click.option("--work", type=click.Path(path_type=Path), default=Path("build/checker"), help="Checkpoints.")
@click.option("--weights", type=click.Path(path_type=Path), default=WEIGHTS, help="Where the weights go.")
@click.option("--steps", type=int, default=CHECKER_COURSE.steps, show_default=True)
@click.option("--scenes", type=int, default=_SCENES, show_default=True)
def main(work: Path, weights: Path, steps: int, scenes: int) -> None:
    """Train the checker, or go on training it."""
    work.mkdir(parents=True, exist_ok=True)
    course = replace(CHECKER_COURSE, steps=steps)
    lot = random.Random(f"checker {course.seed}")  # noqa: S311 - pictures, no secrets
    learn([checker_scene(lot) for _ in range(scenes)], work, course, weights)


def checker_scene(lot: random.Random) -> Scene:
    """A scene of the checker's own: nothing is held out from a judge, and what is rare elsewhere is not so here."""
    scene = replace(draw_by_lot(lot), style=lot.choices(LOOKS, (45, 22, 22, 11))[0])
    if (kind := lot.random()) < 0.06:
        return replace(scene, things=())
    if kind < 0.18 and scene.things:
        return replace(scene, things=(replace(scene.things[0], count=MOST_ALIKE, size=""),))
    return scene


def learn(scenes: list[Scene], work: Path, course: Course, weights: Path) -> None:
    """Train a checker's network on these scenes and write it, in half precision."""
    seen = np.stack([as_seen(paint(scene)) for scene in scenes])
    maps = torch.from_numpy(np.stack([subject_map(scene) for scene in scenes]))
    names = torch.tensor([_names(scene) for scene in scenes])
    torch.manual_seed(course.seed)
    network = CheckerNet().train()
    balance = torch.full((len(SUBJECTS) + 1,), _FIGURE_WEIGHT)
    balance[-1] = 1.0

    def loss(_: int, chance: Chance) -> Tensor:
        chosen = chance.numpy.integers(0, len(seen), course.batch)
        pictures, labels = _shifted(as_input(seen[chosen]), maps[chosen].long(), chance)
        subjects, *wholes = network(_spoilt(pictures, chance.torch))
        by_spot = functional.cross_entropy(subjects.float(), labels, balance)
        wanted = names[chosen].unbind(1)
        return by_spot + 0.2 * sum(functional.cross_entropy(w.float(), n) for w, n in zip(wholes, wanted, strict=True))

    train(course, {"checker": network}, loss, work)
    save_file({name: value.half().contiguous() for name, value in network.state_dict().items()}, weights)


def subject_map(scene: Scene) -> NDArray[np.uint8]:
    """Which subject covers each spot, (32, 32): its number, or the number of subjects where there is none."""
    numbers = {subject: number for number, subject in enumerate(SUBJECTS)}
    whole = Image.new("L", (SIDE, SIDE), len(numbers))
    for it in standing(scene):
        figure = draw_figure(it.thing.subject, it.thing.colour, round(it.width * SIDE)).getchannel("A")
        # Gaps within a figure (between a sail and a hull) belong to it.
        figure = figure.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5))
        cut = round(figure.width * _MARGIN)
        core = Image.new("L", figure.size, 0)
        core.paste(figure.crop((cut, 0, figure.width - cut, figure.height)), (cut, 0))
        whole.paste(numbers[it.thing.subject], (round(it.left * SIDE), round(it.top * SIDE)), core)
    # The middle of each spot stands for it: an average of two subjects' numbers would be a third one's.
    step = SIDE // GRID
    return np.asarray(whole)[step // 2 :: step, step // 2 :: step]


def _names(scene: Scene) -> tuple[int, int, int]:
    return tuple(PLACES).index(scene.place), tuple(TIMES).index(scene.time), LOOKS.index(scene.style)


def _shifted(pictures: Tensor, maps: Tensor, chance: Chance) -> tuple[Tensor, Tensor]:
    """Moved by up to three spots each way, the whole batch alike, the edges repeated."""
    across, down = (int(spots) for spots in chance.numpy.integers(-3, 4, 2))
    fine = LOOK // GRID
    return _moved(pictures, across * fine, down * fine), _moved(maps, across, down)


def _moved(field: Tensor, across: int, down: int) -> Tensor:
    rows, columns = ((torch.arange(field.shape[-1]) + by).clamp(0, field.shape[-1] - 1) for by in (down, across))
    return field[..., rows, :][..., columns]


def _spoilt(pictures: Tensor, chance: torch.Generator) -> Tensor:
    """Softer, noisier, and a little off in colour and light, each picture in its own measure."""
    many = len(pictures)

    def drawn(*shape: int) -> Tensor:
        return torch.rand((many, *shape), generator=chance)

    soft = functional.avg_pool2d(functional.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, 1)
    softer = functional.interpolate(functional.avg_pool2d(pictures, 2), scale_factor=2.0, mode="bilinear")
    share, more = drawn(1, 1, 1), drawn(1, 1, 1) * (drawn(1, 1, 1) < 0.4)
    made = pictures + share * (soft - pictures)
    made = made + more * (softer - made)
    made = made * (0.85 + 0.3 * drawn(3, 1, 1)) + 0.2 * (drawn(3, 1, 1) - 0.5)
    stains = torch.randn((many, 3, 8, 8), generator=chance) * 0.12 * drawn(1, 1, 1)
    made = made + functional.interpolate(stains, size=pictures.shape[-2:], mode="bilinear")
    return (made + torch.randn(made.shape, generator=chance) * 0.1 * drawn(1, 1, 1)).clamp(-1, 1)


if __name__ == "__main__":
    main()
