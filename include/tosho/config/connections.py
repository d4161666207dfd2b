"""Airflow's connections, and what of Tosho's settings each of them overrules.

`jquants_default`: host is the URL, password the key, extra `plan`. `clickhouse_default`: a server instead of the
embedded store. `aws_default`: login and password, extra `endpoint_url` and `region_name`. `mlflow_default`: host is the
tracking URI. `docker_default`: host is the daemon's address. `spark_default`: Spark's master; no setting has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from tosho.config.settings import Settings

SPARK: Final = "spark_default"
THIS_MACHINE: Final = {"conn_type": "spark", "host": "local[*]"}
"""The fields of the connection that is taken where nobody has defined `spark_default`."""


class BrokenConnectionError(ValueError):
    """A connection is written in a way that Airflow could not read."""


@dataclass(frozen=True)
class Connection:
    """A connection outside of Airflow, whose own has the same names."""

    conn_type: str = ""
    host: str | None = None
    port: int | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    extra_dejson: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Connection:
        """Return the connection of some fields, as Airflow writes them in JSON."""
        extra = given.get("extra") or {}
        return cls(
            conn_type=given.get("conn_type") or "",
            host=given.get("host"),
            port=int(given["port"]) if given.get("port") else None,
            schema=given.get("schema"),
            login=given.get("login"),
            password=given.get("password"),
            extra_dejson=json.loads(extra) if isinstance(extra, str) else dict(extra),
        )

    def master(self) -> str:
        """Return the Spark master that this connection means to Airflow's provider of Spark."""
        whole = self.conn_type == "spark" and self.host and ("://" in self.host or not self.port)
        master = str(self.host) if whole else f"{self.conn_type}://{self.host or ''}"
        return f"{master}:{self.port}" if self.port else master


def written(conn_id: str, text: str) -> Connection:
    """Return the connection that a variable AIRFLOW_CONN_<ID> holds, JSON or a URI, as Airflow reads it.

    Raises:
        BrokenConnectionError: It is neither.
    """
    try:
        return Connection.of(json.loads(text)) if text.lstrip().startswith("{") else _of_uri(text)
    except (ValueError, TypeError):
        raise BrokenConnectionError(  # without the text, and what is wrong in it: a password may be there
            f"AIRFLOW_CONN_{conn_id.upper()} cannot be read; it must be a JSON object or a URI such as "
            "type://login:password@host:port. Write it as `airflow connections get -o json` shows one."
        ) from None


def _of_uri(text: str) -> Connection:
    scheme, _, rest = text.partition("://")
    if not rest:
        raise ValueError(scheme)
    protocol, has_protocol, _ = rest.partition("://")  # as in http://https://host
    parts = urlsplit(rest if has_protocol else f"//{rest}")
    host = unquote(parts.hostname or "")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Connection(
        conn_type=scheme.replace("-", "_"),
        host=f"{protocol}://{host}" if has_protocol and host else host,
        port=parts.port,
        schema=unquote(parts.path[1:]),
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        extra_dejson=json.loads(query["__extra__"]) if "__extra__" in query else query,
    )


def with_connections(base: Settings, find: Callable[[str], Connection | None]) -> Settings:
    """Return the settings, each group overruled by its connection where `find` knows one.

    Raises:
        SettingsError: A connection holds a value that cannot be used.
    """
    for conn_id, applied in _APPLIED.items():
        if connection := find(conn_id):
            base = applied(base, connection)
    return Settings.from_environment(base.to_environment())  # a connection's values are held to the same bounds


def _jquants(base: Settings, connection: Connection) -> Settings:
    given = {"url": connection.host, "api_key": connection.password, "plan": connection.extra_dejson.get("plan")}
    return replace(base, jquants=replace(base.jquants, **_present(given)))


def _clickhouse(base: Settings, connection: Connection) -> Settings:
    given = {
        "host": connection.host,
        "port": connection.port,
        "database": connection.schema,
        "user": connection.login,
        "password": connection.password,
    }
    return replace(base, store=replace(base.store, kind="server", **_present(given)))


def _aws(base: Settings, connection: Connection) -> Settings:
    extra = connection.extra_dejson
    given = {
        "access_key": connection.login,
        "secret_key": connection.password,
        "endpoint": extra.get("endpoint_url"),
        "region": extra.get("region_name"),
    }
    return replace(base, s3=replace(base.s3, **_present(given)))


def _mlflow(base: Settings, connection: Connection) -> Settings:
    return replace(base, mlflow=connection.host or base.mlflow)


def _docker(base: Settings, connection: Connection) -> Settings:
    return replace(base, containers=replace(base.containers, docker_url=connection.host or base.containers.docker_url))


def _present(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value not in (None, "")}


_APPLIED: Final[Mapping[str, Callable[[Settings, Connection], Settings]]] = {
    "jquants_default": _jquants,
    "clickhouse_default": _clickhouse,
    "aws_default": _aws,
    "mlflow_default": _mlflow,
    "docker_default": _docker,
}
IDS: Final = (*_APPLIED, SPARK)
"""Every connection that Tosho asks for."""
