"""One course of training: so many steps, a learning rate that rises and falls, averaged weights, and checkpoints.

Owns the loop. It must not know what is learnt: a course is given modules and a loss. All randomness of a step comes
from the course's seed and the step's number, so a course that was interrupted ends where it would have ended.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

_KEEP_EVERY_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long and how hard to train. `average` is the decay of the exponential moving average of the weights."""

    name: str
    steps: int
    batch: int
    learning_rate: float
    seed: int
    weight_decay: float = 0.01
    average: float = 0.999
    warm_up: int = 200

    def rate(self, step: int) -> float:
        """The learning rate at a step: a short rise, then half a cosine down to nothing."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))

    def decay(self, step: int) -> float:
        """The moving average's decay, smaller at first, so that the beginning is soon forgotten."""
        return min(self.average, (1 + step) / (10 + step))


@dataclass(frozen=True, slots=True)
class Chance:
    """A step's own sources of randomness, for numpy and for torch (on the CPU, whatever the device)."""

    numpy: np.random.Generator
    torch: torch.Generator

    @classmethod
    def of(cls, seed: int, step: int) -> "Chance":
        """The chance of one step."""
        return cls(np.random.default_rng([seed, step]), torch.Generator().manual_seed(seed * 1_000_003 + step))


def device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    course: Course, modules: Mapping[str, nn.Module], loss: Callable[[int, Chance], Tensor], folder: Path
) -> None:
    """Train the modules' free parameters and leave the averaged weights in them.

    Goes on from `folder`'s checkpoint of the course where there is one, and keeps one every two minutes and at the
    end. Computes in bfloat16 where that is safe, with weights in float32.
    """
    run = _Run(course, modules, folder / f"{course.name}.pt")
    start = run.resume()
    with tqdm(total=course.steps, initial=start, desc=course.name, mininterval=5) as bar:
        kept, shown = time.monotonic(), 0.0
        for step in range(start, course.steps):
            value = run.step(step, loss)
            shown = value if not shown else 0.98 * shown + 0.02 * value
            bar.set_postfix(loss=f"{shown:.4f}", refresh=False)
            bar.update()
            if time.monotonic() - kept > _KEEP_EVERY_S:
                run.keep(step + 1)
                kept = time.monotonic()
    if start < course.steps:
        run.keep(course.steps)
    run.settle()


class _Run:
    def __init__(self, course: Course, modules: Mapping[str, nn.Module], path: Path) -> None:
        self._course = course
        self._modules = modules
        self._path = path
        self._free = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
        self._averages = [p.detach().clone() for p in self._free]
        self._optimizer = torch.optim.AdamW(
            self._free, lr=course.learning_rate, betas=(0.9, 0.99), weight_decay=course.weight_decay
        )

    def step(self, step: int, loss: Callable[[int, Chance], Tensor]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self._course.rate(step)
        # With so few positions plain attention beats the fused one on a CPU: 75 latents a second instead of 62.
        with sdpa_kernel(SDPBackend.MATH), torch.autocast(device().type, torch.bfloat16):
            value = loss(step, Chance.of(self._course.seed, step))
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._free, 1.0)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        torch._foreach_lerp_(self._averages, [p.detach() for p in self._free], 1 - self._course.decay(step))
        return float(value.detach())

    def resume(self) -> int:
        """Take the checkpoint's weights, if there is one, and say at which step to go on."""
        if not self._path.is_file():
            return 0
        state: dict[str, Any] = torch.load(self._path, map_location=device(), weights_only=True)
        for parameter, value in zip(self._free, state["weights"], strict=True):
            parameter.data.copy_(value)
        self._averages = state["averages"]
        self._optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])

    def keep(self, step: int) -> None:
        """Write a checkpoint; the old one is replaced only by a whole one."""
        temporary = self._path.with_suffix(".part")
        weights = [p.detach() for p in self._free]
        state = {
            "step": step,
            "weights": weights,
            "averages": self._averages,
            "optimizer": self._optimizer.state_dict(),
        }
        torch.save(state, temporary)
        temporary.replace(self._path)

    def settle(self) -> None:
        """Put the averaged weights into the modules."""
        for parameter, average in zip(self._free, self._averages, strict=True):
            parameter.data.copy_(average)
        for module in self._modules.values():
            module.eval()
