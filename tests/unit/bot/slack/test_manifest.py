"""The manifest to paste and the code say the same."""

import re
from pathlib import Path

import pytest

from bot.slack import listeners
from bot.wording.slack import USAGE
from tests.peers.slack.state import BOT_SCOPES

ROOT = Path(listeners.__file__).parents[3]


@pytest.fixture
def manifest() -> str:
    return (ROOT / "docs/slack-manifest.yaml").read_text(encoding="utf-8")


def test_it_has_every_command_and_sends_ids_with_mentions(manifest: str) -> None:
    commands = re.findall(r"- command: (/\w+)", manifest)
    registered = re.findall(r'app\.command\("(/\w+)"\)', Path(listeners.__file__).read_text(encoding="utf-8"))
    assert commands == registered == list(USAGE)
    assert manifest.count("should_escape: true") == len(commands)


def test_it_asks_for_the_scopes_that_the_peer_demands_and_no_others(manifest: str) -> None:
    listed = manifest.partition("bot:\n      -")[2].partition("settings:")[0]
    assert set(re.findall(r"(?:^|- ) ?([a-z]+(?::[a-z]+)?) #", f"-{listed}", re.MULTILINE)) == BOT_SCOPES
