from typing import Any

from bot.discord.sync import comparable
from bot.wording import discord as words

OURS: dict[str, Any] = {
    "name": "quota-set",
    "description": "d",
    "type": 1,
    "nsfw": False,
    "dm_permission": True,
    "default_member_permissions": 32,
    "contexts": [0],
    "integration_types": [0],
    "options": [{"type": 4, "name": "pictures", "description": "p", "required": False, "min_value": 0}],
}
DISCORDS = OURS | {
    "id": "1",
    "version": "2",
    "application_id": "3",
    "default_member_permissions": "32",
    "name_localizations": None,
    "options": [{"type": 4, "name": "pictures", "description": "p", "min_value": 0}],
}


def test_what_discord_gives_back_is_the_same_command() -> None:
    assert comparable([OURS]) == comparable([DISCORDS])


def test_every_difference_a_member_could_notice_counts() -> None:
    option = OURS["options"][0]
    changes: list[dict[str, Any]] = [
        {"description": "e"},
        {"default_member_permissions": None},
        {"contexts": [0, 1]},
        {"integration_types": [0, 1]},
        {"options": []},
        {"options": [option | {"required": True}]},
        {"options": [option | {"min_value": 1}]},
        {"options": [option | {"max_value": 9}]},
        {"options": [option | {"choices": [{"name": "a", "value": 1}]}]},
        {"options": [option | {"autocomplete": True}]},
        {"name": "other"},
    ]
    for change in changes:
        assert comparable([OURS | change]) != comparable([DISCORDS]), change


def test_descriptions_keep_to_discords_limit() -> None:
    for text in [*words.COMMANDS.values(), *words.OPTIONS.values()]:
        assert 1 <= len(text) <= 100
