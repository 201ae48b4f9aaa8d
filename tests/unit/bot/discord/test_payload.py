from typing import Any

import pytest

from bot.discord.payload import misfit, problem_with


def option(kind: int, value: object, **more: object) -> dict[str, Any]:
    return {"name": "x", "type": kind, "value": value, **more}


def command(*options: object) -> dict[str, Any]:
    return {"name": "imagine", "options": list(options)}


@pytest.mark.parametrize(
    "data",
    [
        {"name": "quota"},
        command(option(3, "a")),
        command(option(4, 5)),
        command(option(5, value=True)),
        command(option(10, 2.5)),
        command(option(9, "123")),
        command(option(4, "12", focused=True)),
        command({"name": "add", "type": 1, "options": [option(3, "a")]}),
    ],
)
def test_well_formed_commands_pass(data: dict[str, Any]) -> None:
    assert problem_with(data) is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"name": 5},
        command("x"),
        command({"type": 3, "value": "a"}),
        command({"name": "x", "type": 3}),
        command({"name": "x", "value": "a"}),
        command(option(3, 5)),
        command(option(4, "5")),
        command(option(4, value=True)),
        command(option(5, 1)),
        command(option(6, 5)),
        command(option(6, "²")),
        command(option(99, "a")),
        command({"name": "add", "type": 1, "options": {}}),
        command(
            {
                "name": "a",
                "type": 2,
                "options": [
                    {
                        "name": "b",
                        "type": 2,
                        "options": [{"name": "c", "type": 2, "options": [{"name": "d", "type": 2}]}],
                    }
                ],
            }
        ),
    ],
)
def test_damaged_commands_are_named_without_their_values(data: object) -> None:
    problem = problem_with(data)
    assert problem
    assert "²" not in problem


def test_options_of_another_command_or_type_do_not_fit() -> None:
    kinds = {"x": 3}
    assert not misfit(command(option(3, "a")), kinds)
    assert not misfit(command(), kinds)
    assert misfit(command(option(4, 5)), kinds)
    assert misfit(command({"name": "y", "type": 3, "value": "a"}), kinds)
    assert misfit(command({"name": "add", "type": 1, "options": [option(4, 5)]}), kinds)
