"""Building features of a lake with each engine: the history, and one session."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from bench.cluster import cluster, loopback
from bench.lakes import Place
from bench.meter import work
from tosho.config import Settings, spark_jvm
from tosho.features.build import Engine, build
from tosho.storage import Lake

ROOT = Path(__file__).parents[1]
DRIVER_MEMORY = "2g"  # as the Dags ask for
Told = dict[str, Any]


def local(home: Path, name: str, cores: int) -> Told:
    """Build the history with the local engine. What it made is kept: the floor writes it again."""
    from tosho.features.processes import build_window

    return _history(Place(home).view(f"local-{name}"), name, partial(build_window, workers=cores))


def spark(home: Path, name: str, cores: int) -> Told:
    """Build the history with Spark on this machine; the session's start stands apart."""
    return _by_spark(home, name, f"local[{cores}]")


def standalone(home: Path, name: str, cores: int) -> Told:
    """Build the history with a standalone Spark cluster of two workers, which have the cores between them."""
    with cluster(home / "cluster", workers=2, cores=max(cores // 2, 1)) as master:
        return _by_spark(home, name, master)


def session_local(home: Path, name: str, cores: int) -> Told:
    """Build one session by the local engine's command: Python's start is in it."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # the command takes all that there are
    command = [sys.executable, "-m", "tosho", "features", "build", "--engine", "local"]
    return _session(home, name, nullcontext(command), nullcontext(dict(os.environ)))


def session_spark(home: Path, name: str, cores: int) -> Told:
    """Build one session by spark-submit on this machine: the JVM's start is in it."""
    return _submitted(home, name, nullcontext(f"local[{cores}]"))


def session_standalone(home: Path, name: str, cores: int) -> Told:
    """Build one session by spark-submit to a standalone cluster that is up; the driver's start is in it."""
    return _submitted(home, name, cluster(home / "cluster", workers=2, cores=max(cores // 2, 1)))


def _by_spark(home: Path, name: str, master: str) -> Told:
    from tosho.features.spark.job import build_window
    from tosho.features.spark.session import running_session

    where = Place(home).view(f"spark-{name}")
    with loopback():
        began = time.perf_counter()
        with running_session("bench", master):
            start = round(time.perf_counter() - began, 2)
            told = _history(where, name, build_window)
    shutil.rmtree(where.home)
    return {"start_s": start, **told}


def _submitted(home: Path, name: str, running: AbstractContextManager[str]) -> Told:
    return _session(home, name, _spark_submit(running), loopback())


@contextmanager
def _spark_submit(running: AbstractContextManager[str]) -> Iterator[list[str]]:
    with running as master:
        command = [str(Path(sys.executable).parent / "spark-submit"), "--master", master]
        command += ["--driver-memory", DRIVER_MEMORY, "--conf", "spark.ui.enabled=false"]
        yield [*command, str(ROOT / "jobs/spark/build_features.py")]


def _session(
    home: Path,
    name: str,
    prepared: AbstractContextManager[list[str]],
    surrounding: AbstractContextManager[dict[str, str]],
) -> Told:
    """Run a command that builds the newest session, and tell what it cost and made."""
    where = Place(home).view(f"session-{name}")
    last = Lake.of(where).sessions("bars")[-1].isoformat()
    with prepared as command, surrounding as environment, work() as done:
        variables = {**environment, **where.to_environment(), "PYTHONPATH": str(ROOT / "include")}
        spark_jvm.prefer_quick_start(variables)  # as the local Airflow does
        asked = [*command, "--set", name, "--first", last, "--last", last]
        said = subprocess.run(asked, check=True, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True)
    built = json.loads(said.stdout.splitlines()[-1])
    told = _sizes(where, built)
    shutil.rmtree(where.home)
    return {**done.told, **told}


def _history(where: Settings, name: str, engine: Engine) -> Told:
    known = Lake.of(where).sessions("bars")
    return _built(where, name, known[0], known[-1], engine)


def _built(where: Settings, name: str, first: date, last: date, engine: Engine) -> Told:
    with work() as done:
        built = build(where, name, first, last, engine=engine)
    return {**done.told, **_sizes(where, built)}


def _sizes(where: Settings, built: Told) -> Told:
    """What was made: how much, and a digest of all its bytes."""
    lake = Lake.of(where)
    made = [lake.manifest("features", session) for session in lake.sessions("features")]
    digest = hashlib.sha256("".join(manifest.sha256 for manifest in made).encode()).hexdigest()
    return {
        "rows": built["rows"], "sessions": built["sessions"], "features": built["features"],
        "cells": built["rows"] * built["features"], "mib": round(sum(manifest.size for manifest in made) / 2**20, 1),
        "digest": digest[:16],
    }  # fmt: skip
