"""Where things lie under `TESSERA_HOME`, the one folder of an installation.

Owns the layout and the rule that keeps Unix socket paths short enough. Knows nothing of what is kept there.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

# The kernel's sun_path holds 108 bytes on Linux and 104 on macOS, one of them the closing NUL.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True, slots=True)
class Places:
    """Paths below `home`; reading a path creates nothing, `create` makes the folders."""

    home: Path

    def create(self) -> "Places":
        """Make the folders, readable by their owner alone; return self.

        Raises PermissionError if somebody else owns the short folder that a long home's sockets go to.
        """
        for folder in (self.home, self.artifacts, self.redis):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for socket in (self.redis_socket, self.front_socket):
            socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # In the shared temporary folder anybody could have made it first, to listen to what is said there.
            if socket.parent.stat().st_uid != os.getuid():
                raise PermissionError(f"{socket.parent} belongs to another user; choose a shorter TESSERA_HOME")
        return self

    @property
    def database(self) -> Path:
        """The SQLite file, the front's alone."""
        return self.home / "tessera.db"

    @property
    def artifacts(self) -> Path:
        """The default artifact store's folder."""
        return self.home / "artifacts"

    @property
    def artifacts_url(self) -> str:
        """The default artifact store as a URL, as fsspec reads one: it takes no percent signs for spaces."""
        return f"file://{self.artifacts.resolve()}"

    @property
    def pictures(self) -> Path:
        """Where the terminal adapter leaves finished pictures."""
        return self.home / "pictures"

    @property
    def redis(self) -> Path:
        """The bundled redis-server's working folder."""
        return self.home / "redis"

    @property
    def redis_socket(self) -> Path:
        """The bundled redis-server's socket."""
        return self._socket("redis.sock")

    @property
    def redis_url(self) -> str:
        """The bundled redis-server as a URL."""
        return f"unix://{self.redis_socket}"

    @property
    def front_socket(self) -> Path:
        """Where the front listens for the terminal adapter's clients."""
        return self._socket("front.sock")

    @property
    def front_lock(self) -> Path:
        """Locked by the one front that may own the SQLite file."""
        return self.home / "front.lock"

    def _socket(self, name: str) -> Path:
        path = self.home.absolute() / name
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        # A deep home folder gets its sockets in a short folder named after it, the same one at every start.
        digest = hashlib.sha256(os.fsencode(self.home.resolve())).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"tessera-{os.getuid()}-{digest}" / name
