from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest

from tosho.evaluation.leaks import Outcome, judge, market_of, tables_of
from tosho.features.plan import plan, plan_of
from tosho.features.sets import feature_set
from tosho.features.spec import Feature, Scope, features
from tosho.simulation.contracted import contracted
from tosho.simulation.market import simulate

SESSIONS = 880
ABSENT = "13010"
"""A code that the small market does not have."""


@pytest.fixture(scope="session")
def tables():
    """Every table of a simulated market that is longer than any lookback."""
    with TemporaryDirectory() as folder:
        simulate(Path(folder), codes=50, sessions=SESSIONS)
        return contracted(Path(folder), tables_of(plan(feature_set("standard"))))


@dataclass(frozen=True)
class Bench:
    """A short market, and the gate's findings of one feature on it."""

    tables: dict[str, pl.DataFrame]

    def market(self, passes):
        return market_of(self.tables, passes)

    def without(self, table):
        return replace(self, tables={name: rows for name, rows in self.tables.items() if name != table})

    def judged(self, expression, scope=Scope.SERIES, name="offender") -> Outcome:
        passes = plan_of([Feature(name, scope, "planted", expression)], features())
        return judge(self.market(passes), passes, "planted")

    def found(self, expression, scope=Scope.SERIES, name="offender") -> dict[str, str]:
        """Return what was seen of the feature, by check."""
        outcome = self.judged(expression, scope, name)
        return {answer.check.value: answer.found[name] for answer in outcome.answers if name in answer.found}


@pytest.fixture(scope="session")
def small(tables):
    bars = tables["bars"]
    days = bars["session"].unique().sort()[-140:]
    there = bars.filter(pl.col("session") == days[-1], pl.col("code") != ABSENT)["code"].sort()[:35].implode()
    names = ("bars", "securities", "indices", "shares")
    kept = {name: tables[name].filter(pl.col("session") >= days[0]) for name in names}
    of_codes = {name: rows.filter(pl.col("code").is_in(there)) for name, rows in kept.items() if "code" in rows.columns}
    return Bench(kept | of_codes)
