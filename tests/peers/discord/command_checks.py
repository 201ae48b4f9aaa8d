"""What Discord would refuse among registered commands. Pure.

Source: discord/discord-api-docs developers/interactions/application-commands.mdx.
"""

import re

from tests.peers.discord.refusal import invalid
from tests.peers.discord.state import Json

NAME = re.compile(r"[-_'\w]{1,32}")
MOST_CHARACTERS = 8000


def check_commands(commands: list[Json]) -> None:
    """Raise `Refusal` for a set of commands Discord would not take."""
    names = [(command["name"], command.get("type", 1)) for command in commands]
    if len(set(names)) != len(names):
        raise invalid("Application command names must be unique")
    if len(commands) > 100:
        raise invalid("Maximum number of application commands reached (100).")
    for command in commands:
        _check(command, depth=0)
        if _length(command) > MOST_CHARACTERS:
            raise invalid("Command exceeds maximum size (8000)")


def _check(part: Json, depth: int) -> None:
    name = part["name"]
    if not NAME.fullmatch(name) or name != name.lower():
        raise invalid(f"name: {name} is not a valid command name.")
    if not 1 <= len(part.get("description") or "") <= 100:
        raise invalid(f"description: {name} needs 1 to 100 characters.")
    options = part.get("options") or []
    if len(options) > 25 or len(part.get("choices") or []) > 25:
        raise invalid("options: Must be 25 or fewer in length.")
    if len({option["name"] for option in options}) != len(options):
        raise invalid("options: names must be unique.")
    if part.get("autocomplete") and part.get("choices"):
        raise invalid("autocomplete: cannot be combined with choices.")
    _check_options(options, depth)


def _check_options(options: list[Json], depth: int) -> None:
    subcommands = [option["type"] in {1, 2} for option in options]
    if any(subcommands) and (not all(subcommands) or depth > 1):
        raise invalid("options: Sub-command and sub-command group option types are mutually exclusive to other types.")
    optional_seen = False
    for option in options:
        required = bool(option.get("required"))
        if required and optional_seen:
            raise invalid("options: Required options must be placed before non-required options.")
        optional_seen = optional_seen or not required
        _check(option, depth + 1)


def _length(part: Json) -> int:
    own = len(part["name"]) + len(part.get("description") or "")
    own += sum(len(choice["name"]) + len(str(choice["value"])) for choice in part.get("choices") or [])
    return own + sum(_length(option) for option in part.get("options") or [])
