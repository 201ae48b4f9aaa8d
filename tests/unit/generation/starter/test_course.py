"""A course that was interrupted ends with the same weights, bit by bit, as one that was not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from generation.starter import course
from generation.starter.course import Chance, Course, train

SHORT = Course(name="short", steps=12, batch=4, learning_rate=1e-2, seed=5, warm_up=3)
Loss = Callable[[int, Chance], Tensor]


class _KilledError(Exception):
    """What stands for the end of the process here."""


def lesson() -> tuple[nn.Module, Loss]:
    """A little network and a loss that uses both sources of chance."""
    torch.manual_seed(1)
    network = nn.Sequential(nn.Linear(8, 16), nn.SiLU(), nn.Linear(16, 8))

    def loss(_: int, chance: Chance) -> Tensor:
        given = torch.randn((4, 8), generator=chance.torch) + float(chance.numpy.random())
        made: Tensor = network(given)
        return (made - given.flip(1)).square().mean()

    return network, loss


def stopping(loss: Loss, at: int) -> Loss:
    def stopped(step: int, chance: Chance) -> Tensor:
        if step == at:
            raise _KilledError
        return loss(step, chance)

    return stopped


def weights(network: nn.Module) -> list[Tensor]:
    return [value.clone() for value in network.state_dict().values()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.fixture
def uninterrupted(tmp_path: Path) -> list[Tensor]:
    network, loss = lesson()
    (tmp_path / "whole").mkdir()
    train(SHORT, {"network": network}, loss, tmp_path / "whole")
    return weights(network)


@pytest.fixture
def kept_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    # Two minutes between checkpoints are too long for a test.
    monkeypatch.setattr(course, "_KEEP_EVERY_S", -1.0)


def test_it_learns_and_leaves_averaged_weights(uninterrupted: list[Tensor]) -> None:
    fresh, _ = lesson()

    assert not same(weights(fresh), uninterrupted)
    assert all(bool(value.isfinite().all()) for value in uninterrupted)


@pytest.mark.usefixtures("kept_at_every_step")
@pytest.mark.parametrize("stops", [[1], [7], [11], [3, 4, 9]])
def test_interrupted_and_resumed_is_uninterrupted(
    stops: list[int], uninterrupted: list[Tensor], tmp_path: Path
) -> None:
    for at in stops:
        # Each time everything is built anew, as in a new process.
        network, loss = lesson()
        with pytest.raises(_KilledError):
            train(SHORT, {"network": network}, stopping(loss, at), tmp_path)
    network, loss = lesson()
    train(SHORT, {"network": network}, loss, tmp_path)

    assert same(weights(network), uninterrupted)


def test_without_a_checkpoint_it_begins_again(uninterrupted: list[Tensor], tmp_path: Path) -> None:
    network, loss = lesson()
    with pytest.raises(_KilledError):
        train(SHORT, {"network": network}, stopping(loss, 5), tmp_path)
    assert not list(tmp_path.glob("*.pt"))
    network, loss = lesson()
    train(SHORT, {"network": network}, loss, tmp_path)

    assert same(weights(network), uninterrupted)


def test_a_finished_course_is_not_run_again(uninterrupted: list[Tensor], tmp_path: Path) -> None:
    network, loss = lesson()
    train(SHORT, {"network": network}, stopping(loss, 0), tmp_path / "whole")

    assert same(weights(network), uninterrupted)
    assert not network.training


@pytest.mark.usefixtures("kept_at_every_step")
def test_a_kill_while_a_checkpoint_is_written_loses_nothing(
    uninterrupted: list[Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    save = torch.save

    def die_in_the_sixth(state: Any, path: Path) -> None:
        nonlocal written
        written += 1
        if written < 6:
            save(state, path)
            return
        path.write_bytes(b"half of it")
        raise _KilledError

    network, loss = lesson()
    with monkeypatch.context() as patch:
        # A kill cannot be timed to the middle of a write of a few kilobytes, so the write itself is cut short.
        patch.setattr(torch, "save", die_in_the_sixth)
        with pytest.raises(_KilledError):
            train(SHORT, {"network": network}, loss, tmp_path)
    seen: list[int] = []
    network, loss = lesson()

    def watched(step: int, chance: Chance) -> Tensor:
        seen.append(step)
        return loss(step, chance)

    train(SHORT, {"network": network}, watched, tmp_path)

    assert seen == list(range(5, SHORT.steps))
    assert same(weights(network), uninterrupted)


def test_frozen_weights_stay_as_they_are(tmp_path: Path) -> None:
    network, loss = lesson()
    before = weights(network)
    next(network.parameters()).requires_grad_(False)
    train(SHORT, {"network": network}, loss, tmp_path)

    assert [torch.equal(a, b) for a, b in zip(before, weights(network), strict=True)] == [True, False, False, False]


def test_the_rate_rises_and_falls_to_nothing() -> None:
    rates = [SHORT.rate(step) for step in range(SHORT.steps + 1)]

    assert rates[0] < rates[1] < rates[2] == max(rates) == SHORT.learning_rate
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] == pytest.approx(0)
    assert [SHORT.decay(step) for step in (0, 90, 10**6)] == [0.1, 0.91, SHORT.average]


def test_a_steps_chance_is_its_own() -> None:
    def drawn(seed: int, step: int) -> tuple[float, float]:
        chance = Chance.of(seed, step)
        return float(chance.numpy.random()), float(torch.rand(1, generator=chance.torch))

    assert drawn(1, 2) == drawn(1, 2)
    assert len({drawn(seed, step) for seed in range(5) for step in range(5)}) == 25
