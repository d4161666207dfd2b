"""What follows the features: training, scoring and loading, each from what the one before left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.lakes import Place
from bench.meter import work
from tosho.storage import Lake

VIEW, SET = "chain", "core"


def prepare(home: Path, cores: int) -> dict[str, Any]:
    """Build the features that training reads."""
    from functools import partial

    from tosho.features.build import build
    from tosho.features.processes import build_window

    where = Place(home).view(VIEW)
    known = Lake.of(where).sessions("bars")
    with work() as done:
        built = build(where, SET, known[0], known[-1], engine=partial(build_window, workers=cores))
    return {**done.told, "rows": built["rows"]}


def train(home: Path) -> dict[str, Any]:
    """Label, fit and evaluate LightGBM."""
    from tosho.steps.training import train as run

    where = Place(home).settings(VIEW)
    known = Lake.of(where).sessions("features")
    with work() as done:
        rows = run(where, known[0], known[-4])["rows"]
    return {**done.told, "rows": int(rows)}


def score(home: Path) -> dict[str, Any]:
    """Score the last session."""
    from tosho.steps.scoring import score as run

    where = Place(home).settings(VIEW)
    with work() as done:
        rows = run(where, Lake.of(where).sessions("features")[-1], "bench")["rows"]
    return {**done.told, "rows": int(rows)}


def load(home: Path) -> dict[str, Any]:
    """Load the last session's predictions and count them back."""
    from tosho.steps import daily

    where = Place(home).settings(VIEW)
    with work() as done:
        rows = daily.load(Lake.of(where).sessions("predictions")[-1], where)["rows"]
    return {**done.told, "rows": int(rows)}
