"""`tosho features`: what a set holds, and its values for a file of bars."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="List a feature set; compute it over a file.")
Set = Annotated[str, typer.Option("--set", help="The feature set.")]
Bound = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


class Engine(StrEnum):
    """Where features are computed; both give the same bits."""

    LOCAL = "local"
    SPARK = "spark"


class Mode(StrEnum):
    """Whose edges the windows have."""

    PRODUCTION = "production"
    QLIB = "qlib"


class Format(StrEnum):
    """How a list is printed."""

    TEXT = "text"
    JSON = "json"


@app.command("list")
def list_features(
    feature_set: Set = "core", style: Annotated[Format, typer.Option("--format", help="text or json.")] = Format.TEXT
) -> None:
    """Print name, family, scope, lookback and inputs of each feature."""
    from tosho.features.listing import describe
    from tosho.features.sets import feature_set as found

    described = describe(found(feature_set))
    if style is Format.JSON:
        typer.echo(json.dumps(described, indent=1))
        return
    for row in described:
        inputs = ", ".join(row["inputs"])
        typer.echo(f"{row['name']:<24} {row['family']:<12} {row['scope']:<14} {row['lookback']:>5}  {inputs}")


@app.command()
def compute(  # noqa: PLR0913 - one option each
    source: Annotated[
        Path, typer.Option("--input", help="Bars, long: columns of the contract `bars`, or with `vwap`.", exists=True)
    ],
    output: Annotated[Path, typer.Option(help="Where to write session, code and the features, as Parquet.")],
    feature_set: Set = "core",
    engine: Annotated[Engine, typer.Option(help="local or spark.")] = Engine.LOCAL,
    mode: Annotated[Mode, typer.Option(help="production, or qlib: set alpha158 as Qlib has it.")] = Mode.PRODUCTION,
    securities: Annotated[Path | None, typer.Option(help="Securities, for the features that need them.")] = None,
    indices: Annotated[Path | None, typer.Option(help="Indices, for the features that need the market.")] = None,
    shares: Annotated[Path | None, typer.Option(help="Share counts, for turnover.")] = None,
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First session out.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session out.")] = None,
) -> None:
    """Compute a feature set over a file of bars. Sessions before `--from` serve as history."""
    from tosho.features.files import compute_file

    done = compute_file(
        source,
        output,
        feature_set,
        engine=engine.value,
        mode=mode.value,
        securities=securities,
        indices=indices,
        shares=shares,
        first=first.date() if first else None,
        last=last.date() if last else None,
    )
    typer.echo(json.dumps(done, default=str))
