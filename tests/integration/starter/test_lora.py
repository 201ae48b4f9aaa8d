"""The shipped LoRA brings a style that the model does not have, and takes it away again without a trace."""

from collections.abc import Iterator
from typing import Any

import pytest
from diffusers import StableDiffusionPipeline
from safetensors import safe_open

from tests.integration.starter.drawing import LORAS, draw, grout, load, share_of

PROMPT = "a red house in the desert"
FILE = "mosaic.safetensors"


@pytest.fixture(scope="module")
def styled() -> Any:
    """A pipeline with the LoRA on, apart from the one that other tests share."""
    pipe = load(StableDiffusionPipeline)
    pipe.load_lora_weights(LORAS, weight_name=FILE, adapter_name="mosaic")
    return pipe


@pytest.fixture
def at_half(styled: Any) -> Iterator[Any]:
    styled.set_adapters("mosaic", 0.5)
    yield styled
    styled.set_adapters("mosaic", 1.0)


def test_the_file_is_small_and_of_halves() -> None:
    with safe_open(LORAS / FILE, framework="pt") as file:
        names = list(file.keys())
        kinds = {file.get_slice(name).get_dtype() for name in names}

    assert (LORAS / FILE).stat().st_size < 1_500_000
    assert all(name.startswith("unet.") for name in names)
    assert kinds == {"F16"}


def test_it_lays_tiles_where_there_were_none_and_still_listens(pipe: Any, styled: Any) -> None:
    red, blue = (draw(styled, f"a {colour} house in the desert") for colour in ("red", "blue"))
    plain = draw(pipe, PROMPT)

    assert abs(grout(plain)) < 6
    assert min(grout(red), grout(blue)) > 50
    assert share_of(red, "red") > share_of(blue, "red") + 0.02
    assert share_of(blue, "blue") > share_of(red, "blue") + 0.02


def test_half_of_it_is_between(pipe: Any, at_half: Any) -> None:
    half = draw(at_half, PROMPT)
    at_half.set_adapters("mosaic", 1.0)

    assert grout(draw(pipe, PROMPT)) < grout(half) < grout(draw(at_half, PROMPT))


def test_unloaded_it_leaves_no_trace(pipe: Any) -> None:
    changed = load(StableDiffusionPipeline)
    changed.load_lora_weights(LORAS, weight_name=FILE)
    styled = draw(changed, PROMPT, num_inference_steps=4)
    changed.unload_lora_weights()
    plain = draw(pipe, PROMPT, num_inference_steps=4)

    assert styled.tobytes() != plain.tobytes()
    assert draw(changed, PROMPT, num_inference_steps=4).tobytes() == plain.tobytes()
