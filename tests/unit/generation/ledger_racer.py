"""One of several processes that hold from the same allowance at once; started by `test_ledger.py`.

Says `ready`, waits for a line, then tries `attempts` holds of one picture each and prints how many it got.
"""

import sys
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from generation.database import in_transaction, open_sqlite
from generation.ledger import Held, Ledger
from generation.request import Platform, Requester


def main(path: str, name: str, attempts: int, now: int) -> None:
    db = open_sqlite(Path(path))
    ledger = Ledger(ZoneInfo("UTC"), 100)
    member = Requester(platform=Platform.DISCORD, workspace_id="1", user_id="7")
    print("ready", flush=True)
    sys.stdin.readline()
    got = 0
    for number in range(attempts):
        work = partial(ledger.hold, request_id=f"{name}-{number}", requester=member, amount=1, now=now)
        got += isinstance(in_transaction(db, work), Held)
    print(got, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
