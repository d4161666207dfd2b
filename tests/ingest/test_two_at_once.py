"""Two runs take the same sessions in at once: neither fails, and the lake is as one of them alone leaves it."""

import os
import subprocess
import sys
from pathlib import Path

from services.jquants import FIRST, KEY, LAST
from tosho.calendar import sessions
from tosho.ingest import ingest_session
from tosho.storage import look

ROOT = Path(__file__).parents[2]

CHILD = """
import sys
from datetime import date
from tosho.calendar import sessions
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, ingest_session
from tosho.storage import Files, Lake

url, key, root, first, last = sys.argv[1:]
lake = Lake(Files(root))
with JQuantsClient(JQuants(url, key, "light")) as client:
    print("ready", flush=True)
    sys.stdin.readline()
    for session in sessions(date.fromisoformat(first), date.fromisoformat(last)):
        ingest_session(session, lake, client)
"""


def start(url, lake):
    command = [sys.executable, "-c", CHILD, url, KEY, lake.files.root, str(FIRST), str(LAST)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def test_two_runs_of_one_session_at_once_leave_what_one_leaves(url, client, tampering, lake, other_lake, data_files):
    runs = [start(url, lake) for _ in range(2)]
    assert [run.stdout.readline() for run in runs] == ["ready\n"] * 2
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    told = [run.communicate(timeout=120)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    for session in sessions(FIRST, LAST):
        ingest_session(session, other_lake, client)
    assert data_files(lake) == data_files(other_lake)
    looked = look(lake, lake.tables())
    assert [fault for found in looked for fault in found.faults] == []
    assert list(Path(lake.files.root.removeprefix("file://")).rglob("*.tmp")) == []
