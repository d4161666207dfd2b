"""A standalone Spark cluster on loopback: a master and workers, begun and ended with a block."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tosho.local.environment import free_ports

BIN = Path(sys.executable).parent
WITHIN = 120  # seconds that a daemon may take to be ready
DAEMON = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_MASTER_OPTS": "-Dspark.master.rest.enabled=false"}
OWN = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}


class NotReadyError(RuntimeError):
    """A daemon of the cluster did not come up."""


@contextmanager
def loopback() -> Iterator[dict[str, str]]:
    """Keep Spark of this process and below it on loopback, with the driver's memory that the Dags ask for."""
    before = dict(os.environ)
    os.environ.update(OWN, PYSPARK_SUBMIT_ARGS="--driver-memory 2g pyspark-shell")
    try:
        yield {name: value for name, value in os.environ.items() if name != "PYSPARK_SUBMIT_ARGS"}
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def cluster(folder: Path, *, workers: int, cores: int) -> Iterator[str]:
    """Give the address of a cluster of some workers with some cores each; all its processes end with the block.

    Raises:
        NotReadyError: A daemon did not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_ports(1)[0]
    with ExitStack() as stack:
        at = ["--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(_daemon(folder / "master.log", "master.Master", at))
        _await(folder / "master.log", "New state: ALIVE", 1)
        url = f"spark://127.0.0.1:{port}"
        for number in range(workers):
            own = ["--host", "127.0.0.1", "--cores", str(cores), "--memory", "2g"]
            own += ["--work-dir", str(folder / f"work{number}"), url]
            stack.enter_context(_daemon(folder / f"worker{number}.log", "worker.Worker", own))
        _await(folder / "master.log", "Registering worker", workers)
        yield url


@contextmanager
def _daemon(log: Path, name: str, arguments: list[str]) -> Iterator[None]:
    command = [str(BIN / "spark-class"), f"org.apache.spark.deploy.{name}", "--webui-port", "0", *arguments]
    with log.open("wb") as out:
        process = subprocess.Popen(command, env={**os.environ, **OWN, **DAEMON}, stdout=out, stderr=out)
    try:
        yield
    finally:
        process.terminate()  # spark-class becomes the JVM; a worker ends its executors
        process.wait(WITHIN)


def _await(log: Path, line: str, times: int) -> None:
    until = time.monotonic() + WITHIN
    while (text := log.read_text(errors="replace")).count(line) < times:
        if time.monotonic() > until:
            raise NotReadyError(
                f"Spark did not say {line!r} {times} times within {WITHIN} s; its log ends:\n{text[-800:]}"
            )
        time.sleep(0.1)
