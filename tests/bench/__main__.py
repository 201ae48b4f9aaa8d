"""`python -m tests.bench [NAME]… [--json]`: measures and prints; exits 1 if a promise is not kept.

What lacks a model is said and passed over; asked for by name, it exits 2.
"""

import argparse
import asyncio
import importlib
import sys

from generation.errors import ModelMissing

NAMES = ("footprint", "pickup", "ack", "routing", "starter")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tessera bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.names if name not in NAMES]:
        parser.error(f"there is no {unknown[0]}; there are {', '.join(NAMES)}")
    kept = True
    for name in arguments.names or NAMES:
        module = importlib.import_module(f"tests.bench.{name}")
        try:
            figures = asyncio.run(module.measure())
        except ModelMissing as error:
            print(f"{name}: {error.detail}", file=sys.stderr)
            if arguments.names:
                return 2
            continue
        for figure in figures:
            print(figure.as_json() if arguments.json else figure.as_line(), flush=True)
            kept &= figure.limit is None or figure.value <= figure.limit
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
