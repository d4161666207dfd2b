"""Months before a day, where the last day of a month stays one: periods end on last days, whatever their number."""

from __future__ import annotations

import polars as pl


def months_before(day: pl.Expr, months: int) -> pl.Expr:
    """Return the day so many months earlier; of a month's last day, the last day of that month.

    >>> from datetime import date
    >>> ends = pl.DataFrame({"end": [date(2024, 5, 31), date(2024, 2, 29), date(2024, 5, 20)]})
    >>> [day.isoformat() for day in ends.select(months_before(pl.col("end"), 3)).to_series()]
    ['2024-02-29', '2023-11-30', '2024-02-20']
    """
    earlier = day.dt.offset_by(f"-{months}mo")
    return pl.when(day == day.dt.month_end()).then(earlier.dt.month_end()).otherwise(earlier)


def eve(day: pl.Expr) -> pl.Expr:
    """Return the day before: of a period's first day, the last one of the period before it."""
    return day.dt.offset_by("-1d")
