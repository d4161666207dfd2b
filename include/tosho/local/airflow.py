"""The local Airflow: its processes, and its REST API for those who drive it from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tosho.local.environment import LOCALHOST, USER, Workplace
from tosho.local.processes import Processes

FINAL = ("success", "failed")
_HARMLESS = ("GET", "PATCH")
"""What may be asked twice: what a PATCH says of a Dag or a run (paused, failed) is so afterwards however often said."""
_AIRFLOW = [sys.executable, "-W", "ignore", "-m", "airflow"]
_PARTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],  # its log server would listen on every interface
    "dag-processor": ["dag-processor"],
}


class AirflowError(RuntimeError):
    """The local Airflow answered with an error, or did not answer in time."""


def run(place: Workplace, arguments: Sequence[str]) -> int:
    """Run one of Airflow's own commands in the local installation and return its exit status."""
    return subprocess.run([*_AIRFLOW, *arguments], env=place.variables(), check=False).returncode  # noqa: S603


def start(place: Workplace, processes: Processes) -> None:
    """Migrate the database and start api-server, scheduler and dag-processor, unless they run.

    Raises:
        AirflowError: The migration failed.
        ProcessDiedError: A process did not come up.
    """
    variables = place.variables()
    if not processes.running("api-server"):
        done = subprocess.run(  # noqa: S603
            [*_AIRFLOW, "db", "migrate"], env=variables, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise AirflowError(f"`airflow db migrate` failed:\n{done.stderr[-2000:]}")
    for name, arguments in _PARTS.items():
        processes.start(name, [*_AIRFLOW, *arguments], variables, place.logs / f"{name}.log")
    processes.wait("api-server", lambda: _answers(f"{place.airflow_url()}/api/v2/version"), seconds=120)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@dataclass
class AirflowApi:
    """Airflow's REST API, logged in as the local administrator."""

    place: Workplace
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    def wait_for_dag(self, dag_id: str, seconds: float = 120) -> None:
        """Wait until the dag-processor has read a Dag, then unpause it.

        Raises:
            AirflowError: It was not there in time; import errors are quoted.
        """
        until = time.monotonic() + seconds
        while self._call("GET", f"dags/{dag_id}", missing_ok=True) is None:
            if time.monotonic() > until:
                errors = self._call("GET", "importErrors") or {}
                raise AirflowError(f"Dag {dag_id} was not read within {seconds:.0f} s. Import errors: {errors}")
            time.sleep(0.5)

    def unpause(self, dag_id: str) -> None:
        """Let a Dag's runs advance."""
        self._call("PATCH", f"dags/{dag_id}", {"is_paused": False})

    def end_unfinished(self, dag_id: str) -> None:
        """Mark runs that still count as running as failed: their processes are gone."""
        for state in ("running", "queued"):
            answer = self._call("GET", f"dags/{dag_id}/dagRuns?state={state}&limit=100") or {}
            for run in answer["dag_runs"]:
                self._call("PATCH", f"dags/{dag_id}/dagRuns/{run['dag_run_id']}", {"state": "failed"})

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> str:
        """Start a run with parameters and return its id."""
        run_id = f"manual__{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf)}
        answer = self._call("POST", f"dags/{dag_id}/dagRuns", body) or {}
        return str(answer["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run's record."""
        return self._call("GET", f"dags/{dag_id}/dagRuns/{run_id}") or {}

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the task instances of a run."""
        answer = self._call("GET", f"dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100") or {}
        return list(answer["task_instances"])

    def result(self, dag_id: str, run_id: str, task_id: str, index: int = -1) -> Any:  # noqa: ANN401 - what it returned
        """Return what a task handed back; `index` is that of a mapped one."""
        task = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        path = f"{task}/xcomEntries/return_value?deserialize=true&map_index={index}"
        return (self._call("GET", path, missing_ok=True) or {}).get("value")

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int, index: int = -1) -> str:
        """Return the end of a task's log as text; `index` is that of a mapped one."""
        task = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        path = f"{task}/logs/{max(1, attempt)}?full_content=true&map_index={index}"
        answer = self._call("GET", path, missing_ok=True) or {}
        return "\n".join([said for line in answer.get("content", []) for said in _said(line)][-25:])

    def _call(self, method: str, path: str, body: object = None, *, missing_ok: bool = False) -> dict[str, Any] | None:
        if "Authorization" not in self._client.headers:
            self._log_in()
        answer = self._request(method, f"{self.place.airflow_url()}/api/v2/{path}", body)
        if missing_ok and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            raise AirflowError(f"Airflow answered {method} {path} with {answer.status_code}: {answer.text[:500]}")
        return dict(answer.json())

    def _request(self, method: str, url: str, body: object, attempts: int = 5) -> httpx.Response:
        """Ask, and ask again where that is harmless: a busy machine answers late now and then."""
        try:
            return self._client.request(method, url, json=body)
        except httpx.HTTPError as error:
            if method not in _HARMLESS or attempts == 1:
                raise AirflowError(f"Airflow did not answer {method} {url}: {error!r}") from error
        time.sleep(1)
        return self._request(method, url, body, attempts - 1)

    def _log_in(self) -> None:
        login = {"username": USER, "password": self.place.state()["password"]}
        answer = self._request("POST", f"{self.place.airflow_url()}/auth/token", login)
        if answer.is_error:
            raise AirflowError(f"The login at {self.place.airflow_url()} failed with {answer.status_code}.")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _said(line: object) -> list[str]:
    """Return the readable part of a log line: its event, and the sentences of the exceptions that it carries."""
    if not isinstance(line, dict):
        return [str(line)]
    event = str(line.get("event", line))
    errors = [f"{each['exc_type']}: {each['exc_value']}" for each in line.get("error_detail") or []]
    return [*([] if event.startswith("::") else [event]), *errors]


def listens_beyond_loopback(processes: Processes) -> list[str]:
    """Return the addresses on which recorded processes listen and that are not loopback's."""
    found = []
    for name in processes.names():
        if process := processes.running(name):
            for member in [process, *process.children(recursive=True)]:
                found += [
                    f"{name}: {connection.laddr.ip}:{connection.laddr.port}"
                    for connection in member.net_connections("tcp")
                    if connection.status == "LISTEN" and connection.laddr.ip not in (LOCALHOST, "::1")
                ]
    return found


def workplace(project: Path, home: Path) -> Workplace:
    """Return the local installation of a project folder."""
    return Workplace(project.resolve(), home.resolve())


def here() -> tuple[Workplace, Processes]:
    """Return the local installation of the working directory and its processes."""
    place = workplace(Path.cwd(), Path(os.environ.get("TOSHO_HOME") or ".tosho"))
    return place, Processes(place.home / "processes")
