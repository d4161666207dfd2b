"""Faults that are planted in every run of the gate and must be found: where one stays unseen the gate is blind.

The public registry refuses all of them, so they are put into the plan behind its back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum

import polars as pl

from tosho import calendar
from tosho.dataset.labels import label_bars
from tosho.evaluation.leaks.values import Planted
from tosho.features.columns import CLOSE, CLOSE_RAW
from tosho.features.plan import Plan
from tosho.features.records import Grain, Records, Tables
from tosho.features.spec import Feature, Scope

EARLY = 30
"""Sessions by which a record is used too early: within so many, each code states its shares or trades."""


class Check(StrEnum):
    """What the gate asks."""

    PREFIX = "prefix"
    SUFFIX = "suffix"
    ORDER = "order"
    OTHERS = "others"
    WARM_UP = "warm_up"
    RANK_IC = "rank_ic"
    NAMES = "names"


@dataclass(frozen=True, eq=False)
class Canary:
    """A planted fault: the feature that has it, what is wrong with it, and the checks that must find it."""

    feature: Feature
    wrong: str
    found_by: frozenset[Check]
    records: Records | None = None

    @property
    def name(self) -> str:
        """The feature's name."""
        return self.feature.name


def canaries() -> tuple[Canary, ...]:
    """Return all of them."""
    return (
        _canary("next_row", CLOSE.shift(-1) / CLOSE, "It looks one row ahead.", Check.PREFIX, Check.SUFFIX),
        _recorded(
            "next_of_market",
            _mean_label,
            "It is the mean return that follows.",
            *(Check.PREFIX, Check.SUFFIX, Check.RANK_IC),
            grain=Grain.MARKET,
        ),
        _recorded("answer", _labels, "It is the label itself.", Check.PREFIX, Check.SUFFIX, Check.RANK_IC),
        _canary(
            "whole_history",
            CLOSE / CLOSE.mean().over("code"),
            "It is made with the mean over all sessions.",
            *(Check.PREFIX, Check.SUFFIX),
        ),
        _canary("other_code", CLOSE.shift(1).over("session"), "It reads the row of another code.", Check.OTHERS),
        _recorded("early_record", _early, "It uses a record before it is known.", Check.PREFIX, Check.SUFFIX),
        _recorded("order_of_rows", _numbered, "It depends on the order in which records are given.", Check.ORDER),
        _canary("endless", CLOSE_RAW.cum_sum(), "It looks back further than it says.", Check.WARM_UP),
        _canary(
            "of_session",
            pl.col(_named("next_row")).rank(),
            "It ranks the codes of a session by what follows.",
            *(Check.PREFIX, Check.SUFFIX),
            scope=Scope.CROSS_SECTION,
        ),
        _canary("name", CLOSE * 1.0, "It bears the name of a label.", Check.NAMES, name="y_3"),
    )


def planted(passes: Plan, found: tuple[Canary, ...]) -> Planted:
    """Return a plan with canaries beside its own features."""

    def of(scope: Scope) -> tuple[tuple[Feature, ...], ...]:
        level = tuple(canary.feature for canary in found if canary.feature.scope is scope)
        return (level,) if level else ()

    own = {field.name: getattr(passes, field.name) for field in fields(Plan)}
    return Planted(
        **own
        | {
            "names": (*passes.names, *(canary.name for canary in found)),
            "market": (*passes.market, *of(Scope.MARKET)),
            "series": (*passes.series, *of(Scope.SERIES)),
            "session": (*passes.session, *of(Scope.CROSS_SECTION)),
            "lookback": {**passes.lookback, **{canary.name: 0 for canary in found}},
        },
        kinds=tuple(canary.records for canary in found if canary.records),
    )


def _named(fault: str) -> str:
    return f"canary_{fault}"


def _canary(  # noqa: PLR0913 - the fields of a canary
    fault: str,
    expression: pl.Expr,
    wrong: str,
    *found_by: Check,
    scope: Scope = Scope.SERIES,
    name: str = "",
    records: Records | None = None,
) -> Canary:
    feature = Feature(name or _named(fault), scope, "canaries", expression, wrong)
    return Canary(feature, wrong, frozenset(found_by), records)


def _recorded(
    fault: str, make: Callable[[Tables], pl.DataFrame], wrong: str, *found_by: Check, grain: Grain = Grain.CODE
) -> Canary:
    column = f"{_named(fault)}_given"

    def made(tables: Tables) -> pl.DataFrame:
        return make(tables).rename({"value": column})

    records = Records(f"{_named(fault)}_of", grain, ("bars", "shares"), (column,), made)
    scope = Scope.MARKET if grain is Grain.MARKET else Scope.SERIES
    return _canary(fault, pl.col(column) * 1.0, wrong, *found_by, scope=scope, records=records)


def _labels(tables: Tables) -> pl.DataFrame:
    return label_bars(tables["bars"]).select("session", "code", value="y_1")


def _mean_label(tables: Tables) -> pl.DataFrame:
    return label_bars(tables["bars"]).group_by("session").agg(pl.col("y_1").mean().alias("value"))


def _early(tables: Tables) -> pl.DataFrame:
    """Statements of shares, or bars where a market has none, each as if known 30 sessions before it was."""
    shares, bars = tables["shares"], tables["bars"]
    table, figure = (shares, "shares_outstanding") if shares.height else (bars, "close")
    told = pl.col(figure) * pl.col("session").to_physical()  # the same figure of another day is another record
    rows = table.select("session", "code", value=told)
    days = rows["session"].unique()
    earlier = pl.Series([calendar.offset(day, -EARLY) for day in days], dtype=pl.Date)
    moved = rows.with_columns(rows["session"].replace_strict(days, earlier, return_dtype=pl.Date))
    return moved.unique(["session", "code"], keep="last", maintain_order=True)


def _numbered(tables: Tables) -> pl.DataFrame:
    return tables["bars"].select("session", "code", value=pl.int_range(pl.len()))
