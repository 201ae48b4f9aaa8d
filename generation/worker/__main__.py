"""The worker's process: `python -m generation.worker [--pool NAME]…`, which `tessera worker` runs.

Owns the command line, signals and the exit code: 0 after a drain, 2 for a configuration that cannot work.
"""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

from generation import console_log
from generation.catalogue import CatalogueError
from generation.secrets import SecretError
from generation.settings import SettingsError, WorkerSettings, load_worker_settings
from generation.worker.compose import NothingToServeError, open_service

_log = logging.getLogger("generation.worker")  # what this module is called when it is run is no name for a log


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; a second signal hands running jobs back at once."""
    parser = argparse.ArgumentParser(prog="tessera worker", description="Makes the pictures.")
    parser.add_argument(
        "--pool", action="append", dest="pools", metavar="NAME", help="serve this pool only; repeatable"
    )
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    options = parser.parse_args(arguments)
    console_log.set_up(options.log_level)
    try:
        settings = load_worker_settings()
        if options.pools:
            chosen = settings.worker.model_copy(update={"pools": tuple(options.pools)})
            settings = settings.model_copy(update={"worker": chosen})
        asyncio.run(_serve(settings))
    except (SettingsError, CatalogueError, SecretError, NothingToServeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _serve(settings: WorkerSettings) -> None:
    async with open_service(settings) as service:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, service.stop)
        _log.info("worker is ready pid=%d", os.getpid())
        await service.run()
    _log.info("worker has stopped")


if __name__ == "__main__":
    code = main()
    # A device thread may be in the middle of a step or of loading gigabytes. Its job is handed back: nobody needs it.
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
