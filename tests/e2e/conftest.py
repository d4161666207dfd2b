import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import psutil
import pytest

from services import docker
from services.clickhouse import clickhouse_server
from services.processes import alive, belonging_to
from tosho.local import airflow
from tosho.local.demo import Demo, Plan
from tosho.local.processes import Processes
from tosho.simulation.market import simulate

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
    """Small: what is tested is the chain. Warm-up of the longest feature is not reached; that is legitimate.

    No Docker daemon answers at first: containers run as processes until a connection names one.
    """
    made = Installation(tmp_path_factory.mktemp("tosho"))
    os.environ["TOSHO_CONTAINER_DOCKER_URL"] = f"unix://{made.place.home}/none.sock"
    os.environ["TOSHO_CONTAINER_IMAGE"] = docker.IMAGE
    yield made
    made.processes.stop_all()


@pytest.fixture(scope="session")
def market(installation):
    folder = installation.place.home / "market"
    simulate(folder, codes=300, sessions=300, last=date(2025, 1, 14))
    return folder


@pytest.fixture(scope="session")
def interrupted(installation, market):
    """Ctrl-C while history takes the market in; returns the demo's exit status and the processes it left."""
    command = [sys.executable, "-m", "tosho", "demo", "--market", str(market)]
    environment = {**os.environ, "TOSHO_HOME": str(installation.place.home), "PYTHONUNBUFFERED": "1"}
    demo = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    for line in demo.stdout:
        if "ingest" in line and "running" in line:
            break
    started = psutil.Process(demo.pid).children(recursive=True)
    demo.send_signal(signal.SIGINT)
    demo.stdout.close()
    status = demo.wait(120)
    return status, [*alive(started), *belonging_to(installation.place.home)]


@pytest.fixture(scope="session")
def played(installation, market, interrupted):
    return installation.play(Plan(folder=market))


@pytest.fixture(scope="session")
def real_services(installation, played, daemon, image, tmp_path_factory):
    """Docker and a ClickHouse server, named by Airflow's connections as a user names them; nothing is started again."""
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse"), "of-the-test") as server:
        api, store = airflow.AirflowApi(installation.place), server.store()
        reached = {"host": store.host, "port": store.port, "login": store.user, "password": store.password}
        for named in (
            {"connection_id": "docker_default", "conn_type": "docker", "host": daemon.url},
            {"connection_id": "clickhouse_default", "conn_type": "generic", "schema": store.database, **reached},
        ):
            api._call("POST", "connections", named)
        yield daemon.client(), store
