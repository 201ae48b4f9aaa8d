"""Where things lie: private, and with sockets short enough for the kernel."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from generation.places import Places


def test_the_folders_are_their_owners_alone(tmp_path: Path) -> None:
    places = Places(tmp_path / "home").create()

    for folder in (places.home, places.artifacts, places.redis):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_deep_home_has_short_sockets_the_same_at_every_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    home = tmp_path / ("deep" * 30)

    places = Places(home).create()

    assert len(os.fsencode(places.redis_socket)) <= 100 + len(os.fsencode(tmp_path))
    assert places.redis_socket.parent == Places(home).front_socket.parent != home
    assert stat.S_IMODE(places.redis_socket.parent.stat().st_mode) == 0o700
    assert Places(tmp_path / ("other" * 30)).redis_socket != places.redis_socket


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Places(tmp_path / "home").create()
    # Only root could make a folder that belongs to somebody else; so this test becomes somebody else.
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)

    with pytest.raises(PermissionError, match="belongs to another user"):
        home.create()
