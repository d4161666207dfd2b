"""`tosho airflow`: the local Airflow, for triggering by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Start and stop the local Airflow with the demo's data.")


@app.command()
def start(market_folder: Annotated[Path | None, typer.Option("--market", help="A market folder.")] = None) -> None:
    """Start the simulated J-Quants and Airflow, and print where the UI is."""
    from tosho.local import airflow, market
    from tosho.local.environment import USER

    place, processes = airflow.here()
    market.serve(place, processes, market_folder)
    airflow.start(place, processes)
    typer.echo(f"Airflow: {place.airflow_url()}   user {USER}   password {place.state()['password']}")
    typer.echo("End it with `make stop`.")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run(context: typer.Context) -> None:
    """Run one of Airflow's own commands in the local installation: `tosho airflow run backfill create ...`."""
    from tosho.local import airflow

    place, _ = airflow.here()
    raise typer.Exit(airflow.run(place, context.args))


@app.command()
def stop() -> None:
    """End every process that demo and airflow started."""
    from tosho.local import airflow

    _, processes = airflow.here()
    ended = processes.stop_all()
    typer.echo(f"Ended: {', '.join(ended)}." if ended else "Nothing was running.")
