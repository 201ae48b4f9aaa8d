"""One front at a time, and a loop that breaks is begun anew."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.compose import NotMigrated, open_database
from bot.front import AlreadyRunning, keep_adapter, keep_running, locked, serve
from bot.messenger import Messenger
from bot.services import AdapterRejected
from bot.settings import Settings, SettingsError, load_settings
from generation.request import Platform


def test_a_second_front_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "front.lock"
    with locked(lock), pytest.raises(AlreadyRunning, match="process"), locked(lock):
        pass
    with locked(lock):
        pass


async def test_a_loop_that_breaks_is_begun_anew(caplog: pytest.LogCaptureFixture) -> None:
    runs = 0
    again = asyncio.Event()

    async def breaks() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            again.set()
            await asyncio.Event().wait()
        raise LookupError

    running = asyncio.ensure_future(keep_running("test", breaks))
    await again.wait()
    running.cancel()

    assert "the test loop broke" in caplog.text


async def test_a_loop_that_ran_long_before_it_broke_is_begun_anew_soon(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # Instead of a minute: long enough to count as steady is here no time at all.
    monkeypatch.setattr("bot.front._FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("bot.front._STEADY_S", -1.0)

    async def breaks() -> None:
        raise LookupError

    running = asyncio.ensure_future(keep_running("test", breaks))
    async with asyncio.timeout(10):
        while caplog.text.count("broke") < 4:
            await asyncio.sleep(0.01)
    running.cancel()

    assert caplog.text.count("begun anew in 0.0 s") == caplog.text.count("begun anew")


class Slow:
    """An adapter and a loop that needs it: what the loop is saying takes a moment more when it is told to stop."""

    platform = Platform.TERMINAL
    messenger: Messenger
    ready = asyncio.Event()

    def __init__(self) -> None:
        self.connected, self.said_while_connected = False, False

    async def run(self) -> None:
        self.connected = True
        try:
            await asyncio.Event().wait()
        finally:
            self.connected = False

    async def tell(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.1)
            self.said_while_connected = self.connected


async def test_what_is_being_told_is_finished_before_the_platforms_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow()

    @contextlib.asynccontextmanager
    async def open_front(_: Settings) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(adapters=(slow,), loops=(("delivery", slow.tell),))

    # A real front would need a real chat in the middle of a real upload; the order of the ends is all that is tested.
    monkeypatch.setattr("bot.front.open_front", open_front)
    serving = asyncio.ensure_future(serve(Settings(home=tmp_path)))
    async with asyncio.timeout(10):
        while not slow.connected:
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)

    assert slow.said_while_connected


class Refused:
    """An adapter whose token the platform refuses."""

    platform = Platform.DISCORD
    messenger: Messenger
    ready = asyncio.Event()

    async def run(self) -> None:
        raise AdapterRejected("Discord does not accept the token.")


async def test_a_refused_token_ends_that_adapter_alone(caplog: pytest.LogCaptureFixture) -> None:
    await keep_adapter(Refused())

    assert "discord is off: Discord does not accept the token." in caplog.text


def test_a_database_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotMigrated, match="tessera migrate"), open_database(Settings(home=tmp_path)):
        pass


def test_settings_come_from_file_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "tessera.toml"
    file.write_text('[quota]\ndaily_images = 7\ntimezone = "Europe/Rome"\n[worker]\nlease_s = 9\n', encoding="utf-8")
    monkeypatch.setenv("TESSERA_CONFIG", str(file))
    monkeypatch.setenv("TESSERA_QUOTA__DAILY_IMAGES", "8")

    settings = load_settings()

    assert (settings.quota.daily_images, settings.quota.timezone) == (8, "Europe/Rome")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('[quota]\ntimezone = "Mars"\n', ["quota.timezone", "Mars"]),
        ("[quota]\ndaily_image = 7\n", ["quota.daily_image"]),
        ("[limits]\nattempts = 0\n", ["limits.attempts"]),
        ("quota = [", ["tessera.toml"]),
    ],
)
def test_wrong_settings_name_file_and_field(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, names: list[str]
) -> None:
    file = tmp_path / "tessera.toml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("TESSERA_CONFIG", str(file))

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert all(name in str(caught.value) for name in names)


def test_a_config_that_is_named_but_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_CONFIG", "/nowhere/tessera.toml")

    with pytest.raises(SettingsError, match="not there"):
        load_settings()
