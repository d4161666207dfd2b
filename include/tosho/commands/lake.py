"""`tosho lake`: what is published, and whether it is still what was published."""

from __future__ import annotations

from typing import Annotated

import typer

from tosho.config import Settings
from tosho.storage import Lake

app = typer.Typer(no_args_is_help=True, help="Look at the lake and verify it.")


@app.command("ls")
def list_tables(table: Annotated[str, typer.Argument(help="One table; without it, all.")] = "") -> None:
    """List the tables, or the sessions of one, with rows and quarantined rows."""
    lake = Lake.of(Settings.from_environment())
    if table:
        if not lake.sessions(table):
            raise typer.BadParameter(f"{lake.files.root} has no table {table}; it has {lake.tables()}.")
        for session in lake.sessions(table):
            manifest = lake.manifest(table, session)
            typer.echo(f"{session}  {manifest.rows:>8,} rows  {sum(manifest.quarantined.values()):>6} quarantined")
        return
    for name in lake.tables():
        found = lake.sessions(name)
        span = f"{found[0]} .. {found[-1]}" if found else "-"
        typer.echo(f"{name:<12} {len(found):>6} sessions  {span}")


@app.command()
def verify(table: Annotated[str, typer.Argument(help="One table; without it, all.")] = "") -> None:
    """Check every partition against its manifest; exits with 1 when one differs."""
    lake = Lake.of(Settings.from_environment())
    tables = [table] if table else lake.tables()
    if not any(lake.sessions(name) for name in tables):
        raise typer.BadParameter(
            f"{lake.files.root} has no partition{f' of table {table}' if table else ''} to verify."
        )
    faults = [fault for name in tables for fault in lake.corrupt(name)]
    for fault in faults:
        typer.echo(fault, err=True)
    checked = sum(len(lake.sessions(name)) for name in tables)
    typer.echo(f"{checked} partitions checked, {len(faults)} faults.")
    raise typer.Exit(1 if faults else 0)
