"""A real server for the whole folder, and a fresh store of either kind for each test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.clickhouse import ClickHouse, clickhouse_server
from tosho.config import Settings, Store
from tosho.predictions import open_store
from tosho.predictions.versioned import VersionedStore

TESTS = Path(__file__).parents[1]
PASSWORD = "not-for-logs-7Q"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouse]:
    with clickhouse_server(tmp_path_factory.mktemp("clickhouse"), PASSWORD) as running:
        yield running


@pytest.fixture(params=["embedded", "server"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "embedded":
        return Store(uri=f"file://{tmp_path}/predictions")
    name = "".join(c if c.isalnum() else "_" for c in tmp_path.name)
    return request.getfixturevalue("server").store(f"t_{name}")


@pytest.fixture
def store(settings: Store) -> VersionedStore:
    opened = open_store(settings, lock_bound_s=20)
    assert isinstance(opened, VersionedStore)
    return opened


@pytest.fixture
def program() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `program.py` with a store; whatever still runs at the end of the test is killed by its PID."""
    started: list[subprocess.Popen[str]] = []

    def start(store: Store, what: str, times: int) -> subprocess.Popen[str]:
        path = os.pathsep.join([str(TESTS), str(TESTS.parent / "include")])
        environment = os.environ | Settings(store=store).to_environment() | {"PYTHONPATH": path}
        command = [sys.executable, str(TESTS / "predictions" / "program.py"), what, str(times)]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
