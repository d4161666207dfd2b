"""What a start is refused for: no market, another demo at work, no Docker where it was asked for."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.jquants import free_port

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def typed(tmp_path):
    def run(*arguments, **variables):
        ours = {"TOSHO_HOME": str(tmp_path / "home"), "PYTHONPATH": str(PROJECT / "include"), **variables}
        command = [sys.executable, "-m", "tosho", *map(str, arguments)]
        done = subprocess.run(
            command, env={**os.environ, **ours}, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr

    return run


def test_airflow_without_a_market_is_refused_with_what_to_do(typed, tmp_path):
    said = typed("airflow", "start")
    assert (
        said
        == f"NoMarketError: {tmp_path}/home has no market yet. Run `make demo` first, or name one: MARKET=folder.\n"
    )


def test_a_folder_without_bars_is_no_market(typed, tmp_path):
    said = typed("demo", "--market", tmp_path)
    assert said.startswith(f"NoMarketError: {tmp_path} is no market folder: it has no bars.parquet.")


def test_a_second_demo_in_a_home_is_refused_while_the_first_runs(typed, tmp_path):
    (tmp_path / "home").mkdir()
    with (tmp_path / "home" / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = typed("demo")
    assert said == f"AlreadyRunningError: Another demo runs in {tmp_path}/home. Wait for it, or end it with Ctrl-C.\n"


def test_docker_that_was_asked_for_and_does_not_answer_ends_the_demo_with_what_to_do(typed):
    address = f"tcp://127.0.0.1:{free_port()}"
    given = {"TOSHO_CONTAINER_RUNTIME": "docker", "TOSHO_CONTAINER_DOCKER_URL": address}
    said = typed("demo", "--codes", 60, "--sessions", 30, **given)
    assert said.startswith(f"ImageError: TOSHO_CONTAINER_RUNTIME is docker, but no daemon answers at {address}.")
    assert "set the variable to auto or process" in said
