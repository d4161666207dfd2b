"""What a feature set holds, as plain records for a command line, a manifest or a page."""

from __future__ import annotations

from typing import TypedDict

from tosho import config
from tosho.features.plan import plan
from tosho.features.reach import least_plan, tables_of
from tosho.features.sets import FeatureSet, feature_set, feature_sets


class Entry(TypedDict):
    """One feature. `lookback` counts the earlier rows that a value is made of; `inputs` are the columns it reads.

    `tables` are those of the lake that its values are made of, through all that it reads; `plan` is the smallest
    J-Quants plan that has them; `sets` are the feature sets that hold it.
    """

    name: str
    family: str
    scope: str
    lookback: int
    inputs: list[str]
    tables: list[str]
    plan: config.Plan
    sets: list[str]
    summary: str


def describe(wanted: FeatureSet) -> list[Entry]:
    """Return the features of a set in the order of their columns."""
    passes = plan(wanted)
    tables = tables_of(passes)
    holds = {name: frozenset(feature_set(name).names) for name in feature_sets()}
    return [
        Entry(
            name=feature.name,
            family=feature.family,
            scope=feature.scope.value,
            lookback=passes.lookback[feature.name],
            inputs=list(feature.inputs),
            tables=sorted(tables[feature.name]),
            plan=least_plan(tables[feature.name]),
            sets=[name for name, names in holds.items() if feature.name in names],
            summary=" ".join(feature.summary.split()),
        )
        for feature in wanted.features
    ]
