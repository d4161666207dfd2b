"""`tosho predictions`: what stands in the store."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tosho.config import Settings

app = typer.Typer(no_args_is_help=True, help="Read the predictions in the store.")
Session = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The session, as an ISO date.")]


@app.command()
def top(
    session: Session,
    horizon: Annotated[int, typer.Option(help="Sessions ahead: 1, 5, 10 or 20.")] = 5,
    limit: Annotated[int, typer.Option("-n", "--limit", help="How many.")] = 20,
) -> None:
    """Print the ranking of a session."""
    from tosho.predictions import open_store

    ranking = open_store(Settings.from_environment().store).top(session.date(), horizon, limit)
    if ranking.is_empty():
        raise typer.BadParameter(f"Session {session:%Y-%m-%d} has no prediction for horizon {horizon}.")
    for row in ranking.iter_rows(named=True):
        expected = "" if row["expected_return"] is None else f"{row['expected_return']:+9.4%}"
        typer.echo(f"{row['rank']:>4}  {row['code']}  {row['score']:+.5f}  {expected}  {row['model']} {row['flags']}")


@app.command()
def count(session: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None) -> None:
    """Print how many rows the store holds, of one session or of each."""
    from tosho.predictions import open_store

    store = open_store(Settings.from_environment().store)
    for each in [session.date()] if session else store.sessions():
        typer.echo(f"{each}  {store.count(each):,}")
