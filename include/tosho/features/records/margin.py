"""Margin trading as known at a session: the newest balance of a code, its weeks, and the list of watched codes.

Balances come every week until 2026-09-25 and every session since. What is said of weeks is made of the balances of
each week's last session in either time, so that a week stays a week. A late balance or a correction counts from the
session that knows it: what is known of the weeks then takes its place, and what was said before stays as it was.
"""

from __future__ import annotations

from functools import reduce
from typing import Final

import polars as pl

from tosho import calendar
from tosho.features.records.places import places
from tosho.features.records.record import Grain, Records, Tables
from tosho.features.windows import ratio, zscore

WEEKS: Final = 26
"""Weeks that a balance is compared with, its own among them."""

LOAN: Final = "2"
"""Type of the issues whose shares can be borrowed for short sales on the exchange's terms."""

CLASSES: Final = ("101", "001", "002", "003", "004", "005", "006", "102")
"""Classes of regulation from mild to severe, numbered from 1.

Lifted; caution or limits of the lender (JSF); daily publication; restricted, and so a second to a fourth time; under
supervision.
"""

MARGIN_LONG, MARGIN_SHORT = pl.col("margin_long"), pl.col("margin_short")
MARGIN_STANDARDIZED = pl.col("margin_long_standardized")
MARGIN_IS_LOAN = pl.col("margin_is_loan")
MARGIN_LAG, MARGIN_AGE = pl.col("margin_lag"), pl.col("margin_age")
WEEKS_LONG_WOW, WEEKS_SHORT_WOW = pl.col("margin_weeks_long_wow"), pl.col("margin_weeks_short_wow")
WEEKS_IMBALANCE_Z = pl.col("margin_weeks_imbalance_z")
WEEKS_LAG, WEEKS_AGE = pl.col("margin_weeks_lag"), pl.col("margin_weeks_age")
ALERT_CLASS, ALERT_AGE = pl.col("alert_class"), pl.col("alert_age")
ALERT_LIST_AGE = pl.col("alert_list_age")

_BALANCES = ("long_volume", "short_volume")
_DAYS: Final = 1 << 17
"""More than there are days from 1970 to any session."""


def imbalance(long: pl.Expr, short: pl.Expr) -> pl.Expr:
    """Return (L - S) / (L + S); null where nothing is open."""
    return ratio(long - short, long + short)


def _newest(tables: Tables) -> pl.DataFrame:
    """Return each balance that was its code's newest when it was known: shares in the unit of its own session."""
    newest = _taking_over(tables["margin_interest"])
    return newest.select(
        *("session", "code"),
        pl.col("long_volume").alias("margin_long"),
        pl.col("short_volume").alias("margin_short"),
        pl.col("long_standardized_volume").alias("margin_long_standardized"),
        (pl.col("issue_type") == LOAN).cast(pl.Float64).alias("margin_is_loan"),
        (places(newest["session"]) - places(newest["applied_on"])).alias("margin_lag"),
    )


def _weekly(tables: Tables) -> pl.DataFrame:
    """Return the newest week's change and place among the 26 newest weeks, from each session that knew another week."""
    runs = _runs(_week_ends(tables["margin_interest"].select("session", "code", "applied_on", *_BALANCES)))
    week, (long, short) = pl.int_range(pl.len()).over("code", "run"), (pl.col(name) for name in _BALANCES)
    weeks = runs.with_columns(
        week.alias("week"),
        *(
            (ratio(x, x.shift(1)) - 1).alias(f"margin_weeks_{side}_wow")
            for side, x in (("long", long), ("short", short))
        ),
        (places(runs["session"]) - places(runs["applied_on"].shift(1))).alias("margin_weeks_lag"),
        zscore(imbalance(long, short), WEEKS).alias("margin_weeks_imbalance_z"),
    ).filter(pl.col("session").is_not_null())
    known = weeks.filter((pl.col("at") != pl.col("at").shift(-1)).fill_null(value=True))
    least = {name: WEEKS - 1 if name.endswith("_z") else 1 for name in MARGIN_WEEKS.columns}
    return known.select(
        "session",
        pl.col("code").cast(pl.String),
        *(pl.when(pl.col("week") >= before).then(pl.col(name)).alias(name) for name, before in least.items()),
    )


def _runs(told: pl.DataFrame) -> pl.DataFrame:
    """Return weeks in runs in which each follows what was known as the one before, with the session that told it.

    A week that arrives late, or again, begins a run: the newest weeks as known then, of which the last has `session`.
    """
    ordered = _ordered(told)
    before = pl.col("applied_on").cum_max().shift(1).over("code")
    late = ordered.filter((pl.col("applied_on") <= before).fill_null(value=False))["at"].unique()
    ordered = ordered.with_columns(pl.col("at").is_in(late.implode()).alias("again"))
    begins = pl.col("again") & (pl.col("at") != pl.col("at").shift(1))
    ordered = ordered.with_columns(begins.cum_sum().over("code").alias("run"))
    onwards = ordered.filter(~pl.col("again")).drop("again")
    begun = ordered.filter("again").select("code", "run", pl.col("session").alias("begun"), "at").unique()
    seen = begun.join(ordered.drop("run", "again", "at"), on="code").filter(pl.col("session") <= pl.col("begun"))
    versions = seen.sort("code", "begun", "applied_on", "session")
    state = versions.unique(["at", "applied_on"], keep="last", maintain_order=True).group_by("at", maintain_order=True)
    newest = state.tail(WEEKS).with_columns(
        pl.when(pl.col("applied_on") == pl.col("applied_on").max().over("at")).then("begun").alias("session")
    )
    return pl.concat([onwards, newest.select(onwards.columns)]).sort(_one_number("code", "run", "applied_on"))


def _week_ends(told: pl.DataFrame) -> pl.DataFrame:
    days = told["applied_on"].unique()
    return told.filter(pl.col("applied_on").is_in([day for day in days if calendar.week_end(day) == day]))


def _ordered(told: pl.DataFrame) -> pl.DataFrame:
    """Return rows by code, session and `applied_on`, with `at`, a number of code and session that grows with them."""
    known = told.with_columns(pl.col("code").cast(pl.Enum(told["code"].unique().sort())))
    return known.with_columns(_one_number("code", "session").alias("at")).sort(_one_number("at", "applied_on"))


def _one_number(*columns: str) -> pl.Expr:
    """Return a number that orders rows as the columns do: sorting by one takes a third of the time of three."""
    numbers = (pl.col(name).to_physical().cast(pl.Int64) for name in columns)
    return reduce(lambda before, then: before * _DAYS + then, numbers)


def _alerts(tables: Tables) -> pl.DataFrame:
    """Return the class of each code in each list that it was on; a correction of an older list is none."""
    first = tables["margin_alerts"].sort("code", "applied_on", "session", "published_on")
    listed = _taking_over(first.unique(["code", "applied_on"], keep="first", maintain_order=True))
    severity = dict(zip(CLASSES, range(1, len(CLASSES) + 1), strict=True))
    return listed.select(
        *("session", "code"),
        pl.col("regulation_class").replace_strict(severity, default=None, return_dtype=pl.Float64).alias("alert_class"),
    )


def _lists(tables: Tables) -> pl.DataFrame:
    """Return the number of codes on each session's list."""
    return _alerts(tables).group_by("session").agg(pl.len().alias("alert_list_codes"))


def _taking_over(told: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that were of their code's newest `applied_on` when they were known, one a session."""
    newest = _ordered(told).filter(pl.col("applied_on") == pl.col("applied_on").cum_max().over("code"))
    last = newest.filter((pl.col("at") != pl.col("at").shift(-1)).fill_null(value=True))
    return last.with_columns(pl.col("code").cast(pl.String))


MARGIN: Final = Records(
    "margin", Grain.CODE, ("margin_interest",),
    ("margin_long", "margin_short", "margin_long_standardized", "margin_is_loan", "margin_lag"), _newest,
)  # fmt: skip
"""The newest balance. `margin_lag` counts the sessions from that of the balance to the one that knew it."""

MARGIN_WEEKS: Final = Records(
    "margin_weeks", Grain.CODE, ("margin_interest",),
    ("margin_weeks_long_wow", "margin_weeks_short_wow", "margin_weeks_imbalance_z", "margin_weeks_lag"), _weekly,
)  # fmt: skip
"""The newest week beside the weeks before. `margin_weeks_lag` counts from the end of the week before the newest."""

ALERTS: Final = Records("alert", Grain.CODE, ("margin_alerts",), ("alert_class",), _alerts)
"""The last list of watched codes that a code was on."""

ALERT_LIST: Final = Records("alert_list", Grain.MARKET, ("margin_alerts",), ("alert_list_codes",), _lists)
"""The last list of watched codes that there was."""
