"""The commands as a person types them: Ctrl-C at moments of a demo; the local Airflow started, used and stopped.

One home throughout: each start goes on from what the one before has left.
"""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import httpx
import psutil
import pytest

from services.jquants import free_port
from services.processes import alive, belonging_to, of_group
from tosho.calendar import latest_session
from tosho.local import airflow
from tosho.local.airflow import AirflowApi, listens_beyond_loopback
from tosho.local.processes import Processes

PROJECT = Path(__file__).parents[2]
TOSHO = [sys.executable, "-m", "tosho"]
DEMO = [*TOSHO, "demo", "--codes", "60", "--sessions", "120"]
LOGIN = re.compile(r"Airflow: (http://127\.0\.0\.1:\d+)   user (\w+)   password (\S+)")
PARTS = ["api-server", "dag-processor", "jquants", "scheduler"]

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    made = tmp_path_factory.mktemp("typed")
    yield made
    Processes(made / "processes").stop_all()


@pytest.fixture(scope="module")
def environment(home):
    ours = {"TOSHO_HOME": str(home), "TOSHO_CONTAINER_RUNTIME": "process", "PYTHONPATH": str(PROJECT / "include")}
    return {**os.environ, **ours}


@pytest.fixture(scope="module")
def typed(environment):
    def run(*arguments):
        command = [*TOSHO, *map(str, arguments)]
        done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture(scope="module")
def interrupt(environment, home):
    """Start a demo, send what Ctrl-C sends (SIGINT to its whole group) when `ready`, and return all that it said."""

    def at(ready, afterwards=lambda: None):
        demo = subprocess.Popen(
            DEMO, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        )  # fmt: skip
        while not ready():
            assert demo.poll() is None, demo.stdout.read()
            time.sleep(0.01)
        started = psutil.Process(demo.pid).children(recursive=True)
        os.killpg(demo.pid, signal.SIGINT)
        afterwards()
        said, _ = demo.communicate(timeout=120)
        assert demo.returncode == 130, said
        assert said.endswith("\nInterrupted. Nothing is lost: `make demo` goes on from what is done.\n")
        assert (alive(started), of_group(demo.pid), belonging_to(home)) == ([], [], [])
        return said

    return at


def drain(reader):
    """Let the writer write, to its end."""
    os.set_blocking(reader.fileno(), True)
    reader.read()


@pytest.fixture(scope="module")
def interrupted_market(interrupt, home):
    """Where the market's first file should be stands a pipe that nobody reads: the demo is held while it writes."""
    folder = home / "market-60x120"
    folder.mkdir()
    pipe = folder / "bars.parquet"
    os.mkfifo(pipe)
    with os.fdopen(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
        said = interrupt(lambda: select.select([reader], [], [], 0)[0], lambda: drain(reader))
    pipe.unlink()
    return said


@pytest.fixture(scope="module")
def interrupted_database(interrupt, home, interrupted_market):
    return interrupt((home / "airflow" / "airflow.db").exists)


@pytest.fixture(scope="module")
def interrupted_processes(interrupt, home, interrupted_database):
    return interrupt((home / "processes" / "api-server.json").exists)


@pytest.fixture(scope="module")
def started(typed, interrupted_processes):
    return typed("airflow", "start")


@pytest.fixture(scope="module")
def place(home):
    return airflow.workplace(PROJECT, home)


@pytest.fixture(scope="module")
def api(started, place):
    return AirflowApi(place)


def pids(home):
    return {name: Processes(home / "processes").running(name).pid for name in PARTS}


def test_a_demo_interrupted_while_it_writes_its_market_leaves_none_that_passes_for_whole(interrupted_market, home):
    assert not interrupted_market.startswith("market: ")


def test_started_again_it_makes_the_market_anew_and_is_interrupted_while_airflow_makes_its_database(
    interrupted_database, home
):
    assert re.match(r"market: \d+ codes, 2024-10-01 to 2025-03-31, 6,960 rows", interrupted_database)
    assert (home / "market-60x120" / "truth.json").exists()
    assert "services: " in interrupted_database


def test_interrupted_while_airflow_s_processes_start_it_ends_them_all(interrupted_processes):
    assert "services: " in interrupted_processes
    assert "history: " not in interrupted_processes


def test_airflow_starts_after_all_that_and_says_where_and_how_to_log_in(started):
    address, user, password = LOGIN.search(started).groups()
    page = httpx.get(address, follow_redirects=True, trust_env=False)
    assert page.status_code == 200
    assert "<title>Airflow" in page.text
    login = {"username": user, "password": password}
    assert httpx.post(f"{address}/auth/token", json=login, trust_env=False).status_code == 201
    assert httpx.post(f"{address}/auth/token", json=login | {"password": "other"}, trust_env=False).status_code == 401
    assert httpx.get(f"{address}/api/v2/dags", trust_env=False).status_code == 401
    assert "`make stop`" in started


def test_nothing_of_it_listens_beyond_loopback(started, home):
    assert listens_beyond_loopback(Processes(home / "processes")) == []


def test_the_dags_are_there_and_none_is_broken(api):
    for dag_id in ("history", "weekly_training", "daily_predictions"):
        api.wait_for_dag(dag_id)
    assert api._call("GET", "importErrors")["import_errors"] == []


def test_a_run_by_hand_without_a_date_is_for_the_newest_published_session(api):
    api.wait_for_dag("daily_predictions")
    api.unpause("daily_predictions")
    run_id = api.trigger("daily_predictions", {})
    while (session := api.result("daily_predictions", run_id, "session_of_run")) is None:
        assert api.run("daily_predictions", run_id)["state"] != "failed"
        time.sleep(0.5)
    run = api.run("daily_predictions", run_id)
    assert run["logical_date"] is None
    assert session == latest_session(datetime.fromisoformat(run["run_after"])).isoformat()


def test_starting_again_starts_nothing_and_says_the_same(started, typed, home):
    before = pids(home)
    assert typed("airflow", "start") == started
    assert pids(home) == before


def test_stopping_leaves_no_process_and_frees_the_ports(started, typed, home, place):
    processes = Processes(home / "processes")
    family = [member for name in PARTS for member in processes._family(name)]
    assert len(family) > len(PARTS)
    assert typed("airflow", "stop") == f"Ended: {', '.join(PARTS)}.\n"
    assert (alive(family), belonging_to(home)) == ([], [])
    for port in (place.state()["airflow_port"], place.state()["jquants_port"]):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(port)))


def test_stopping_again_is_quiet(typed, home):
    assert typed("airflow", "stop") == "Nothing was running.\n"


def test_the_doctor_finds_a_connection_in_airflow_s_database_and_asks_where_it_leads(typed, place, started):
    store = {"conn_type": "generic", "host": "127.0.0.1", "port": free_port(), "password": "hidden/in:it"}
    typed("airflow", "run", "connections", "add", "clickhouse_default", "--conn-json", json.dumps(store))
    no_model = {"TOSHO_MLFLOW": f"http://127.0.0.1:{free_port()}"}  # MLflow takes seconds to make a database
    asked = subprocess.run(
        [*TOSHO, "doctor", "--verbose"],
        env=place.variables() | no_model,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = {line[9:].split()[0]: line for line in asked.stdout.splitlines()}
    assert asked.returncode == 1, asked.stderr
    assert told["Airflow"] == "ok       Airflow      Its database defines clickhouse_default."
    assert told["Predictions"].startswith("MISSING")
    assert f"127.0.0.1:{store['port']}" in told["Predictions"]
    assert told["Predictions"].endswith("[clickhouse_default: Airflow's database]")
    assert told["Spark"].endswith("[spark_default: AIRFLOW_CONN_SPARK_DEFAULT]")
    assert store["password"] not in asked.stdout + asked.stderr
