"""The two endpoints that tell of days: the exchange's calendar, and who reports tomorrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from tosho.calendar import is_half_day, next_session
from tosho.calendar.xtks import SYSTEM_FAILURE
from tosho.ingest import plans
from tosho.simulation import answers
from tosho.simulation.answers import Query
from tosho.simulation.fields import FIELDS
from tosho.simulation.market_folder import Market
from tosho.simulation.publication import Published, is_business_day

HOLIDAY_TRADING_SINCE: Final = date(2022, 9, 23)
"""From here the derivatives exchange trades on public holidays (HolDiv 3), New Year's Day apart."""
REPORTED_MONTHS: Final = (3, 9)
"""Only companies whose fiscal year ends in these months stand in the calendar of earnings."""


@dataclass(frozen=True)
class Days:
    """Answers about days, as of now."""

    market: Market
    published: Published
    scheduled: Callable[[], pl.DataFrame]

    def calendar(self, query: Query) -> pl.DataFrame:
        """Return what kind of day each day is: from the plan's first one to the end of the next year."""
        covered = self.published.window()
        first, last = answers.day(query, "from") or covered.first, answers.day(query, "to") or date.max
        covered.require(first)
        last = min(last, date(self.published.today().year + 1, 12, 31))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = pl.DataFrame(
            {"Date": days, "HolDiv": [holiday_division(day) for day in days]},
            schema={"Date": pl.Date, "HolDiv": pl.String},
        )
        kind = query.get("hol_div", "")
        return rows.filter(pl.col("HolDiv") == kind) if kind else rows

    def earnings(self, _: Query) -> pl.DataFrame:
        """Return who reports on the next business day, as the schedules of `fins/earnings-date` say by now."""
        evening = self.published.last("earnings_calendar")
        if evening == date.min:
            return self._companies(self.scheduled().clear())
        told = self.scheduled().filter(pl.col("PubDate") <= str(evening))
        newest = told.unique(["Code", "FYE", "FQName"], keep="last", maintain_order=True)
        tomorrow = newest.filter(
            (pl.col("SchDate") == str(next_session(evening)))
            & pl.col("FYE").str.slice(5, 2).cast(pl.Int32).is_in(REPORTED_MONTHS)
        )
        return self._companies(tomorrow).sort("Code")

    def _companies(self, rows: pl.DataFrame) -> pl.DataFrame:
        master = self.market.master.select("Code", "S33Nm", "MktNm")
        month, day = (pl.col("FYE").str.slice(at, 2).str.strip_chars_start("0") for at in (5, 8))
        return rows.join(master, on="Code", maintain_order="left").select(
            pl.col("SchDate").alias("Date"), "Code", "CoName", pl.format("{}月{}日", month, day).alias("FY"),
            pl.col("S33Nm").alias("SectorNm"), pl.col("FQName").alias("FQ"), pl.col("MktNm").alias("Section"),
        ).select(FIELDS[plans.EARNINGS_CALENDAR])  # fmt: skip


def holiday_division(day: date) -> str:
    """Return J-Quants' HolDiv: 0 closed, 1 open, 2 a morning, 3 closed but for derivatives."""
    if is_business_day(day):
        return "2" if day != SYSTEM_FAILURE and is_half_day(day) else "1"
    weekend, new_year = day.isoweekday() > 5, (day.month, day.day) in {(1, 1), (12, 31)}  # noqa: PLR2004 - Saturday
    return "3" if day >= HOLIDAY_TRADING_SINCE and not weekend and not new_year else "0"
