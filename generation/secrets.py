"""Secrets: from the environment by their customary names, or from the file that NAME_FILE points at.

Owns `read_secret`, the only way a token or key enters the program. It must not keep, print or log one.
"""

import os
from pathlib import Path


class SecretError(ValueError):
    """A secret is named but cannot be read. The message names the variable and the file, never what is in it."""


def read_secret(name: str) -> str | None:
    """The secret called `name` (`OPENAI_API_KEY`, …), stripped of white space, or None where none is set.

    The variable itself goes before `<name>_FILE`. Raises `SecretError` when the file cannot be read or is empty.
    """
    value = os.environ.get(name, "").strip()
    if value:
        return value
    path = os.environ.get(f"{name}_FILE", "").strip()
    if not path:
        return None
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not text"
        raise SecretError(f"{name}_FILE names {path}, which cannot be read: {reason}") from None
    if not content:
        raise SecretError(f"{name}_FILE names {path}, which is empty")
    return content
