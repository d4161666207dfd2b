"""`tosho doctor`: what this installation can and cannot do, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, NamedTuple

import httpx
import typer

from tosho.calendar import bound_warning, sessions_left
from tosho.config import Settings
from tosho.config.java import NoJavaError, java
from tosho.storage import Files


class Finding(NamedTuple):
    """One thing looked at. `needed` findings that are not well make the command fail."""

    what: str
    well: bool
    detail: str
    needed: bool = True


def doctor(verbose: Annotated[bool, typer.Option(help="Print the settings too, without secrets.")] = False) -> None:  # noqa: FBT002
    """Check Java, Docker, the calendar's bound and every connection; say what is missing."""
    settings = Settings.from_environment()
    findings = [look(settings) for look in LOOKS]
    for finding in findings:
        mark = "ok     " if finding.well else ("MISSING" if finding.needed else "absent ")
        typer.echo(f"{mark}  {finding.what:<12} {finding.detail}")
    if verbose:
        typer.echo(repr(settings))
    raise typer.Exit(0 if all(finding.well or not finding.needed for finding in findings) else 1)


def _java(_: Settings) -> Finding:
    try:
        return Finding("Java", well=True, detail=java())
    except NoJavaError as error:
        return Finding("Java", well=False, detail=str(error))


def _docker(settings: Settings) -> Finding:
    import docker

    needed = settings.containers.runtime == "docker"
    try:
        client = docker.DockerClient(base_url=settings.containers.docker_url, timeout=3)
        version = client.version()["Version"]
    except docker.errors.DockerException:
        instead = "start it." if needed else "training runs as a process of this machine instead."
        return Finding("Docker", False, f"No daemon answers at {settings.containers.docker_url}; {instead}", needed)
    return Finding("Docker", well=True, detail=f"{version} at {settings.containers.docker_url}")


def _calendar(_: Settings) -> Finding:
    now = datetime.now(UTC)
    warning = bound_warning(now)
    return Finding("Calendar", not warning, warning or f"{sessions_left(now):,} sessions are known ahead.")


def _lake(settings: Settings) -> Finding:
    files = Files(settings.lake, settings.s3)
    try:
        files.write("doctor", b"written by tosho doctor")
        files.delete("doctor")
    except OSError as error:
        return Finding("Lake", well=False, detail=str(error))
    return Finding("Lake", well=True, detail=f"{settings.lake} can be written.")


def _jquants(settings: Settings) -> Finding:
    from tosho.ingest import JQuantsClient

    if not settings.jquants.api_key:
        return Finding(
            "J-Quants", well=False, detail="No key: set TOSHO_JQUANTS_API_KEY or connection jquants_default."
        )
    try:
        with JQuantsClient(settings.jquants, home=settings.home) as client:
            client.probe()
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        return Finding("J-Quants", well=False, detail=str(error))
    told = f"{settings.jquants.url} accepts the key, plan {settings.jquants.plan}."
    return Finding("J-Quants", well=True, detail=f"{told} `python -m tosho jquants probe` asks what it can fill.")


def _store(settings: Settings) -> Finding:
    from tosho.predictions import open_store

    try:
        open_store(settings.store).ping()
    except (OSError, ValueError, RuntimeError) as error:
        return Finding("Predictions", well=False, detail=str(error))
    where = settings.store.uri if settings.store.kind == "embedded" else f"{settings.store.host}:{settings.store.port}"
    return Finding("Predictions", well=True, detail=f"{settings.store.kind} store at {where}")


def _mlflow(settings: Settings) -> Finding:
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
    try:
        httpx.get(f"{mlflow.rstrip('/')}/health", timeout=5).raise_for_status()  # its own client tries for minutes
    except httpx.HTTPError as error:
        return f"No MLflow answers at {mlflow} ({error}). Start it, or mend TOSHO_MLFLOW or connection mlflow_default."
    return ""


LOOKS: tuple[Callable[[Settings], Finding], ...] = (_java, _docker, _calendar, _lake, _jquants, _store, _mlflow)
