"""The shipped model, loaded once, and the checker."""

from typing import Any

import pytest
from diffusers import StableDiffusionPipeline

from generation.starter.checker import Checker, load_checker
from tests.integration.starter.drawing import load


@pytest.fixture(scope="session")
def pipe() -> Any:
    """A StableDiffusionPipeline that every test may call and none may change."""
    return load(StableDiffusionPipeline)


@pytest.fixture(scope="session")
def checker() -> Checker:
    return load_checker()
