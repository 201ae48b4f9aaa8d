"""Where pictures and outcomes are kept: an fsspec URL that front and workers share.

Owns `ArtifactStore`: the names in it, writing so that a reader never sees half a file, and nothing else. It does not
know what a picture may be shown to; images never travel through Redis, they travel through here. All methods block:
call them in a thread.
"""

import contextlib
import re
import uuid

import fsspec

from generation import codec
from generation.result import Outcome

_EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
_SAFE = re.compile(r"[A-Za-z0-9._-]{1,120}")


class ArtifactMissing(FileNotFoundError):
    """There is nothing under this key."""


class ArtifactStore:
    """Bytes by key under one fsspec URL (`file://…`, `s3://…`). Keys are made by this class's own helpers."""

    def __init__(self, url: str) -> None:
        """Open the store; the base folder is made at the first write."""
        self._fs, self._base = fsspec.core.url_to_fs(url)
        # A local file appears whole or not at all only by renaming; object stores write whole objects by themselves.
        self._renames = "file" in (self._fs.protocol if isinstance(self._fs.protocol, tuple) else (self._fs.protocol,))

    def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, whole or not at all; storing again replaces."""
        path = self._path(key)
        self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
        if not self._renames:
            self._fs.pipe_file(path, data)
            return
        temporary = f"{path}.{uuid.uuid4().hex}.part"
        try:
            self._fs.pipe_file(temporary, data)
            self._fs.mv(temporary, path)
        except OSError:
            # On a full disk the half that was written would take the room in which to say that it failed.
            with contextlib.suppress(OSError):
                self._fs.rm_file(temporary)
            raise

    def get(self, key: str) -> bytes:
        """The bytes under `key`; raises `ArtifactMissing`."""
        try:
            return bytes(self._fs.cat_file(self._path(key)))
        except FileNotFoundError as error:
            raise ArtifactMissing(key) from error

    def delete(self, key: str) -> None:
        """Forget what is under `key`; nothing there is fine."""
        path = self._path(key)
        if self._fs.exists(path):
            self._fs.rm_file(path)

    def try_out(self, request_id: str) -> None:
        """Raise OSError if nothing can be kept for this request now; leaves nothing behind."""
        key = f"{request_id}/trial-{uuid.uuid4().hex}"
        self.put(key, b"?")
        self.delete(key)

    def put_outcome(self, outcome: Outcome) -> None:
        """Store what an attempt came to, before anybody hears of it."""
        self.put(_outcome_key(outcome.request_id, outcome.attempt), codec.to_json(outcome).encode())

    def get_outcome(self, request_id: str, attempt: int) -> Outcome | None:
        """What the attempt came to, or None while nothing is stored. Raises `codec.Malformed` for a damaged file."""
        try:
            return codec.from_json(Outcome, self.get(_outcome_key(request_id, attempt)))
        except ArtifactMissing:
            return None

    def _path(self, key: str) -> str:
        parts = key.split("/")
        if not all(_SAFE.fullmatch(part) and part.strip(".") for part in parts):
            raise ValueError(f"not a key: {key!r}")
        return f"{self._base}/{key}"


def picture_key(request_id: str, index: int, sha256: str, media_type: str) -> str:
    """The key of picture number `index` (from 0); the hash is part of it, so a rerun never replaces other bytes."""
    return f"{request_id}/{index + 1}-{sha256[:16]}.{_EXTENSIONS[media_type]}"


def _outcome_key(request_id: str, attempt: int) -> str:
    return f"{request_id}/outcome-{attempt}.json"
