"""`tessera` and `python -m bot`: the command line's entry, and nothing else."""

import sys


def main() -> int:
    """Run one command; the exit code."""
    from bot.cli.process import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
