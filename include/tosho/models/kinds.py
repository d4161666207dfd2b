"""The kinds of models: how each is read back, and how it is fitted where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping

from tosho.dataset.samples import Columns
from tosho.models.base import Forecaster, Learner

KINDS = ("lightgbm", "linear", "double_ensemble", "ensemble")


class UnknownKindError(LookupError):
    """There is no such kind of model."""


def read(kind: str, columns: Columns, files: Mapping[str, bytes]) -> Forecaster:
    """Return the model of a kind that its `to_files` wrote. Each kind loads its own engine.

    Raises:
        UnknownKindError: This version knows no such kind.
    """
    # ruff: noqa: PLC0415 - each kind loads its own engine
    if kind == "lightgbm":
        from tosho.models.lightgbm import TreeForecaster

        return TreeForecaster.from_files(columns, files)
    if kind == "linear":
        from tosho.models.linear import LinearForecaster

        return LinearForecaster.from_files(columns, files)
    if kind == "double_ensemble":
        from tosho.models.double_ensemble import DoubleForecaster

        return DoubleForecaster.from_files(columns, files)
    if kind == "ensemble":
        from tosho.models.ensemble import EnsembleForecaster

        return EnsembleForecaster.from_files(columns, files, read)
    raise _unknown(kind)


def learner(kind: str) -> Learner:
    """Return the learner of a kind as it comes; the ensemble's members are LightGBM, the ridge and DoubleEnsemble.

    Raises:
        UnknownKindError: This version knows no such kind.
    """
    if kind == "lightgbm":
        from tosho.models.lightgbm import LightGBM

        return LightGBM()
    if kind == "linear":
        from tosho.models.linear import Linear

        return Linear()
    if kind == "double_ensemble":
        from tosho.models.double_ensemble import DoubleEnsemble

        return DoubleEnsemble()
    if kind == "ensemble":
        from tosho.models.ensemble import Ensemble

        return Ensemble(tuple(learner(member) for member in KINDS if member != "ensemble"))
    raise _unknown(kind)


def _unknown(kind: str) -> UnknownKindError:
    return UnknownKindError(f"A model of kind {kind!r} was asked for; this version knows {', '.join(KINDS)}.")
