"""The worker's log: plain lines on stderr.

Owns `set_up`. Libraries are kept to warnings: arq would write arguments, openai whole requests, and both hold prompts.
"""

import logging

_QUIET = ("arq", "openai", "httpx2", "httpcore2", "huggingface_hub", "fsspec", "PIL", "urllib3")


def set_up(level: str = "INFO") -> None:
    """Write the program's own lines from `level` on, and the libraries' from WARNING on."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
