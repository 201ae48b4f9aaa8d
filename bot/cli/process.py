"""The boundary of a `tessera` process: arguments in, exit code out, and nothing else escapes.

Owns the exit codes and what is said about an error. What an operator can mend is one sentence; what nobody foresaw gets
an event id, and its details go to a file rather than to the terminal.

0 done · 1 refused, failed, or a check found something · 2 wrong usage · 69 something needed is not running ·
70 a bug of ours · 75 another one is running in its place · 78 the configuration is wrong · 130 interrupted
"""

import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import click

OK, FAILED, UNAVAILABLE, BUG, IN_USE, CONFIGURATION, INTERRUPTED = 0, 1, 69, 70, 75, 78, 130


class Stop(Exception):
    """Ends the process with one sentence on standard error and this exit code."""

    def __init__(self, sentence: str, code: int) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.code = code


def run(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    from bot.cli.root import root

    try:
        code = root.main(args=list(arguments), prog_name="tessera", standalone_mode=False)
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Stop as error:
        sys.stderr.write(f"{error}\n")
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`tessera models | head`); Python must not flush into it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:  # noqa: BLE001 - the process boundary: whatever it is becomes a sentence and a code
        return _explain(error)
    return code if isinstance(code, int) else OK


def _explain(error: Exception) -> int:
    from bot.wording import operator as wording
    from generation import console_log

    code = _expected(error)
    if code is not None:
        sys.stderr.write(f"{console_log.redact(str(error), console_log.known_secrets())}\n")
        return code
    event = secrets.token_hex(4).upper()
    details = console_log.whole(error)
    sys.stderr.write(f"{wording.unexpected(event, _keep(event, details))}\n")
    if console_log.wants_tracebacks():
        sys.stderr.write(f"{details}\n")
    return BUG


def _expected(error: Exception) -> int | None:
    """The exit code for an error whose message is meant for the operator; imported here, where time does not matter."""
    import sqlite3

    from bot.compose import NotMigrated
    from bot.front import AlreadyRunning
    from bot.keeper import ChildRefused
    from bot.redis_server import RedisFailed, RedisMissing
    from bot.supervise import AlreadyUp
    from bot.terminal.client import NoFront, NoSuchRequest
    from bot.terminal.protocol import Garbled
    from generation.catalogue import CatalogueError
    from generation.installation import SettingsError
    from generation.secrets import SecretError

    codes: tuple[tuple[tuple[type[Exception], ...], int], ...] = (
        ((SettingsError, CatalogueError, SecretError, NotMigrated, ChildRefused), CONFIGURATION),
        ((NoFront, RedisMissing, RedisFailed, Garbled, sqlite3.OperationalError), UNAVAILABLE),
        ((AlreadyRunning, AlreadyUp), IN_USE),
        ((NoSuchRequest,), FAILED),
    )
    return next((code for kinds, code in codes if isinstance(error, kinds)), None)


def _keep(event: str, details: str) -> Path | None:
    """Write the details where the operator finds them; None where that cannot be."""
    folder = Path(os.environ.get("TESSERA_HOME") or ".tessera") / "logs"
    path = folder / f"{event}.txt"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(details)
    except OSError:
        return None
    return path
