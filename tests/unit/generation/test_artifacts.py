"""The store keeps whole files under safe keys, and outcomes beside their pictures."""

import resource
from pathlib import Path

import pytest

from generation import codec
from generation.artifacts import ArtifactMissing, ArtifactStore, picture_key
from generation.places import Places
from tests.making import outcome


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """A local folder, and fsspec's in-memory object store, which has no renaming to rely on."""
    url = tmp_path.as_uri() if request.param == "file" else f"memory://{tmp_path.name}"
    return ArtifactStore(url)


def test_bytes_come_back_and_replace_each_other(store: ArtifactStore) -> None:
    store.put("a/1.png", b"one")
    store.put("a/1.png", b"two")

    assert store.get("a/1.png") == b"two"


def test_what_is_not_there_is_said_to_be_missing(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactMissing):
        store.get("a/none.png")
    store.delete("a/none.png")


def test_an_outcome_belongs_to_its_attempt(store: ArtifactStore) -> None:
    store.put_outcome(outcome())

    assert store.get_outcome("discord-1", 1) == outcome()
    assert store.get_outcome("discord-1", 2) is None


def test_a_damaged_outcome_is_malformed_not_missing(store: ArtifactStore) -> None:
    store.put("discord-1/outcome-1.json", b'{"v": 1, "kind"')

    with pytest.raises(codec.Malformed):
        store.get_outcome("discord-1", 1)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/etc/passwd", "a//b", "", ".", "a/..", "a b", "a/\x00"])
def test_a_key_cannot_leave_the_store(store: ArtifactStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.put(key, b"x")


def test_nothing_half_written_lies_in_a_local_store(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path.as_uri())
    store.put(picture_key("discord-1", 0, "ab" * 32, "image/png"), b"x" * 100_000)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["1-abababababababab.png"]


def test_a_home_with_a_space_keeps_its_artifacts_inside(tmp_path: Path) -> None:
    places = Places(tmp_path / "my home é").create()
    ArtifactStore(places.artifacts_url).put("a/1.png", b"one")

    assert (places.artifacts / "a" / "1.png").read_bytes() == b"one"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path.as_uri())
    store.put("a/1.png", b"one")
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, largest[1]))  # a disk that is full after 100 kB
    try:
        with pytest.raises(OSError, match="large"):
            store.put("a/2.png", bytes(200_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, largest)

    assert [path.name for path in (tmp_path / "a").iterdir()] == ["1.png"]
