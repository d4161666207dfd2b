"""`python -m tosho`: what an operator does outside Airflow."""

from __future__ import annotations

import atexit
import gc
import sys
from datetime import datetime
from typing import Annotated

import typer

from tosho.calendar import sessions as between
from tosho.commands import (
    airflow,
    dataset,
    demo,
    doctor,
    features,
    jquants,
    lake,
    leaks,
    models,
    predictions,
    purge,
    quality,
    simulate,
)

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(simulate.app, name="simulate")
features.app.command()(leaks.leaks)
app.add_typer(features.app, name="features")
app.add_typer(dataset.app, name="dataset")
app.add_typer(models.app, name="models")
app.add_typer(predictions.app, name="predictions")
lake.app.command()(quality.report)
app.add_typer(lake.app, name="lake")
app.add_typer(jquants.app, name="jquants")
app.add_typer(airflow.app, name="airflow")
app.command()(doctor.doctor)
app.command()(demo.demo)
app.command()(purge.purge)


@app.command()
def sessions(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
) -> None:
    """Print the sessions of the exchange between two days, one ISO date a line."""
    for session in between(first.date(), last.date()):
        typer.echo(session.isoformat())


def main() -> None:
    """Run the command line; an error that is a sentence is printed as one, without a traceback."""
    atexit.register(gc.freeze)  # what is there ends with the process: to look through it first takes half a second
    try:
        app()
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
