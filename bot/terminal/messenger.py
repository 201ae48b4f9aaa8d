"""How a terminal is told: pictures become files, whether or not anybody still listens.

Owns the pictures' folder, the note of each request's last word, and the listeners of requests under way. It must not
know HTTP. Delivering twice writes the same bytes to the same names, so there is never a second message.
"""

import asyncio
import contextlib
import json
import logging
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from pathlib import Path

from bot.messenger import Message, Picture, Receipt, TryAgain
from bot.terminal.protocol import Progress, Told
from generation.request import GenerationRequest

log = logging.getLogger(__name__)

Word = Progress | Told


class TerminalMessenger:
    """Keeps `bot.messenger.Messenger`."""

    progress_interval_s = 0.1

    def __init__(self, pictures: Path) -> None:
        """Write pictures to this folder, which is made at the first."""
        self._pictures = pictures.absolute()
        self._listeners: dict[str, set[asyncio.Queue[Word | None]]] = {}

    async def progress(self, request: GenerationRequest, line: str, percent: int | None) -> None:
        """Tell whoever listens."""
        self._tell(request.id, Progress(line=line, percent=percent))

    async def deliver(self, request: GenerationRequest, message: Message, receipt: Receipt) -> str:
        """Write the files and the note beside them; returns the note's name. Raises `TryAgain` on a full disk."""
        del receipt  # the same files are written again, however often this was tried
        try:
            told = await asyncio.to_thread(self._write, request.id, message)
        except OSError as error:
            raise TryAgain(f"the picture could not be written: {error.strerror or type(error).__name__}") from error
        for file in told.files:
            log.info("request %s: its picture is at %s", request.id, file)
        self._tell(request.id, told)
        return self._note(request.id).name

    @contextlib.contextmanager
    def listen(self, request_id: str) -> Iterator[asyncio.Queue[Word | None]]:
        """A queue of what is said about a request from now on; None is the end of listening."""
        queue: asyncio.Queue[Word | None] = asyncio.Queue()
        self._listeners.setdefault(request_id, set()).add(queue)
        try:
            yield queue
        finally:
            self._listeners[request_id].discard(queue)
            if not self._listeners[request_id]:
                del self._listeners[request_id]

    def dismiss(self) -> None:
        """Tell all listeners that this process says nothing more; they may come back to another."""
        for queues in self._listeners.values():
            for queue in queues:
                queue.put_nowait(None)

    async def words(self, request_id: str, queue: asyncio.Queue[Word | None]) -> AsyncIterator[Word]:
        """What was said already, then what is said, ending with the last word. Listen before submitting."""
        if (told := await asyncio.to_thread(self.told, request_id)) is not None:
            yield told
            return
        while (word := await queue.get()) is not None:
            yield word
            if isinstance(word, Told):
                return

    def told(self, request_id: str) -> Told | None:
        """The last word on a request, if there was one."""
        try:
            data = json.loads(self._note(request_id).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Told(lines=tuple(data["lines"]), files=tuple(data["files"]))

    def _tell(self, request_id: str, word: Word) -> None:
        for queue in self._listeners.get(request_id, ()):
            queue.put_nowait(word)

    def _write(self, request_id: str, message: Message) -> Told:
        files = tuple(str(self._keep(picture)) for picture in message.pictures)
        told = Told(lines=message.lines, files=files)
        # The note comes last: where it is, the files are.
        note = self._note(request_id)
        note.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_whole(note, json.dumps(asdict(told), ensure_ascii=False).encode())
        return told

    def _keep(self, picture: Picture) -> Path:
        self._pictures.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._pictures / picture.filename
        _write_whole(path, picture.data)
        return path

    def _note(self, request_id: str) -> Path:
        return self._pictures / ".told" / f"{request_id}.json"


def _write_whole(path: Path, data: bytes) -> None:
    """Write so that the name never stands for half a file, and so that it outlives a power cut."""
    descriptor, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
