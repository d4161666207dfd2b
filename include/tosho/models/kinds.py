"""The kinds of models: how each is read back, and how it is fitted where nothing else is said."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from tosho.dataset.samples import Columns
from tosho.models.atft.settings import Size
from tosho.models.base import Forecaster, Learner

if TYPE_CHECKING:
    from tosho.models.atft.forecaster import ATFT

KINDS = ("lightgbm", "linear", "double_ensemble", "ensemble", "atft")
MEMBERS = ("lightgbm", "linear", "double_ensemble")
"""Kinds of which the ensemble is made."""


class UnknownKindError(LookupError):
    """There is no such kind of model."""


class MissingLibraryError(LookupError):
    """A kind of model needs a library that this installation was made without."""


def read(kind: str, columns: Columns, files: Mapping[str, bytes]) -> Forecaster:
    """Return the model of a kind that its `to_files` wrote. Each kind loads its own engine.

    Raises:
        UnknownKindError: This version knows no such kind.
        MissingLibraryError: The kind's engine is not installed.
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
    if kind == "atft":
        _demand_torch()
        from tosho.models.atft.forecaster import NetworkForecaster

        return NetworkForecaster.from_files(columns, files)
    raise _unknown(kind)


def learner(kind: str, size: Size = "auto") -> Learner:
    """Return the learner of a kind as it comes; the ensemble's members are LightGBM, the ridge and DoubleEnsemble.

    ATFT-GAT-FAN comes in the size given: by `auto` at its own where torch sees a GPU, and reduced where it does not.

    Raises:
        UnknownKindError: This version knows no such kind.
        MissingLibraryError: The kind's engine is not installed.
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

        return Ensemble(tuple(learner(member) for member in MEMBERS))
    if kind == "atft":
        return network(size)
    raise _unknown(kind)


def network(size: Size = "auto") -> ATFT:
    """Return the learner of ATFT-GAT-FAN in a size.

    Raises:
        MissingLibraryError: torch is not installed.
    """
    _demand_torch()
    from tosho.models.atft.forecaster import ATFT

    return ATFT.sized(size)


def _demand_torch() -> None:
    if not find_spec("torch"):
        raise MissingLibraryError(
            "A model of kind 'atft' was asked for, and torch is not installed here. Build the training image with it "
            "(DEVICE=cpu or DEVICE=cuda for deploy/images/build.sh), or take another kind."
        )


def sees_listings(kind: str) -> bool:
    """Return whether models of a kind look at what a session's listing says of a code (`Samples.static`)."""
    return kind == "atft"


def _unknown(kind: str) -> UnknownKindError:
    return UnknownKindError(f"A model of kind {kind!r} was asked for; this version knows {', '.join(KINDS)}.")
