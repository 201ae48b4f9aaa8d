"""A supervisor to be killed: keeps children that ignore the terminal, writes down their ids, and waits.

`python -m tests.unit.bot.supervised HOME`; HOME/pids then holds one line a process: ours, the children's and one
grandchild's.
"""

import asyncio
import os
import sys
from pathlib import Path

from bot.keeper import Guardian, Program
from bot.supervise import Household, take_home

# A child that starts one of its own, as a worker's libraries may, and takes its time to stop.
CHILD = """
import os, signal, subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n{grandchild.pid}\\n")
def leave(*_):
    open(sys.argv[1] + ".drained", "a").write("drained\\n")
    grandchild.kill()
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
while True:
    time.sleep(0.05)
"""


async def main(home: Path) -> None:
    pids = home / "pids"
    with await take_home(home / "run.lock", print) as lock:
        guardian = await Guardian.start(lock.fileno())
        household = Household(home / "front.sock", 1.0, guardian, print)
        await household.keep(
            Program(name="worker", argv=(sys.executable, "-c", CHILD, str(pids)), environment=dict(os.environ))
        )
        with pids.open("a", encoding="utf-8") as file:
            file.write(f"{os.getpid()}\n")
        await household.refused()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
