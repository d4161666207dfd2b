"""`tosho features`: what a set holds, its values for a file of bars or in the lake, and the catalogue of all."""

from __future__ import annotations

import json
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tosho.config import Settings
from tosho.observability.log import log_to_stderr

if TYPE_CHECKING:
    from tosho.features.build import Engine as Builder

app = typer.Typer(
    no_args_is_help=True, help="List a feature set; compute it over a file or a lake; write the catalogue."
)
Set = Annotated[str, typer.Option("--set", help="The feature set.")]
Bound = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


class Engine(StrEnum):
    """Where features are computed; both give the same bits."""

    LOCAL = "local"
    SPARK = "spark"


class Only(StrEnum):
    """Which sessions of a range are built."""

    ALL = "all"
    STALE = "stale"


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


@app.command()
def build(
    first: Annotated[datetime, typer.Option("--first", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--last", formats=["%Y-%m-%d"], help="Last day, included.")],
    feature_set: Annotated[str, typer.Option("--set", help="The feature set; left out, that of the settings.")] = "",
    engine: Annotated[Engine, typer.Option(help="local or spark.")] = Engine.LOCAL,
    only: Annotated[Only, typer.Option(help="all, or stale: those without features, too.")] = Only.ALL,
) -> None:
    """Build the features of the lake's sessions between two days, and publish one partition each."""
    from tosho.features.build import Which
    from tosho.features.build import build as build_range

    log_to_stderr()
    settings = Settings.from_environment()
    name, which = feature_set or settings.feature_set, Which(only.value)
    done = build_range(settings, name, first.date(), last.date(), which, engine=_builder(engine))
    typer.echo(json.dumps(done))


def _builder(engine: Engine) -> Builder:
    if engine is Engine.LOCAL:
        from tosho.features.processes import build_window as locally

        return locally
    from tosho.features.spark import build_window as on_spark

    return on_spark
