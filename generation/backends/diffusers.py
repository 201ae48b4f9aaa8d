"""Pictures from any diffusers pipeline on this machine's own device.

Owns the device's thread and the loaded pipelines: only that thread ever touches them, and it never waits for Redis, a
disk or an encoder. It must not know Redis, checks or where pictures go.
"""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from generation.backends.base import EncodedImage, Generated, Watch
from generation.backends.diffusers_draw import Drawn, draw, to_png
from generation.backends.diffusers_load import LoadedPipeline, free_device_memory, load_pipeline, out_of_memory
from generation.catalogue import ModelEntry
from generation.errors import OutOfMemory
from generation.request import JobOrder
from generation.result import MadeBy


class DiffusersBackend:
    """Local pipelines, loaded when they are first asked for; at most `resident` stay, the longest unused goes first.

    `device` overrides the choice of cuda, mps or cpu.
    """

    name = "diffusers"

    def __init__(self, *, resident: int = 1, device: str | None = None) -> None:
        """Load nothing yet."""
        self._resident = max(1, resident)
        self._device = device
        self._loaded: OrderedDict[str, LoadedPipeline] = OrderedDict()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="device")

    async def generate(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> Generated:
        """Draw the order's pictures; see the `Backend` protocol for what it raises."""
        loop = asyncio.get_running_loop()
        try:
            loaded, drawn = await loop.run_in_executor(self._thread, self._work, entry, order, watch)
        except asyncio.CancelledError:
            # The thread does not hear of it by itself: it looks at the watch between steps.
            watch.cancel()
            raise
        encoded = [await asyncio.to_thread(to_png, picture, drawn.enlarge) for picture in drawn.pictures]
        return Generated(
            images=tuple(
                EncodedImage(data, "image/png", seed) for data, seed in zip(encoded, drawn.seeds, strict=True)
            ),
            made_by=MadeBy(
                model=entry.id,
                title=entry.title,
                backend=self.name,
                revision=loaded.revision,
                device=loaded.device,
                dtype=loaded.dtype,
                scheduler=loaded.scheduler,
                versions=loaded.versions,
            ),
            notes=drawn.notes,
        )

    async def aclose(self) -> None:
        """Forget the pipelines. A thread in the middle of a step is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._loaded.clear()

    def _work(self, entry: ModelEntry, order: JobOrder, watch: Watch) -> tuple[LoadedPipeline, Drawn]:
        watch.check()
        loaded = self._pipeline(entry, watch)
        watch.check()
        try:
            return loaded, draw(loaded.pipe, entry, order, watch)
        except Exception as error:
            if not out_of_memory(error):
                raise
            # The next picture starts from an empty device.
            self._loaded.clear()
            raise OutOfMemory(f"{entry.title} needs more memory for this size than the device has left.") from None
        finally:
            if not self._loaded:
                free_device_memory()

    def _pipeline(self, entry: ModelEntry, watch: Watch) -> LoadedPipeline:
        key = f"{entry.id} {sorted(entry.arguments.items())}"
        loaded = self._loaded.get(key)
        if loaded is None:
            watch.stage("loading")
            # Room is made before loading: two large models seldom fit side by side.
            while len(self._loaded) >= self._resident:
                self._loaded.popitem(last=False)
                free_device_memory()
            loaded = self._loaded[key] = load_pipeline(entry, self._device)
        self._loaded.move_to_end(key)
        return loaded
