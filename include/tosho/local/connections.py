"""The connections that Airflow would find on this machine: those of the environment, and those of its database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tosho.config.connections import IDS, Connection, written

DATABASE = "Airflow's database"
ANSWERS_WITHIN = 60  # seconds
_RAISED = re.compile(r"^[\w.]+(?:Error|Exception): .*$", re.MULTILINE)  # what a traceback ends with; more may follow
_SQL = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_EXPORT = [sys.executable, "-W", "ignore", "-m", "airflow", "connections", "export", "-", "--file-format", "json"]


class NoAnswerError(RuntimeError):
    """Airflow could not say which connections its database holds."""


@dataclass(frozen=True)
class Connections:
    """What was found: connections by id, and the place where each of them is defined."""

    found: Mapping[str, Connection] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def place(self, conn_id: str) -> str:
        """Return where a connection is defined, or that it is not."""
        return self.places.get(conn_id, "not defined")

    def missing(self) -> list[str]:
        """Return the connections of Tosho that are not defined."""
        return [conn_id for conn_id in IDS if conn_id not in self.found]

    def beside(self, others: Mapping[str, Connection], place: str) -> Connections:
        """Return these and, of others, those that are missing: the environment comes first in Airflow, too."""
        more = {conn_id: others[conn_id] for conn_id in self.missing() if conn_id in others}
        return Connections({**self.found, **more}, {**self.places, **dict.fromkeys(more, place)})


def of_environment(environment: Mapping[str, str] = os.environ) -> Connections:
    """Return the connections that are defined as variables AIRFLOW_CONN_<ID>.

    Raises:
        BrokenConnectionError: One of them cannot be read.
    """
    names = {conn_id: f"AIRFLOW_CONN_{conn_id.upper()}" for conn_id in IDS}
    places = {conn_id: name for conn_id, name in names.items() if environment.get(name)}
    return Connections({conn_id: written(conn_id, environment[name]) for conn_id, name in places.items()}, places)


def has_database(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether an Airflow of this environment has a database: one is named, or its home has been used."""
    home = airflow_home(environment)
    return any(name.startswith(_SQL) for name in environment) or (home / "airflow.cfg").exists()


def airflow_home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the home of this environment's Airflow."""
    return Path(environment.get("AIRFLOW_HOME") or "~/airflow").expanduser()


def of_database(wanted: Iterable[str]) -> dict[str, Connection]:
    """Return connections of Airflow's database. It is asked by its own command, which knows the key to passwords.

    Raises:
        NoAnswerError: The command failed.
    """
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            _EXPORT, capture_output=True, text=True, check=True, timeout=ANSWERS_WITHIN
        )
        told = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        raise _silent((_RAISED.findall(error.stderr) or ["its command failed"])[-1]) from error
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise _silent(f"{type(error).__name__} from `airflow connections export`") from error
    return {conn_id: Connection.of(told[conn_id]) for conn_id in wanted if conn_id in told}


def _silent(why: str) -> NoAnswerError:
    return NoAnswerError(
        f"Airflow's database did not say which connections it holds: {why}. Mend it (`airflow db check`, `airflow db "
        "migrate`), or define every connection as AIRFLOW_CONN_<ID>."
    )
