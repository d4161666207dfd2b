"""Which sessions everything that a run fitted was fitted on: kept with it, and refused where it reaches too far."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from tosho.dataset.splits import Span
from tosho.models.base import Forecaster
from tosho.models.walk import Walked

ROWS_AS_THEY_ARE = "none: the model takes features as they are"
TARGETS = "targets are z-scores within their own session, winsorised at 3: nothing is fitted over sessions"


class FittedOutsideError(ValueError):
    """Something was fitted on sessions that are not of the training span."""


def audit(parts: Sequence[Walked], final: Forecaster, whole: tuple[date, date]) -> dict[str, object]:
    """Return the record: for each fold and for the final model, what was fitted on which sessions.

    Args:
        parts: The folds' models.
        final: The model that is kept.
        whole: First and last session that the final one was given.

    Raises:
        FittedOutsideError: A scaler, limit or selection saw a session outside its training span.
    """
    return {
        "targets": TARGETS,
        "folds": [
            {
                "fold": part.fold.number,
                "weights": _days(part.fold.train.first, part.fold.train.last),
                "early_stopping": _days(part.fold.validation.first, part.fold.validation.last),
                "tested": _days(part.fold.test.first, part.fold.test.last),
                "scalers": _scalers(part.model, part.fold.train, f"fold {part.fold.number}"),
            }
            for part in parts
        ],
        "final": {"weights": _days(*whole), "scalers": _scalers(final, whole, "the final model")},
    }


def _scalers(model: Forecaster, span: Span | tuple[date, date], where: str) -> dict[str, list[str]] | str:
    found = model.scalers
    for name, fitted in found.items():
        if fitted.first < span[0] or fitted.last > span[1]:
            raise FittedOutsideError(
                f"In {where}, {name} was fitted on {fitted.first}..{fitted.last}; the training span is "
                f"{span[0]}..{span[1]} and nothing may be fitted outside it. Fit it on the training sessions alone."
            )
    return {name: _days(*fitted) for name, fitted in found.items()} if found else ROWS_AS_THEY_ARE


def _days(first: date, last: date) -> list[str]:
    return [first.isoformat(), last.isoformat()]
