"""A real standalone Spark cluster on loopback for tests: a master, workers, and spark-submit against it.

with cluster(tmp_path) as spark:
    done = spark.submit("jobs/spark/build_features.py", "--first", ..., env=settings.to_environment())
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from tosho.config.spark_jvm import OPTIONS

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
STARTED_WITHIN = 60  # seconds; on a busy machine two JVMs take 15


@dataclass(frozen=True)
class SparkCluster:
    """A running cluster: its address, and the processes that make it."""

    host: str
    port: int
    master_process: psutil.Process
    worker_processes: tuple[psutil.Process, ...]

    @property
    def master(self) -> str:
        """What spark-submit's `--master` takes."""
        return f"spark://{self.host}:{self.port}"

    def submit(self, script: str, *arguments: str, **more) -> subprocess.CompletedProcess[str]:
        """Run a job of the project on this cluster and return how it ended."""
        return submit(self.master, script, *arguments, **more)


@contextmanager
def cluster(folder: Path, workers: int = 2, cores: int = 1, memory: str = "1g") -> Iterator[SparkCluster]:
    """Start a master and workers, wait until all are registered, and end them, executors included, by PID."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with ExitStack() as stack:
        master = stack.enter_context(
            _daemon(folder / "master.log", "master.Master", "--host", "127.0.0.1", "--port", str(port))
        )
        _wait_for(folder / "master.log", "New state: ALIVE", 1, master)
        started = tuple(
            stack.enter_context(
                _daemon(
                    folder / f"worker{i}.log",
                    *("worker.Worker", "--host", "127.0.0.1", "--cores", str(cores), "--memory", memory),
                    *("--work-dir", str(folder / f"work{i}"), f"spark://127.0.0.1:{port}"),
                )
            )
            for i in range(workers)
        )
        _wait_for(folder / "master.log", "Registering worker", workers, master)
        yield SparkCluster("127.0.0.1", port, master, started)


def submit(
    master: str,
    script: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    conf: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run spark-submit as SparkSubmitOperator does, the driver on this machine, and return how it ended."""
    with submitting(master, script, *arguments, env=env, conf=conf, options=options) as process:
        out, _ = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, "")


@contextmanager
def submitting(
    master: str,
    script: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    conf: Mapping[str, str] | None = None,
    options: tuple[str, ...] = (),
) -> Iterator[subprocess.Popen[str]]:
    """Start spark-submit, stderr with stdout, and end it and its children when the block ends."""
    own = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1"}
    settings = own | {"spark.executor.extraJavaOptions": OPTIONS} | dict(conf or {})
    given = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    process = subprocess.Popen(
        [str(BIN / "spark-submit"), "--master", master, *given, *options, str(ROOT / script), *arguments],
        cwd=ROOT,
        env=_environment() | {"PYTHONPATH": str(ROOT / "include"), "PYSPARK_PYTHON": sys.executable} | dict(env or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        _end(process.pid)
        process.communicate()


def free_port() -> int:
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment() -> dict[str, str]:
    """This process's variables, with every Spark process told to stay on loopback."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("SPARK_", "PYSPARK_", "TOSHO_"))}
    own = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_SUBMIT_OPTS": OPTIONS, "SPARK_DAEMON_JAVA_OPTS": OPTIONS}
    return inherited | own | {"PATH": f"{BIN}:{os.environ['PATH']}"}


@contextmanager
def _daemon(log: Path, name: str, *arguments: str) -> Iterator[psutil.Process]:
    options = "-Dspark.master.rest.enabled=false"  # an open port that runs what it is sent
    daemon = {"SPARK_DAEMON_MEMORY": "256m", "SPARK_MASTER_OPTS": options, "SPARK_WORKER_OPTS": options}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(BIN / "spark-class"), f"org.apache.spark.deploy.{name}", "--webui-port", "0", *arguments],
            env=_environment() | daemon,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        _end(process.pid)
        process.wait(10)


def _wait_for(log: Path, line: str, times: int, process: psutil.Process) -> None:
    end = time.monotonic() + STARTED_WITHIN
    while log.read_text(errors="replace").count(line) < times:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE or time.monotonic() > end:
            raise RuntimeError(
                f"Spark did not say {line!r} {times} time(s) within {STARTED_WITHIN} s; its log ends:\n"
                f"{log.read_text(errors='replace')[-2000:]}"
            )
        time.sleep(0.1)


def _end(pid: int) -> None:
    """End a process and all it started: politely, then not."""
    if not psutil.pid_exists(pid):
        return
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.terminate()
    _, alive = psutil.wait_procs(family, timeout=5)
    for member in alive:
        with suppress(psutil.NoSuchProcess):
            member.kill()
