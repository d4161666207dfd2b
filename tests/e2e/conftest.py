import os
from pathlib import Path

import pytest

from tosho.local import airflow
from tosho.local.demo import Demo, Plan
from tosho.local.processes import Processes

PROJECT = Path(__file__).parents[2]


class Installation:
    """A demo that ran to its end on a small market, with its scheduler still running."""

    def __init__(self, home):
        self.place = airflow.workplace(PROJECT, home)
        self.processes = Processes(home / "processes")
        self.said = []

    def play(self, plan):
        return Demo(self.place, self.processes, plan, self.said.append).play()


@pytest.fixture(scope="session")
def installation(tmp_path_factory):
    """Small: what is tested is the chain. Warm-up of the longest feature is not reached; that is legitimate."""
    os.environ["TOSHO_CONTAINER_RUNTIME"] = "process"  # tests/containers has the daemon
    made = Installation(tmp_path_factory.mktemp("tosho"))
    yield made
    made.processes.stop_all()


@pytest.fixture(scope="session")
def played(installation):
    from datetime import date

    from tosho.simulation.market import simulate

    folder = installation.place.home / "market"
    simulate(folder, codes=300, sessions=300, last=date(2025, 1, 14))
    return installation.play(Plan(folder=folder))
