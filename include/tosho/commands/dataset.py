"""`tosho dataset`: what networks are trained on, built in the lake and laid out in a folder of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tosho.commands.features import Engine
from tosho.config import Settings
from tosho.observability.log import log_to_stderr

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from tosho.dataset.build import Engine as Maker

app = typer.Typer(no_args_is_help=True, help="Build a dataset for networks in the lake; fetch it into a folder.")


class Codes(StrEnum):
    """Which codes are in it."""

    ALL = "all"
    STOCKS = "stocks"
    PRIME = "prime"


class Method(StrEnum):
    """How features are normalised within a session."""

    RANK = "rank"
    ROBUST_Z = "robust_z"


class Precision(StrEnum):
    """Of the stored features."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


Name = Annotated[str, typer.Option(help="The dataset's name; left out, that of the feature set.")]


@app.command()
def build(  # noqa: PLR0913 - one option each
    first: Annotated[datetime, typer.Option("--first", formats=["%Y-%m-%d"], help="First day.")],
    last: Annotated[datetime, typer.Option("--last", formats=["%Y-%m-%d"], help="Last day; nothing later is read.")],
    feature_set: Annotated[str, typer.Option("--set", help="The feature set; left out, that of the settings.")] = "",
    name: Name = "",
    engine: Annotated[Engine, typer.Option(help="local or spark.")] = Engine.LOCAL,
    universe: Annotated[Codes, typer.Option(help="Which codes.")] = Codes.ALL,
    method: Annotated[Method, typer.Option(help="Normalisation within a session.")] = Method.RANK,
    precision: Annotated[Precision, typer.Option(help="Of the stored features.")] = Precision.FLOAT32,
) -> None:
    """Publish the dataset of the lake's sessions between two days. The same data again make nothing."""
    from tosho.dataset.listing import Universe
    from tosho.dataset.normalise import Normaliser
    from tosho.steps.dataset import build as build_range

    log_to_stderr()
    settings = Settings.from_environment()
    done = build_range(
        replace(settings, feature_set=feature_set or settings.feature_set),
        *(first.date(), last.date()),
        engine=_maker(engine),
        name=name,
        universe=Universe(universe.value),
        normaliser=Normaliser(method.value),
        precision=precision.value,
    )
    typer.echo(json.dumps(done))


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(help="Where to lay it out.")],
    name: Name = "",
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last session of your training: later scalers are refused."),
    ] = None,
) -> None:
    """Lay a dataset out as files that `tosho.dataset.tensors.Panel.open` maps into memory."""
    from tosho.steps.dataset import fetch as fetch_named

    log_to_stderr()
    typer.echo(json.dumps(fetch_named(Settings.from_environment(), folder, name, until.date() if until else None)))


def _maker(engine: Engine) -> AbstractContextManager[Maker]:
    if engine is Engine.LOCAL:
        from tosho.dataset.engines import processes

        return processes()
    from tosho.dataset.spark import spark

    return spark()
