"""What `tosho doctor` looks at: each look asks one part of an installation whether it answers."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime
from typing import NamedTuple

from tosho.calendar import bound_warning, sessions_left
from tosho.config import Settings
from tosho.config.connections import SPARK, THIS_MACHINE, Connection
from tosho.config.java import NoJavaError, java


class Finding(NamedTuple):
    """One thing looked at. `needed` findings that are not well make the command fail."""

    what: str
    well: bool
    detail: str
    needed: bool = True


def java_runtime(_: Settings) -> Finding:
    """Look for the Java runtime that Spark takes."""
    try:
        return Finding("Java", well=True, detail=java())
    except NoJavaError as error:
        return Finding("Java", well=False, detail=str(error))


def spark(connection: Connection | None, _: Settings) -> Finding:
    """Ask the masters of a Spark cluster; without a connection Spark runs on this machine."""
    master = (connection or Connection.of(THIS_MACHINE)).master()
    if re.fullmatch(r"local(\[.+\])?", master):
        return Finding("Spark", well=True, detail=f"{master}, on this machine.")
    if not master.startswith("spark://"):
        told = f"Whether {master} answers is not asked here: only local[...] and spark://host:port are."
        return Finding("Spark", well=False, detail=told, needed=False)
    silent = [told for address in master.removeprefix("spark://").split(",") if (told := _refusal(address))]
    if len(silent) > master.count(","):  # of several, standbys among them, one is enough
        mend = f"Start it, or mend connection {SPARK}."
        return Finding("Spark", well=False, detail=f"No master answers at {master} ({'; '.join(silent)}). {mend}")
    return Finding("Spark", well=True, detail=f"{master} answers.")


def _refusal(address: str) -> str:
    """Return why nobody can be reached at `host:port`; empty where somebody listens."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal()):
        return f"{address!r} must be host:port, such as {address}:7077"
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=3).close()
    except (OSError, OverflowError) as error:
        return f"{address}: {error}"
    return ""


def docker_daemon(settings: Settings) -> Finding:
    """Ask the Docker daemon; where containers are not demanded, a process does without."""
    import docker

    needed = settings.containers.runtime == "docker"
    try:
        client = docker.DockerClient(base_url=settings.containers.docker_url, timeout=3)
        version = client.version()["Version"]
    except docker.errors.DockerException:
        instead = "start it." if needed else "training runs as a process of this machine instead."
        return Finding("Docker", False, f"No daemon answers at {settings.containers.docker_url}; {instead}", needed)
    return Finding("Docker", well=True, detail=f"{version} at {settings.containers.docker_url}")


def calendar_bound(_: Settings) -> Finding:
    """Look how far the known calendar reaches."""
    now = datetime.now(UTC)
    warning = bound_warning(now)
    return Finding("Calendar", not warning, warning or f"{sessions_left(now):,} sessions are known ahead.")


def lake(settings: Settings) -> Finding:
    """Write into the lake."""
    from tosho.storage import Files

    files = Files(settings.lake, settings.s3)
    try:
        files.write("doctor", b"written by tosho doctor")
        files.delete("doctor")
    except OSError as error:
        return Finding("Lake", well=False, detail=str(error))
    s3 = settings.s3.endpoint
    if s3 and not settings.lake.startswith("s3://"):
        return Finding("Lake", well=True, detail=f"{settings.lake} can be written; S3 at {s3} is not used.")
    return Finding("Lake", well=True, detail=f"{settings.lake}{f' at {s3}' if s3 else ''} can be written.")


def jquants(settings: Settings) -> Finding:
    """Ask J-Quants whether it accepts the key."""
    import httpx

    from tosho.ingest import JQuantsClient

    if not settings.jquants.api_key:
        return Finding(
            "J-Quants", well=False, detail="No key: set TOSHO_JQUANTS_API_KEY or connection jquants_default."
        )
    try:
        # to be told now, not when it may have passed
        with JQuantsClient(settings.jquants, attempts=1, home=settings.home) as client:
            client.probe()
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        return Finding("J-Quants", well=False, detail=str(error))
    told = f"{settings.jquants.url} accepts the key, plan {settings.jquants.plan}."
    return Finding("J-Quants", well=True, detail=f"{told} `python -m tosho jquants probe` asks what it can fill.")


def store(settings: Settings) -> Finding:
    """Ask the store of predictions."""
    from tosho.predictions import open_store

    try:
        open_store(settings.store).ping()
    except (OSError, ValueError, RuntimeError) as error:
        return Finding("Predictions", well=False, detail=str(error))
    where = settings.store.uri if settings.store.kind == "embedded" else f"{settings.store.host}:{settings.store.port}"
    return Finding("Predictions", well=True, detail=f"{settings.store.kind} store at {where}")


def models(settings: Settings) -> Finding:
    """Ask MLflow which model serves."""
    from mlflow.exceptions import MlflowException

    from tosho.models.registry import NoModelError, Registry

    if silence := _silence(settings.mlflow):
        return Finding("Models", well=False, detail=silence)
    try:
        served, _ = Registry(settings).in_service()
    except NoModelError as error:
        return Finding("Models", well=False, detail=str(error), needed=False)
    except (OSError, ValueError, RuntimeError, MlflowException) as error:
        return Finding("Models", well=False, detail=f"{settings.mlflow}: {error}")
    return Finding("Models", well=True, detail=f"{settings.mlflow} serves {served.name} version {served.version}.")


def _silence(mlflow: str) -> str:
    """Return why a tracking server does not answer; empty where one does, and where there is none."""
    if not mlflow.startswith(("http://", "https://")):
        return ""
    import httpx

    try:
        httpx.get(f"{mlflow.rstrip('/')}/health", timeout=5).raise_for_status()  # its own client tries for minutes
    except httpx.HTTPError as error:
        return f"No MLflow answers at {mlflow} ({error}). Start it, or mend TOSHO_MLFLOW or connection mlflow_default."
    return ""
