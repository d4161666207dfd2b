"""Airflow's connections, turned into Tosho's settings: see `tosho.config.connections` for what each means."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from tosho.config import Settings, connections


def with_connections(base: Settings) -> Settings:
    """Return the settings, each group overruled by its connection where one is defined.

    Raises:
        SettingsError: A connection holds a value that cannot be used.
    """
    return connections.with_connections(base, find)


def find(conn_id: str) -> Any:  # noqa: ANN401 - airflow.sdk.Connection, which mypy does not see in dags/
    """Return a connection; None says that nobody has defined it."""
    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        return None  # not defined: the environment's settings hold
