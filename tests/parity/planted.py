"""Feature sets with a fault in them. A module of its own, because workers import it."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

import polars as pl
import psutil

from tosho.features.sets import FeatureSet
from tosho.features.spec import Feature, Scope


class PlantedError(ArithmeticError):
    """The fault that a test planted."""


def raising(wanted: FeatureSet, at: float) -> FeatureSet:
    """A set whose added feature fails in the session whose first `ret_1` has this value."""
    return _with(wanted, partial(_raise, at=at))


def killing_the_worker(wanted: FeatureSet, at: float) -> FeatureSet:
    """A set whose added feature ends its Python worker, as the kernel does when memory runs out."""
    return _with(wanted, partial(_kill_worker, at=at))


def killing_an_executor_once(wanted: FeatureSet, marker: Path) -> FeatureSet:
    """A set whose first feature ends its whole executor, the first time anybody computes it."""
    first, *rest = wanted.features
    armed = Feature(
        first.name, first.scope, first.family, first.expression.map_batches(partial(_kill_executor, marker=marker))
    )
    return FeatureSet(wanted.name, wanted.number, (armed, *rest))


def _with(wanted: FeatureSet, function) -> FeatureSet:
    planted = Feature("planted", Scope.CROSS_SECTION, "planted", pl.col("ret_1").map_batches(function))
    return FeatureSet(wanted.name, wanted.number, (*wanted.features, planted))


def _raise(values: pl.Series, at: float) -> pl.Series:
    if values[0] == at:
        raise PlantedError("This session was planted to fail.")
    return values * 0


def _kill_worker(values: pl.Series, at: float) -> pl.Series:
    if values[0] == at:
        os.kill(os.getpid(), signal.SIGKILL)
    return values * 0


def _kill_executor(values: pl.Series, marker: Path) -> pl.Series:
    java = [p for p in psutil.Process().parents() if p.name() == "java"]
    executors = [p for p in java if "CoarseGrainedExecutorBackend" in " ".join(p.cmdline())]
    if executors:  # not in the driver, which evaluates each feature once to learn its lookback
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return values
        executors[0].kill()
    return values
