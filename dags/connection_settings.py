"""Airflow's connections, turned into Tosho's settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from tosho.config import Settings


def with_connections(base: Settings) -> Settings:
    """Return the settings, each group overruled by its connection where one is defined.

    `jquants_default`: host is the URL, password the key, extra `plan`. `clickhouse_default`: a server instead of
    the embedded store. `aws_default`: login and password, extra `endpoint_url` and `region_name`.
    `mlflow_default`: host is the tracking URI. `docker_default`: host is the daemon's address.

    Raises:
        SettingsError: A connection holds a value that cannot be used.
    """
    for conn_id, applied in _APPLIED.items():
        if connection := find(conn_id):
            base = applied(base, connection)
    return Settings.from_environment(base.to_environment())  # a connection's values are held to the same bounds


def find(conn_id: str) -> Any:  # noqa: ANN401 - airflow.sdk.Connection, which mypy does not see in dags/
    """Return a connection; None says that nobody has defined it."""
    try:
        return Connection.get(conn_id)
    except AirflowNotFoundException:
        return None  # not defined: the environment's settings hold


def _jquants(base: Settings, connection: Any) -> Settings:  # noqa: ANN401
    given = {"url": connection.host, "api_key": connection.password, "plan": connection.extra_dejson.get("plan")}
    return replace(base, jquants=replace(base.jquants, **_present(given)))


def _clickhouse(base: Settings, connection: Any) -> Settings:  # noqa: ANN401
    given = {
        "host": connection.host,
        "port": connection.port,
        "database": connection.schema,
        "user": connection.login,
        "password": connection.password,
    }
    return replace(base, store=replace(base.store, kind="server", **_present(given)))


def _aws(base: Settings, connection: Any) -> Settings:  # noqa: ANN401
    extra = connection.extra_dejson
    given = {
        "access_key": connection.login,
        "secret_key": connection.password,
        "endpoint": extra.get("endpoint_url"),
        "region": extra.get("region_name"),
    }
    return replace(base, s3=replace(base.s3, **_present(given)))


def _mlflow(base: Settings, connection: Any) -> Settings:  # noqa: ANN401
    return replace(base, mlflow=connection.host or base.mlflow)


def _docker(base: Settings, connection: Any) -> Settings:  # noqa: ANN401
    return replace(base, containers=replace(base.containers, docker_url=connection.host or base.containers.docker_url))


def _present(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in (None, "")}


_APPLIED = {
    "jquants_default": _jquants,
    "clickhouse_default": _clickhouse,
    "aws_default": _aws,
    "mlflow_default": _mlflow,
    "docker_default": _docker,
}
