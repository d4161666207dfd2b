"""`make stop` ends what runs in every home of a checkout, and says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.processes import alive
from tosho.local.processes import Processes

PROJECT = Path(__file__).parents[2]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
HOMES = (".tosho", ".tosho/synthetic-60x120", "elsewhere")


@pytest.fixture
def running(tmp_path):
    """A process in each home: the usual one, that of another market, and one that is named on the command line."""
    homes = [Processes(tmp_path / home / "processes") for home in HOMES]
    for place, processes in zip("abc", homes, strict=True):
        processes.start(place, SLEEP, os.environ, tmp_path / "log")
    yield [processes.running(place) for place, processes in zip("abc", homes, strict=True)]
    for processes in homes:
        processes.stop_all()


def stop(folder):
    command = ["make", "--no-print-directory", "-C", str(folder), "-f", str(PROJECT / "Makefile"), "stop"]
    given = [f"PY={sys.executable}", f"PYTHONPATH={PROJECT / 'include'}", "HOME_FOLDER=elsewhere"]
    return subprocess.run([*command, *given], check=True, capture_output=True, text=True).stdout.splitlines()


def test_processes_of_every_home_are_ended(running, tmp_path):
    assert sorted(stop(tmp_path)) == ["Ended: a.", "Ended: b.", "Ended: c."]
    assert alive(running) == []
