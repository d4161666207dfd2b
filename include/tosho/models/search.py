"""Which settings of a kind are searched, and between which bounds. This module needs no kind's engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any, cast

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tosho.models.base import Learner

Value = float | int
"""What a searched setting can be."""

SEARCHED = ("lightgbm", "atft")
"""Kinds that have a search space."""

_TREES: Mapping[str, BaseDistribution] = {
    "learning_rate": FloatDistribution(0.01, 0.3, log=True),  # with fewer than a hundredth, the rounds do not suffice
    "leaves": IntDistribution(4, 128, log=True),
    "min_rows_in_leaf": IntDistribution(20, 20_000, log=True),
    "l2": FloatDistribution(0.1, 100_000.0, log=True),
    "feature_fraction": FloatDistribution(0.1, 1.0),
    "bagging_fraction": FloatDistribution(0.1, 1.0),
}
_NETWORK: Mapping[str, BaseDistribution] = {
    "schedule.learning_rate": FloatDistribution(1e-4, 2e-2, log=True),
    "schedule.weight_decay": FloatDistribution(1e-4, 1e-1, log=True),
    "schedule.ema": FloatDistribution(0.9, 0.999),
    "shape.dropout": FloatDistribution(0.0, 0.4),
    "objective.quantile_weight": FloatDistribution(0.05, 2.0, log=True),
}


class NoSpaceError(LookupError):
    """A kind has no search space."""


class OutsideError(ValueError):
    """A learner's own setting lies outside of what would be searched."""


def space(learner: Learner) -> dict[str, BaseDistribution]:
    """Return what is searched around a learner, by the name of the field; a dot leads into one of its parts.

    A network's width is its own, half of it or half as much again, where its heads divide it.

    Raises:
        NoSpaceError: Nothing is searched for this kind.
        OutsideError: The learner's own settings, which are the first to be tried, are outside.
    """
    if learner.kind not in SEARCHED:
        raise NoSpaceError(
            f"Settings of a model of kind {learner.kind!r} were to be searched; there is a search space for "
            f"{' and '.join(SEARCHED)}. Train this kind as it comes, or take one of those."
        )
    found = dict(_TREES) if learner.kind == "lightgbm" else {**_NETWORK, "shape.width": _widths(learner)}
    for name, value in _values(learner, found).items():
        _demand_inside(name, value, found[name])
    return found


def values(learner: Learner) -> dict[str, Value]:
    """Return what a learner has where its search space looks.

    Raises:
        NoSpaceError: Nothing is searched for this kind.
        OutsideError: One of them is outside of the space.
    """
    return _values(learner, space(learner))


def with_values(learner: Learner, chosen: Mapping[str, Value]) -> Learner:
    """Return the learner with these settings, named as in its search space."""
    changed = cast("Any", learner)  # a protocol does not say that its learners are dataclasses
    for name, value in chosen.items():
        part, _, field = name.rpartition(".")
        new = replace(getattr(changed, part), **{field: value}) if part else value
        changed = replace(changed, **{part or field: new})
    return cast("Learner", changed)


def _values(learner: Learner, names: Mapping[str, BaseDistribution]) -> dict[str, Value]:
    return {name: attrgetter(name)(learner) for name in names}


def _widths(learner: Learner) -> CategoricalDistribution:
    shape = cast("Any", learner).shape
    near = (shape.width // 2, shape.width, shape.width * 3 // 2)
    return CategoricalDistribution([w for w in near if not w % shape.attention_heads and not w % shape.graph_heads])


def _demand_inside(name: str, value: Value, within: BaseDistribution) -> None:
    if isinstance(within, FloatDistribution | IntDistribution) and not within.low <= value <= within.high:
        raise OutsideError(
            f"The learner's {name} is {value}, and what is searched lies between {within.low} and {within.high}. The "
            "learner as it is must be among what is tried: widen the space in models/search.py, or bring it inside."
        )
