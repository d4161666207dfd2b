"""`tosho doctor`: what this installation can and cannot do, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from tosho.commands import looks
from tosho.commands.looks import Finding
from tosho.config import Settings
from tosho.config.connections import SPARK, with_connections
from tosho.local import connections
from tosho.local.connections import Connections


def doctor(verbose: Annotated[bool, typer.Option(help="Print the settings too, without secrets.")] = False) -> None:  # noqa: FBT002
    """Check Java, Docker, the calendar's bound, and whether what each Airflow connection leads to answers."""
    defined, airflow = _connections()
    settings = with_connections(Settings.from_environment(), defined.found.get)
    findings = [airflow, *(_sourced(look(settings), conn_id, defined) for look, conn_id in _looks(defined))]
    for finding in findings:
        mark = "ok     " if finding.well else ("MISSING" if finding.needed else "absent ")
        typer.echo(f"{mark}  {finding.what:<12} {finding.detail}")
    if verbose:
        typer.echo(repr(settings))
    raise typer.Exit(0 if all(finding.well or not finding.needed for finding in findings) else 1)


def _sourced(finding: Finding, conn_id: str, defined: Connections) -> Finding:
    """Return a finding that ends with the connection that it is about, and where that is defined."""
    return finding._replace(detail=f"{finding.detail} [{conn_id}: {defined.place(conn_id)}]") if conn_id else finding


def _looks(defined: Connections) -> list[tuple[Callable[[Settings], Finding], str]]:
    """Return every look, with the connection that overrules the settings which it asks about."""
    return [
        (looks.java_runtime, ""),
        (partial(looks.spark, defined.found.get(SPARK)), SPARK),
        (looks.docker_daemon, "docker_default"),
        (looks.calendar_bound, ""),
        (looks.lake, "aws_default"),
        (looks.jquants, "jquants_default"),
        (looks.store, "clickhouse_default"),
        (looks.models, "mlflow_default"),
    ]


def _connections() -> tuple[Connections, Finding]:
    """Return the connections of this environment's Airflow, and what is to be said of Airflow itself.

    Its database is asked only where the environment leaves something open: Airflow takes seconds to start.
    """
    defined = connections.of_environment()
    if not (missing := defined.missing()):
        return defined, Finding("Airflow", well=True, detail="Every connection is defined in the environment.")
    if not connections.has_database():
        where = f"{connections.airflow_home()} holds no Airflow that has run"
        told = f"{where}; connections are those of the environment (AIRFLOW_CONN_*)."
        return defined, Finding("Airflow", well=False, detail=told, needed=False)
    try:
        found = connections.of_database(missing)
    except connections.NoAnswerError as error:
        return defined, Finding("Airflow", well=False, detail=str(error))
    told = ", ".join(sorted(found)) or "none of the connections that the environment leaves open"
    finding = Finding("Airflow", well=True, detail=f"Its database defines {told}.")
    return defined.beside(found, connections.DATABASE), finding
