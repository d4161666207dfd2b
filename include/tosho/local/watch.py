"""Follow a Dag run and tell a person how it goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tosho.local.airflow import FINAL, AirflowApi
from tosho.local.processes import Processes
from tosho.observability import progress

LOOK_AFTER = 1.0
"""Seconds between two looks, or more: on a busy machine looking takes at most a tenth of the time."""

_TOLD = ("running", "success", "failed", "up_for_retry", "awaiting_input")


class RunFailedError(RuntimeError):
    """A Dag run ended in failure; the message ends with the failed task's log."""


@dataclass(frozen=True)
class TaskTime:
    """One line of the table of where the time went."""

    task: str
    waited: float  # seconds from the moment its upstream was done to its start
    ran: float


@dataclass
class Watch:
    """Prints what runs do. `peak` is the most memory that all local processes held at once, in bytes."""

    api: AirflowApi
    processes: Processes
    say: Callable[[str], None]
    progress_file: Path
    peak: int = 0

    def run(self, dag_id: str, label: str, conf: dict[str, object]) -> tuple[str, list[TaskTime]]:
        """Trigger a Dag, follow the run to its end, and return its id and where the time went.

        Raises:
            RunFailedError: The run failed.
        """
        began = time.monotonic()
        self.progress_file.unlink(missing_ok=True)
        run_id = self.api.trigger(dag_id, conf)
        told: set[tuple[str, str]] = set()
        state, took = "queued", 0.0
        while state not in FINAL:
            time.sleep(max(LOOK_AFTER, 9 * took))
            looked = time.monotonic()
            self.peak = max(self.peak, self.processes.memory())
            for task in self.api.tasks(dag_id, run_id):
                self._tell(dag_id, run_id, label, task, told, time.monotonic() - began)
            state = self.api.run(dag_id, run_id)["state"]
            took = time.monotonic() - looked
        if state == "failed":
            raise RunFailedError(self._why(dag_id, run_id, label))
        return run_id, times(self.api.run(dag_id, run_id), self.api.tasks(dag_id, run_id))

    def _tell(  # noqa: PLR0913
        self, dag_id: str, run_id: str, label: str, task: dict[str, Any], told: set[tuple[str, str]], elapsed: float
    ) -> None:
        name, state = _name(task), task["state"]
        if state == "running" and (name, state) in told:
            self._tell_progress(label, name, told, elapsed)
        if state not in _TOLD or (name, state) in told:
            return
        told.add((name, state))
        self.progress_file.unlink(missing_ok=True)  # what it says is of the task before
        returned = self.api.result(dag_id, run_id, task["task_id"], task["map_index"]) if state == "success" else None
        detail = _rows(returned)
        self.say(f"  {elapsed:6.1f} s  {label}  {name:<15} {state:<8} {detail}".rstrip())

    def _tell_progress(self, label: str, name: str, told: set[tuple[str, str]], elapsed: float) -> None:
        now = progress.latest(self.progress_file)
        line = "{stage} {done:,} of {total:,} ({what})".format(**now) if now else ""
        if line and ("", line) not in told:
            told.add(("", line))
            self.say(f"  {elapsed:6.1f} s  {label}  {name:<15} {line}")

    def _why(self, dag_id: str, run_id: str, label: str) -> str:
        failed = next((t for t in self.api.tasks(dag_id, run_id) if t["state"] == "failed"), None)
        if failed is None:
            return f"{label} failed before any task ran."
        log = self.api.log(dag_id, run_id, failed["task_id"], failed["try_number"], failed["map_index"])
        return f"{label}: task {_name(failed)} failed. Its log ends:\n{log}"


def times(run: dict[str, Any], tasks: list[dict[str, Any]]) -> list[TaskTime]:
    """Return where a finished run's time went: its tasks in the order in which they started."""
    done = [task for task in tasks if task["start_date"] and task["end_date"]]
    table, free = [], _moment(run["queued_at"])
    for task in sorted(done, key=lambda task: task["start_date"]):
        start, end = _moment(task["start_date"]), _moment(task["end_date"])
        table.append(TaskTime(_name(task), max(0.0, start - free), end - start))
        free = end
    table.append(TaskTime("(run closed)", max(0.0, _moment(run["end_date"]) - free), 0.0))
    return table


def _name(task: dict[str, Any]) -> str:
    """Return a task's name; of a mapped one, what it is mapped over stands behind it."""
    mapped_over = task["rendered_map_index"] or task["map_index"]
    return str(task["task_id"]) if task["map_index"] < 0 else f"{task['task_id']}[{mapped_over}]"


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _rows(result: Any) -> str:  # noqa: ANN401 - whatever the task returned
    return f"{result['rows']:,} rows" if isinstance(result, dict) and isinstance(result.get("rows"), int) else ""
