"""Looks at a command as it came over the wire, before discord.py takes it apart. Pure.

Discord's own payloads are well-formed; what is not comes from a bug, a proxy or somebody's stand-in. discord.py
trusts them, so that a missing field would raise deep inside it and leave the member without any answer.
"""

from collections.abc import Mapping
from typing import Any

_SUBCOMMANDS = {1, 2}
_KINDS: Mapping[int, tuple[type, ...]] = {3: (str,), 4: (int,), 5: (bool,), 10: (int, float)}
_IDS = {6, 7, 8, 9, 11}


def problem_with(data: object) -> str | None:
    """What is wrong with a command's `data`, for the log; None if nothing is. It never quotes a value."""
    if not isinstance(data, dict):
        return "there is no data"
    if not isinstance(data.get("name"), str):
        return "the command has no name"
    return _options_problem(data.get("options", []), depth=0)


def misfit(data: Mapping[str, Any], kinds: Mapping[str, int]) -> bool:
    """Whether the options given are not those of the command, whose options have these types.

    discord.py checks names but not types: a number would reach a command as its text.
    """
    options = data.get("options", [])
    while options and options[0]["type"] in _SUBCOMMANDS:
        options = options[0].get("options", [])
    return any(kinds.get(option["name"]) != option["type"] for option in options)


def _options_problem(options: object, depth: int) -> str | None:
    if not isinstance(options, list) or depth > 2:
        return "the options are not a list"
    return next((problem for option in options if (problem := _option_problem(option, depth))), None)


def _option_problem(option: object, depth: int) -> str | None:
    if not isinstance(option, dict) or not isinstance(option.get("name"), str):
        return "an option has no name"
    kind = option.get("type")
    if kind in _SUBCOMMANDS:
        return _options_problem(option.get("options", []), depth + 1)
    if "value" not in option or not isinstance(kind, int):
        return "an option has no type or no value"
    # While somebody is still typing, Discord sends what is there as text, whatever it is to become.
    return None if option.get("focused") or _fits(kind, option["value"]) else f"an option of type {kind} has another"


def _fits(kind: int, value: object) -> bool:
    if kind in _IDS:
        return isinstance(value, str) and value.isascii() and value.isdigit()
    if isinstance(value, bool):
        return kind == 5
    return isinstance(value, _KINDS.get(kind, ()))
