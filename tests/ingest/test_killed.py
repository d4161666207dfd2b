"""A task that is killed at any point and run again leaves the same data files as one that was left in peace."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.jquants import FIRST, KEY, LAST
from tosho.ingest import ingest_history, ingest_session
from tosho.storage import Files, Lake, look

ROOT = Path(__file__).parents[2]

# The process kills itself at a numbered point: half of them lie in a write, before the new file has its name, the
# other half right after a file got it. At all other times the lake is as after the point before.
CHILD = """
import os, signal, sys
from datetime import date
from threading import Lock
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, ingest_history, ingest_session
from tosho.storage import Files, Lake

what, url, key, root, first, last, fatal = sys.argv[1:]
count, lock = 0, Lock()

def dying(call, before):
    def wrapped(*given):
        global count
        result = None if before else call(*given)
        with lock:
            count += 1
            if count == int(fatal):
                os.kill(os.getpid(), signal.SIGKILL)
        return call(*given) if before else result
    return wrapped

os.fsync, os.replace = dying(os.fsync, before=True), dying(os.replace, before=False)
lake, days = Lake(Files(root)), (date.fromisoformat(first), date.fromisoformat(last))
with JQuantsClient(JQuants(url, key, "light")) as client:
    if what == "session":
        ingest_session(days[1], lake, client)
    else:
        ingest_history(*days, lake, client, lambda *_: None)
"""


def start(what, url, lake, fatal):
    arguments = [what, url, KEY, lake.files.root, str(FIRST), str(LAST), str(fatal)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    return subprocess.Popen([sys.executable, "-c", CHILD, *arguments], env=environment)


@pytest.mark.parametrize("what", ["session", "history"])
def test_killed_at_random_and_run_again(what, url, client, lake, tmp_path, data_files):
    again = ingest_session if what == "session" else ingest_history
    arguments = (LAST,) if what == "session" else (FIRST, LAST)
    rest = () if what == "session" else (lambda *_: None,)
    again(*arguments, lake, client, *rest)
    written = sum(path.is_file() for path in (tmp_path / "lake").rglob("*"))  # each once, at two points
    points = random.Random(18).sample(range(1, 2 * written), 3)
    lakes = [Lake(Files(f"file://{tmp_path}/killed-{point}")) for point in points]
    children = [start(what, url, killed, point) for killed, point in zip(lakes, points, strict=True)]
    assert [child.wait(timeout=120) for child in children] == [-signal.SIGKILL] * len(points)
    cut_short = [data_files(killed) for killed in lakes]
    for killed in lakes:
        again(*arguments, killed, client, *rest)
    assert any(files != data_files(lake) for files in cut_short)
    assert [data_files(killed) for killed in lakes] == [data_files(lake)] * len(lakes)
    assert [fault for killed in lakes for looked in look(killed, killed.tables()) for fault in looked.faults] == []
