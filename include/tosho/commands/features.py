"""`tosho features`: what a set holds, its values for a file of bars or in the lake, and the catalogue of all."""

from __future__ import annotations

import json
from dataclasses import replace
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
_NULLS = Path("docs/feature_nulls.json")
Bound = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


class Engine(StrEnum):
    """Where features are computed; both give the same bits."""

    LOCAL = "local"
    SPARK = "spark"


class Only(StrEnum):
    """Which sessions are built."""

    ALL = "all"
    STALE = "stale"
    DEPENDENT = "dependent"


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
    """Print name, family, scope, lookback, J-Quants plan and inputs of each feature; as JSON, sets and formula too."""
    from tosho.features.listing import describe
    from tosho.features.sets import feature_set as found

    described = describe(found(feature_set))
    if style is Format.JSON:
        typer.echo(json.dumps(described, indent=1))
        return
    for row in described:
        inputs = ", ".join(row["inputs"])
        numbers = f"{row['lookback']:>5}  {row['plan']:<8}"
        typer.echo(f"{row['name']:<24} {row['family']:<16} {row['scope']:<14} {numbers}  {inputs}")


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
    only: Annotated[
        Only, typer.Option(help="all; stale: or missing; dependent: all, and later stale ones.")
    ] = Only.ALL,
) -> None:
    """Build the features of the lake's sessions between two days, and publish one partition each."""
    if engine is Engine.LOCAL:
        from tosho.features.pieces import worker

        worker.begin()
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
    from tosho.features.spark.job import build_window as on_spark

    return on_spark


@app.command()
def nulls(
    market: Annotated[
        Path, typer.Option(help="The simulated market that the lake was taken in from.", exists=True, file_okay=False)
    ],
    lake: Annotated[str, typer.Option(help="The lake's address; left out, that of the settings.")] = "",
    sessions: Annotated[int, typer.Option(min=1, help="How many of the newest sessions with features.")] = 60,
    output: Annotated[Path, typer.Option(help="What to write.")] = _NULLS,
) -> None:
    """Measure how often each feature is null in a lake, for the catalogue."""
    from tosho.features.nulls import Market, measure
    from tosho.simulation.market import TRUTH
    from tosho.storage import Lake

    settings = Settings.from_environment()
    known = json.loads((market / TRUTH).read_text(encoding="utf-8"))
    of = Market(known["seed"], known["codes"], known["sessions"])
    found = measure(Lake.of(replace(settings, lake=lake or settings.lake)), sessions, of)
    found.write(output)
    typer.echo(f"{output}: {len(found.shares)} features over {found.rows:,} rows, {found.first} to {found.last}.")


@app.command()
def docs(
    output: Annotated[Path, typer.Option(help="The page.")] = Path("docs/features.md"),
    measured: Annotated[Path, typer.Option("--nulls", help="What `nulls` has written.")] = _NULLS,
    check: Annotated[bool, typer.Option("--check", help="Only tell whether the page is fresh.")] = False,  # noqa: FBT002
) -> None:
    """Write the catalogue of all features from their definitions; with --check, exit with 1 where it is stale."""
    from tosho.features.catalogue import catalogue
    from tosho.features.nulls import NullShares

    page = catalogue(NullShares.read(measured))
    if not check:
        output.write_text(page, encoding="utf-8")
    elif not output.exists() or output.read_text(encoding="utf-8") != page:
        typer.echo(f"{output} is not what the features are now. Run `python -m tosho features docs`.", err=True)
        raise typer.Exit(1)
    typer.echo(f"{output} is written." if not check else f"{output} is fresh.")
