"""Torch on few threads: the machine is shared with other tests."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    import torch

    torch.set_num_threads(2)
