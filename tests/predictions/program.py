"""What other processes do: `python program.py reload|read|hold TIMES`; the environment names the store."""

from __future__ import annotations

import sys
import time
from itertools import count, islice

from predictions.frames import SESSION, predictions
from tosho.config import Settings
from tosho.predictions import open_store

STORE = open_store(Settings.from_environment().store)


def reload(times: int) -> None:
    """Load two contents in turn; 0 times is without end."""
    contents = [predictions(seed=1), predictions(seed=2)]
    for turn in islice(count(), times or None):
        STORE.load(SESSION, contents[turn % 2])
        say(f"loaded {turn}")


def read(times: int) -> None:
    """Read the session again and again and tell of each reading: rows, run ids."""
    for _ in range(times):
        rows = STORE.read(SESSION)
        say(f"{rows.height} {','.join(sorted(rows['run_id'].unique()))}")


def hold(seconds: int) -> None:
    """Take the session's lock."""
    STORE.engine.prepare()  # type: ignore[attr-defined]
    with STORE.engine.locked(SESSION):  # type: ignore[attr-defined]
        say("held")
        time.sleep(seconds)


def say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    {"reload": reload, "read": read, "hold": hold}[sys.argv[1]](int(sys.argv[2]))
