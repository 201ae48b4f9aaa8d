"""The worker's settings and secrets: file, environment, and what is wrong said plainly."""

from pathlib import Path

import pytest

from generation.secrets import SecretError, read_secret
from generation.settings import SettingsError, WorkerSettings, load_worker_settings


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_with_nothing_said_it_serves_the_starter_from_the_checkout() -> None:
    settings = load_worker_settings()

    assert settings.home == Path(".tessera")
    assert settings.models.offer == ("starter",)
    assert settings.line_url.startswith("unix://")
    assert settings.store_url.startswith("file://")
    assert settings.checks.safety_checker is None


def test_the_file_speaks_and_the_environment_overrules_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tessera.toml").write_text(
        'redis_url = "redis://127.0.0.1:1/0"\n[models]\noffer = ["sdxl"]\n[worker]\nlease_s = 4.5\n'
        "[quota]\ndaily_images = 3\n[checks]\nopenai_moderation = true\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("TESSERA_REDIS_URL", "redis://127.0.0.1:2/0")
    monkeypatch.setenv("TESSERA_WORKER__POOLS", '["api"]')

    settings = load_worker_settings()

    assert settings.line_url == "redis://127.0.0.1:2/0"
    assert (settings.models.offer, settings.worker.lease_s, settings.worker.pools) == (("sdxl",), 4.5, ("api",))
    assert settings.checks.openai_moderation


def test_a_file_in_the_home_folder_and_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tessera.toml").write_text("[worker]\ndrain_s = 7\n", encoding="utf-8")
    monkeypatch.setenv("TESSERA_HOME", str(home))
    assert load_worker_settings().worker.drain_s == 7

    (tmp_path / "other.toml").write_text("[worker]\ndrain_s = 8\n", encoding="utf-8")
    monkeypatch.setenv("TESSERA_CONFIG", str(tmp_path / "other.toml"))
    assert load_worker_settings().worker.drain_s == 8


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[worker]\nleese_s = 3\n", "worker.leese_s"),
        ("[worker]\nlease_s = 0\n", "worker.lease_s"),
        ("[checks]\nsafety_cheker = 'x'\n", "checks.safety_cheker"),
        ("[worker\n", "tessera.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "tessera.toml").write_text(content, encoding="utf-8")

    with pytest.raises(SettingsError, match=words.replace(".", r"\.")):
        load_worker_settings()


def test_a_named_file_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_CONFIG", "nowhere.toml")

    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load_worker_settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        WorkerSettings().home = Path("elsewhere")


def test_secrets_come_from_the_variable_or_from_the_file_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_secret("ZORBLAX_KEY") is None
    (tmp_path / "key").write_text("from-the-file\n", encoding="utf-8")
    monkeypatch.setenv("ZORBLAX_KEY_FILE", str(tmp_path / "key"))
    assert read_secret("ZORBLAX_KEY") == "from-the-file"
    monkeypatch.setenv("ZORBLAX_KEY", " from-the-variable ")
    assert read_secret("ZORBLAX_KEY") == "from-the-variable"


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe"])
def test_a_secret_that_cannot_be_read_is_said_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv("ZORBLAX_KEY_FILE", str(tmp_path / "key"))

    with pytest.raises(SecretError, match="ZORBLAX_KEY_FILE names"):
        read_secret("ZORBLAX_KEY")
