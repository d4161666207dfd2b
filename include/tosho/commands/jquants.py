"""`tosho jquants`: what the subscription gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from tosho.config import Settings
from tosho.observability.log import log_to_stderr

if TYPE_CHECKING:
    from tosho.ingest.capabilities import Capability
    from tosho.ingest.jquants import JQuantsClient

app = typer.Typer(no_args_is_help=True, help="Look at the J-Quants subscription.")

_ATTEMPTS = 3


@app.callback()
def _group() -> None:
    """Keep `probe` a command of its own, though it is the only one."""


@app.command()
def probe() -> None:
    """Ask every endpoint what the key can fill; exits with 1 when that is less than the declared plan has."""
    from tosho.ingest.capabilities import lacking
    from tosho.ingest.jquants import JQuantsClient

    installation = Settings.from_environment()
    settings = installation.jquants
    if not settings.api_key:
        raise typer.BadParameter("There is no key: set TOSHO_JQUANTS_API_KEY or the connection jquants_default.")
    log_to_stderr()
    with JQuantsClient(settings, attempts=_ATTEMPTS, home=installation.home) as client:
        found = _asked(client)
    _print_table(found, client)
    missing = lacking(found, settings.plan)
    _print_verdict(found, client)
    raise typer.Exit(1 if missing else 0)


def _asked(client: JQuantsClient) -> dict[str, Capability]:
    """Return what each endpoint said, with progress on standard error: the free plan takes minutes."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from tosho.ingest.capabilities import capabilities
    from tosho.ingest.plans import PLANS

    console = Console(stderr=True)
    count = len(PLANS["premium"].endpoints)
    console.print(f"{count} questions; plan {client.plan} allows {client.terms.per_minute} a minute.")
    columns = (SpinnerColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("/markets/calendar", total=count)

        def told(endpoint: str, one: Capability) -> None:
            progress.update(task, advance=1, description=f"{endpoint}: {one.state}")

        return capabilities(client, told)


def _print_table(found: Mapping[str, Capability], client: JQuantsClient) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from tosho.ingest.sources import SOURCES

    table = Table(title=f"{client!r}", title_justify="left")
    table.add_column("Endpoint", no_wrap=True)
    table.add_column("Table", no_wrap=True)
    table.add_column("In plan")
    table.add_column("Key", no_wrap=True)
    table.add_column("Said", overflow="fold")
    for endpoint, one in found.items():
        fills = ", ".join(source.table for source in SOURCES if source.endpoint == endpoint) or "-"
        declared = "yes" if endpoint in client.terms.endpoints else "-"
        table.add_row(endpoint, fills, declared, one.state, Text(one.said))
    Console(width=None if Console().is_terminal else 200).print(table)


def _print_verdict(found: Mapping[str, Capability], client: JQuantsClient) -> None:
    from tosho.ingest.capabilities import beyond, lacking, met

    missing, more, whole = lacking(found, client.plan), beyond(found, client.plan), met(found)
    if missing:
        typer.echo(f"Plan {client.plan} is declared; the key does not fill: {', '.join(missing)}.")
    else:
        typer.echo(f"The key fills all that plan {client.plan} has.")
    if more:
        typer.echo(f"It also gives: {', '.join(more)}.")
    if whole not in {None, client.plan}:
        typer.echo(f"It gives the whole of plan {whole}: set TOSHO_JQUANTS_PLAN to that, unless plans have changed.")
