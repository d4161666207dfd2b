"""What a feature set holds, as plain records for a command line, a manifest or a page."""

from __future__ import annotations

from typing import TypedDict

from tosho.features.plan import plan
from tosho.features.sets import FeatureSet


class Entry(TypedDict):
    """One feature. `lookback` counts the earlier rows that a value is made of; `inputs` are the columns it reads."""

    name: str
    family: str
    scope: str
    lookback: int
    inputs: list[str]
    summary: str


def describe(feature_set: FeatureSet) -> list[Entry]:
    """Return the features of a set in the order of their columns."""
    passes = plan(feature_set)
    return [
        Entry(
            name=feature.name,
            family=feature.family,
            scope=feature.scope.value,
            lookback=passes.lookback[feature.name],
            inputs=list(feature.inputs),
            summary=" ".join(feature.summary.split()),
        )
        for feature in feature_set.features
    ]
