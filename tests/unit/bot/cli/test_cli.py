"""The command line: what it prints, what it exits with, and that it never shows a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cli.root import root
from tests.unit.bot.cli.conftest import Tessera

COMMANDS = (
    "run bot worker demo migrate doctor imagine quota filter sanction models status bench".split()  # noqa: SIM905 - as the design lists them
)


def test_help_lists_every_command_and_imports_none() -> None:
    code = (
        "import sys; from bot.__main__ import main; sys.argv = ['tessera', '--help']; main();"
        "print(sorted(m for m in sys.modules if m in {'aiohttp', 'rich', 'torch', 'discord', 'sqlite_utils'}))"
    )

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert all(f"\n  {name} " in said for name in COMMANDS)
    assert said.endswith("[]\n")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "worker"])
def test_every_command_has_help(tessera: Tessera, name: str) -> None:
    ran = tessera(name, "--help")

    assert ran.code == 0
    assert ran.out.startswith(f"Usage: tessera {name}")


def test_the_help_of_the_list_is_the_list_of_commands() -> None:
    assert set(root.commands) == set()  # everything comes from the table
    assert sorted(root.list_commands(None)) == sorted(COMMANDS)  # type: ignore[arg-type]  # it needs no context


def test_an_unknown_command_is_wrong_usage(tessera: Tessera) -> None:
    ran = tessera("paint")

    assert ran.code == 2
    assert "No such command 'paint'" in ran.err


def test_migrating_says_what_was_applied_and_then_nothing(tessera: Tessera, home: Path) -> None:
    to_do = json.loads(tessera("migrate", "--list", "--json").out)["pending"]
    assert to_do
    assert not home.exists()

    assert json.loads(tessera("migrate", "--json").out)["applied"] == to_do
    assert tessera("migrate").out == f"{home / 'tessera.db'} is up to date.\n"
    assert home.stat().st_mode & 0o777 == 0o700


def test_without_a_database_moderating_says_what_to_do(tessera: Tessera) -> None:
    ran = tessera("quota", "show")

    assert ran.code == 78
    assert ran.err == "There is no database yet. Run: tessera migrate\n"


@pytest.mark.parametrize("arguments", [("imagine", "a red boat"), ("status",)])
def test_without_a_front_it_says_how_to_start_one(tessera: Tessera, arguments: tuple[str, ...]) -> None:
    ran = tessera(*arguments)

    assert ran.code == 69
    assert ran.err == "Nothing is running here. Start it with: make run, or tessera run\n"
    assert ran.out == ""


def test_status_says_so_to_programs_too(tessera: Tessera) -> None:
    ran = tessera("status", "--json")

    assert ran.code == 69
    assert json.loads(ran.out) == {"running": False}


def test_imagining_nothing_is_wrong_usage(tessera: Tessera) -> None:
    assert tessera("imagine").code == 2
    assert tessera("imagine", "a boat", "--wait", "terminal-1").code == 2


def test_wrong_settings_name_the_file_and_the_field(tessera: Tessera, home: Path) -> None:
    home.mkdir()
    (home / "tessera.toml").write_text("[quota]\ndaily_images = -1\n")

    ran = tessera("models")

    assert ran.code == 78
    assert str(home / "tessera.toml") in ran.err
    assert "quota.daily_images" in ran.err
    assert "Traceback" not in ran.err


def test_a_wrong_log_level_is_a_sentence(tessera: Tessera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_LOG", "loud")

    ran = tessera("models")

    assert ran.code == 78
    assert ran.err == "TESSERA_LOG is “loud”; it can be debug, info, warning, error.\n"


def test_what_nobody_foresaw_is_a_sentence_and_the_details_are_in_a_file(
    tessera: Tessera, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "xoxb-1234567890-canarycanary"

    def broken(*_: object) -> None:
        raise LookupError(f"a bug near {canary}")

    # A bug cannot be had by asking for one.
    monkeypatch.setattr("bot.supervise.migrate", broken)

    ran = tessera("migrate")

    assert ran.code == 70
    assert ran.err.startswith("Something went wrong on our side (event ")
    assert "Traceback" not in ran.err
    (details,) = (home / "logs").iterdir()
    assert details.name in ran.err
    assert "LookupError: a bug near" in details.read_text()
    assert canary not in details.read_text()
    assert details.stat().st_mode & 0o777 == 0o600


def test_debugging_shows_the_traceback_without_the_secret(
    tessera: Tessera, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "xoxb-1234567890-canarycanary"

    def broken(*_: object) -> None:
        raise LookupError(canary)

    monkeypatch.setenv("TESSERA_DEBUG", "1")
    monkeypatch.setattr("bot.supervise.migrate", broken)  # as above

    ran = tessera("migrate")

    assert "Traceback" in ran.err
    assert canary not in ran.err


def test_quotas_are_set_shown_granted_and_audited(tessera: Tessera) -> None:
    tessera("migrate")
    there = ("--workspace", "discord:100")

    assert tessera("quota", "set", "12", "--member", "7", *there).code == 0
    assert tessera("quota", "grant", "5", "--member", "7", "--reason", "a contest", *there).code == 0
    shown = tessera("quota", "show", "--member", "7", *there)
    audited = tessera("quota", "audit", "--json")

    assert "12 of 12 pictures left today" in shown.out
    assert "5" in shown.out.splitlines()[1]
    assert json.loads(audited.out) == {"ok": True, "violations": []}


def test_a_setting_that_is_not_there_cannot_be_taken_back(tessera: Tessera) -> None:
    tessera("migrate")

    ran = tessera("quota", "set", "default", "--everyone", "--json")

    assert ran.code == 1
    assert json.loads(ran.out)["ok"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        ("quota", "set", "12"),
        ("quota", "set", "12", "--everyone", "--member", "7"),
        ("quota", "set", "many", "--everyone"),
        ("quota", "show", "--workspace", "irc:freenode"),
        ("quota", "show", "--workspace", "discord"),
    ],
)
def test_half_a_command_is_wrong_usage(tessera: Tessera, arguments: tuple[str, ...]) -> None:
    tessera("migrate")

    assert tessera(*arguments).code == 2


def test_keywords_are_added_tried_listed_and_removed(tessera: Tessera) -> None:
    tessera("migrate")
    there = ("--workspace", "slack:T1")

    assert tessera("filter", "add", "florp*", "--effect", "reject", *there).code == 0
    assert "florp" in tessera("filter", "list", *there).out
    assert "florpish" in tessera("filter", "test", "a florpish boat", *there).out
    assert "florp" not in tessera("filter", "list", "--workspace", "slack:T2").out
    assert tessera("filter", "remove", "florp*", *there).code == 0
    assert tessera("filter", "remove", "florp*", *there).code == 1


def test_members_are_paused_and_let_back_in(tessera: Tessera) -> None:
    tessera("migrate")
    whom = ("--workspace", "discord:100", "--member", "7")

    assert tessera("sanction", "timeout", "60", *whom, "--reason", "a try").code == 0
    assert tessera("sanction", "lift", *whom).code == 0
    assert tessera("sanction", "ban", *whom).code == 0
    assert tessera("sanction", "timeout", "0", *whom).code == 1


def test_a_case_that_is_not_there_is_a_sentence(tessera: Tessera) -> None:
    tessera("migrate")

    ran = tessera("filter", "case", "ZZZZ")

    assert (ran.code, ran.out) == (1, "There is no such case here.\n")


def test_models_say_whether_they_are_offered_and_why_not(tessera: Tessera) -> None:
    models = {model["id"]: model for model in json.loads(tessera("models", "--json").out)["models"]}

    assert models["starter"]["offered"]
    assert not models["gpt-image-2"]["offered"]
    assert models["gpt-image-2"]["why_not"] == "not named in models.offer"
    assert models["gpt-image-2"]["prompt_goes_to"] == "OpenAI"
    said = tessera("models").out
    assert "offered, the default" in said
    # Twice, and for no other: one model of ours and the same with a LoRA.
    assert said.count("weights, data and training code") == said.count("open source · Apache-2.0") == 2
    assert "open weight · Apache-2.0" in said


def test_a_model_whose_licence_forbids_it_says_so(
    tessera: Tessera, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "more.toml"
    catalogue.write_text('[[model]]\nid = "sdxl"\nbot_use = "no"\nbot_use_reason = "Not for bots."\n')
    monkeypatch.setenv("TESSERA_MODELS__FILES", json.dumps([str(catalogue)]))

    assert "its licence does not let it serve a bot. Not for bots." in tessera("models").out


def test_the_worker_is_another_program_that_knows_its_own_options() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "bot", "worker", "--help"], capture_output=True, text=True, check=True
    ).stdout

    assert "--pool" in said
    assert said.startswith("usage: tessera worker")
