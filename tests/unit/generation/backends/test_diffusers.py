"""The diffusers backend over tiny real pipelines of four families."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from generation.backends import diffusers_draw
from generation.backends.base import Watch
from generation.backends.diffusers import DiffusersBackend
from generation.errors import GenerationCancelled, OutOfMemory, UnsupportedRequest
from tests import tiny
from tests.making_jobs import local_entry, order
from tests.unit.generation.backends.local import FAMILIES, draw_with, entry_for, pixels


@pytest.mark.parametrize("family", FAMILIES)
async def test_the_same_seed_gives_the_same_bytes_in_company_or_alone(
    backend: DiffusersBackend, pipelines: dict[str, Path], family: str
) -> None:
    entry = entry_for(pipelines[family])
    heard: list[tuple[str, int, int]] = [("begin", 0, 0)]

    both = await draw_with(backend, entry, heard, num_images=2, seed=5)
    second = await draw_with(backend, entry, num_images=1, seed=6)

    assert [image.seed for image in both.images] == [5, 6]
    assert both.images[1].data == second.images[0].data
    assert both.images[0].data != both.images[1].data
    # Every family tells of every step, in its own way, counted over both pictures.
    assert heard[1:] == [("loading", 0, 0), ("drawing", 0, 0), *(("drawing", step, 4) for step in range(1, 5))]


async def test_drawn_together_they_may_differ_and_then_it_is_said(
    backend: DiffusersBackend, pipelines: dict[str, Path]
) -> None:
    together = await draw_with(backend, entry_for(pipelines["stable_diffusion"], batch=4), num_images=2)
    apart = await draw_with(backend, entry_for(pipelines["stable_diffusion"]), num_images=2)

    assert "Drawn together" in " ".join(together.notes)
    assert "Drawn together" not in " ".join(apart.notes)
    for one, other in zip(together.images, apart.images, strict=True):
        assert one.seed == other.seed
        # Different rounding, not different pictures.
        assert np.abs(pixels(one.data) - pixels(other.data)).max() <= 2


@pytest.mark.parametrize("family_and_read", [("stable_diffusion", 75), ("stable_diffusion_xl", 75), ("flux", None)])
async def test_how_much_of_a_long_prompt_was_read_is_said_and_the_prompt_is_not_logged(
    backend: DiffusersBackend,
    pipelines: dict[str, Path],
    family_and_read: tuple[str, int | None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    family, read = family_and_read
    with caplog.at_level(logging.DEBUG):
        made = await draw_with(backend, entry_for(pipelines[family]), prompt="zorblax" * 20)

    notes = [note for note in made.notes if "read the first" in note]
    assert notes == ([] if read is None else [f"Tiny read the first {read} of 140 characters."])
    captured = capfd.readouterr()
    assert "zorblax" not in caplog.text + captured.out + captured.err


async def test_a_prompt_that_fits_needs_no_note(backend: DiffusersBackend, pipelines: dict[str, Path]) -> None:
    assert (await draw_with(backend, entry_for(pipelines["stable_diffusion"]), prompt="a red boat   ")).notes == ()


async def test_a_pipelines_own_safety_checker_is_left_out(backend: DiffusersBackend, tmp_path: Path) -> None:
    """It would paint everything black here; ours looks at the finished bytes instead."""
    made = await draw_with(backend, entry_for(tiny.stable_diffusion(tmp_path / "checked", with_checker=True)))

    assert pixels(made.images[0].data).max() > 0


async def test_it_stops_between_steps(backend: DiffusersBackend, pipelines: dict[str, Path]) -> None:
    heard: list[int] = []

    def stop_at_three(stage: str, done: int, total: int) -> None:
        heard.append(done)
        if done == 3:
            watch.cancel()

    watch = Watch(stop_at_three)
    with pytest.raises(GenerationCancelled):
        await backend.generate(entry_for(pipelines["flux"]), order(num_inference_steps=50), watch)

    assert max(heard) == 3


async def test_a_size_the_pipeline_cannot_draw_is_refused(
    backend: DiffusersBackend, pipelines: dict[str, Path]
) -> None:
    with pytest.raises(UnsupportedRequest, match="8 divides"):
        await draw_with(backend, entry_for(pipelines["stable_diffusion"]), width=68)
    with pytest.raises(UnsupportedRequest, match="32 divides"):
        await draw_with(backend, entry_for(pipelines["stable_diffusion"], enlarge=4), width=264, height=256)


async def test_what_is_enlarged_has_the_size_that_was_ordered(
    backend: DiffusersBackend, pipelines: dict[str, Path]
) -> None:
    small = await draw_with(backend, entry_for(pipelines["stable_diffusion"]), width=64, height=32)
    large = await draw_with(backend, entry_for(pipelines["stable_diffusion"], enlarge=4), width=256, height=128)

    assert large.made_by.revision == small.made_by.revision
    assert pixels(large.images[0].data).shape == (128, 256, 3)
    # The same picture: its means over four by four pixels are the small one's pixels, but for edges.
    means = pixels(large.images[0].data).reshape(32, 4, 64, 4, 3).mean(axis=(1, 3))
    assert np.abs(means - pixels(small.images[0].data)).mean() < 8


async def test_the_longest_unused_pipeline_goes_first(pipelines: dict[str, Path]) -> None:
    backend = DiffusersBackend(resident=2, device="cpu")
    loaded = []
    for family in ("flux", "stable_diffusion", "flux", "stable_diffusion_xl", "flux", "stable_diffusion"):
        heard: list[tuple[str, int, int]] = [("begin", 0, 0)]
        await draw_with(backend, entry_for(pipelines[family]), heard, num_inference_steps=1)
        loaded += [family] if ("loading", 0, 0) in heard else []
    await backend.aclose()

    assert loaded == ["flux", "stable_diffusion", "stable_diffusion_xl", "stable_diffusion"]


async def test_running_out_of_memory_is_said_and_empties_the_device(
    backend: DiffusersBackend, pipelines: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB")

    entry = entry_for(pipelines["stable_diffusion"])
    await draw_with(backend, entry)
    # No device of a few megabytes is at hand, so torch's own error is raised where it would come from.
    with monkeypatch.context() as patch:
        patch.setattr("diffusers.UNet2DConditionModel.forward", run_out)
        with pytest.raises(OutOfMemory):
            await draw_with(backend, entry)

    heard: list[tuple[str, int, int]] = [("begin", 0, 0)]
    await draw_with(backend, entry, heard)
    assert ("loading", 0, 0) in heard


@pytest.mark.parametrize(
    "values",
    [
        np.full((8, 8, 3), np.nan, dtype=np.float32),
        np.full((8, 8, 3), np.inf, dtype=np.float32),
        np.linspace(-3, 3, 192, dtype=np.float32).reshape(8, 8, 3),
        np.zeros((8, 8, 1), dtype=np.float32),
        np.zeros((8, 8, 4), dtype=np.float32),
        Image.new("RGB", (8, 8)),
    ],
)
def test_any_array_of_numbers_becomes_a_png(values: Any) -> None:
    assert pixels(diffusers_draw.to_png(values)).shape[:2] == (8, 8)


class _Bare:
    """A pipeline that takes next to nothing and reports nothing; no stock one is so bare."""

    def __call__(self, prompt: str) -> Any:
        return ([Image.new("RGB", (8, 8))],)


class _NeedsPicture:
    """A pipeline that draws from a picture."""

    def __call__(self, image: Any, prompt: str = "") -> Any:
        raise AssertionError


def test_what_a_pipeline_does_not_take_is_left_out_and_said() -> None:
    drawn = diffusers_draw.draw(_Bare(), local_entry({}), order(num_images=2), Watch(lambda *_: None))

    assert len(drawn.pictures) == 2
    assert drawn.seeds == (None, None)
    assert drawn.notes == (
        "Tiny chooses the size itself.",
        "Tiny takes no seed.",
        "Drawn without guidance: Tiny takes none.",
        "Tiny chooses the number of steps itself.",
    )


def test_a_pipeline_for_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedRequest, match="no text-to-image"):
        diffusers_draw.draw(_NeedsPicture(), local_entry({}), order(), Watch(lambda *_: None))
