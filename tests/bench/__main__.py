"""`python -m tests.bench [NAME]… [--json]`: measures and prints; exits 1 if a promise is not kept."""

import argparse
import asyncio
import importlib
import sys

NAMES = ("footprint", "pickup", "ack", "starter")


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
        for figure in asyncio.run(module.measure()):
            print(figure.as_json() if arguments.json else figure.as_line(), flush=True)
            kept &= figure.limit is None or figure.value <= figure.limit
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
