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

EXECUTOR, WORKER = "CoarseGrainedExecutorBackend", "Worker"
"""What runs tasks, and what starts it on its machine."""


class PlantedError(ArithmeticError):
    """The fault that a test planted."""


def raising(wanted: FeatureSet, at: float) -> FeatureSet:
    """A set whose added feature fails in the session whose first `ret_1` has this value."""
    return _with(wanted, partial(_raise, at=at))


def killing_the_worker(wanted: FeatureSet, at: float) -> FeatureSet:
    """A set whose added feature ends its Python worker, as the kernel does when memory runs out."""
    return _with(wanted, partial(_kill_worker, at=at))


def killing_once(wanted: FeatureSet, what: str, marker: Path) -> FeatureSet:
    """A set whose first feature ends its whole executor, or its worker, the first time anybody computes it."""
    first, *rest = wanted.features
    killing = partial(_kill_once, what=what, marker=marker)
    armed = Feature(first.name, first.scope, first.family, first.expression.map_batches(killing))
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


def _kill_once(values: pl.Series, what: str, marker: Path) -> pl.Series:
    java = {_main_class(p): p for p in psutil.Process().parents() if p.name() == "java"}
    if EXECUTOR in java:  # not in the driver, which evaluates each feature once to learn its lookback
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return values
        for name in (WORKER, EXECUTOR) if what == "worker" else (EXECUTOR,):  # a machine that fails takes both
            java[name].kill()
    return values


def _main_class(process: psutil.Process) -> str:
    return next((part.rpartition(".")[2] for part in process.cmdline() if part.startswith("org.apache.spark.")), "")
