"""Gate after the labels are known: do the intervals hold as often as they say?"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from tosho.contracts import HORIZONS
from tosho.quality.verdict import Verdict, at_most

GOAL = 0.90
"""Share of the rows that the outer quantiles, .05 and .95, are to hold."""

OFF_AT_MOST = 0.02
ROLLING = 60
"""Sessions over which the share is taken; with fewer, chance alone breaks the bound, and a failure is a warning."""


def daily_coverage(predictions: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Return the share of rows inside their interval: columns session, horizon, inside, rows.

    The quantiles are of the return above the mean of the session's codes, and so the label's session mean is taken off.
    Rows without an interval or a label are left out, and so is a session and horizon that has no other.

    Args:
        predictions: Rows of the `predictions` contract, of one model a session.
        labels: Rows of the `labels` contract of the same sessions.
    """
    realised = (
        labels.unpivot([f"y_{h}" for h in HORIZONS], index=["session", "code"], value_name="realised")
        .with_columns(pl.col("variable").str.strip_prefix("y_").cast(pl.Int32).alias("horizon"))
        .drop("variable")
    )
    known = predictions.join(realised, on=["session", "code", "horizon"], how="inner").drop_nulls("realised")
    above = pl.col("realised") - pl.col("realised").mean().over("session", "horizon")
    return (
        known.with_columns(above.is_between("q05", "q95").alias("inside"))
        .drop_nulls(["q05", "q95"])  # beyond one bound is outside, whatever the other: a null would count
        .group_by("session", "horizon")
        .agg(pl.col("inside").mean(), pl.len().alias("rows"))
        .sort("session", "horizon")
    )


def after_labels(daily: pl.DataFrame) -> list[Verdict]:
    """Return the verdict on each horizon's newest sessions, at most ROLLING of them; none on one without a session.

    Args:
        daily: Columns session, horizon and inside, as `daily_coverage` gives them.
    """
    by_horizon = {h: daily.filter(pl.col("horizon") == h).sort("session").tail(ROLLING) for h in HORIZONS}
    return [_verdict(h, found) for h, found in by_horizon.items() if found.height]


def _verdict(horizon: int, found: pl.DataFrame) -> Verdict:
    covered = float(found.select(pl.col("inside").mean()).item())
    verdict = at_most(
        f"predictions.coverage_{horizon}",
        abs(covered - GOAL),
        OFF_AT_MOST,
        f"Of the returns over {horizon} sessions, {covered:.1%} lay inside their {GOAL:.0%} interval, in "
        f"{found.height} sessions from {found['session'][0]} to {found['session'][-1]}.",
        "Train again, so that the intervals are calibrated on newer sessions; see the volatility of the market since.",
    )
    return replace(verdict, stops=found.height == ROLLING)
