"""When companies say that they will report, as fins/earnings-date gives it: what was said on which day."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from tosho.ingest import plans
from tosho.simulation.fields import FIELDS
from tosho.simulation.reports import drawn, kept, on_or_after, sessions_around
from tosho.simulation.streams import Streams

TOLD_BEFORE: Final = (24, 38)
"""Days before the report at which its day is first told, from .. to."""
CHANGED_BEFORE: Final = (4, 18)
"""Days before the report at which a day is told that was undecided or another one."""
UNDECIDED, MOVED = 0.10, 0.08
"""Shares of the reports whose day is undecided at first, and of those whose day is changed."""
MOVED_BY: Final = 6
"""Sessions by which the first day was later than the real one, at most."""
QUARTERS: Final = {1: "第1四半期", 2: "第2四半期", 3: "第3四半期"}
YEAR: Final = "本決算"


def earnings_date_table(
    streams: Streams, reports: pl.DataFrame, sessions: list[date], master: pl.DataFrame
) -> pl.DataFrame:
    """Return one row each time a company tells or changes the day of a report; "" while the day is undecided.

    The last that is told of a report is the day on which it comes, unless the company is delisted before.

    Args:
        streams: The market's random numbers.
        reports: As `reports.draw_reports` returns them.
        sessions: The market's sessions.
        master: The market's master, for the companies' names.
    """
    known = sessions_around(reports, sessions)
    kind, when = drawn(streams, "schedules", reports)
    first = on_or_after(reports["DiscDate"] - _days(TOLD_BEFORE, when), known)
    here = known.search_sorted(reports["DiscDate"])
    eve = known.gather((here.cast(pl.Int64) - 1).clip(0, len(known) - 1))
    changed = on_or_after(reports["DiscDate"] - _days(CHANGED_BEFORE, when), known)
    second = pl.select(pl.min_horizontal(changed, eve)).to_series()  # never after a long holiday, on the day itself
    other = known.gather((here + 1 + (when * MOVED_BY).cast(pl.Int64)).clip(0, len(known) - 1))
    rows = reports.with_columns(kind.alias("kind"), first.alias("first"), second.alias("second"), other.alias("other"))
    undecided, moved = (
        pl.col("kind") < UNDECIDED,
        pl.col("kind").is_between(UNDECIDED, UNDECIDED + MOVED, closed="left"),
    )
    day = pl.col("DiscDate").cast(pl.String)
    told = rows.with_columns(
        pl.when(undecided)
        .then(pl.lit(""))
        .when(moved)
        .then(pl.col("other").cast(pl.String))
        .otherwise(day)
        .alias("SchDate"),
        pl.col("first").alias("PubDate"),
    )
    later = rows.filter(undecided | moved).with_columns(day.alias("SchDate"), pl.col("second").alias("PubDate"))
    both = kept(pl.concat([told, later], how="diagonal"), sessions, "PubDate")
    names = master.select("Code", CoName="CompanyName", CoNameEn="CompanyNameEnglish")
    quarter = pl.when("is_year").then(pl.lit(YEAR)).otherwise(pl.col("number").replace_strict(QUARTERS, default=YEAR))
    return (
        both.with_columns(quarter.alias("FQName"), pl.col("CurFYEn").alias("FYE"))
        .join(names, on="Code")
        .sort("PubDate", "Code", "FYE", "FQName")
        .select(FIELDS[plans.EARNINGS_DATE])
    )


def _days(bounds: tuple[int, int], chance: pl.Series) -> pl.Series:
    """Return durations between two numbers of days."""
    days = (bounds[0] + (bounds[1] - bounds[0]) * chance).cast(pl.Int64)
    return (days * 24 * 60 * 60 * 1_000_000).cast(pl.Duration("us"))
