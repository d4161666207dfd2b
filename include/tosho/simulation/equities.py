"""The endpoints that are made of bars and listings: master, bars by day or code, the morning's bars, the breakdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import next_session
from tosho.calendar.xtks import SYSTEM_FAILURE
from tosho.ingest import plans
from tosho.simulation import answers
from tosho.simulation.answers import ApiError, Query
from tosho.simulation.breakdown import breakdown
from tosho.simulation.endpoints import Endpoint
from tosho.simulation.fields import BARS, FIELDS, HALF_DAY_BLOCKS
from tosho.simulation.half_days import half_days
from tosho.simulation.market_folder import Market
from tosho.simulation.publication import Published, business_day_from, is_business_day

_MARGIN_CLASS: Final = ("Mrgn", "MrgnNm")

MORNING_OVER, MORNING_FORGOTTEN = 12, 6
"""Hours between which the morning's bars can be had: from noon until six on the next day."""


@dataclass(frozen=True)
class Equities:
    """Rows of a market's bars and listings, as published."""

    market: Market
    published: Published

    def endpoints(self) -> dict[str, Endpoint]:
        """Return the endpoints by path."""
        return {
            plans.MASTER: Endpoint(
                self.master, self._masters, partial(self._listed_days, "master"), partial(self.published.last, "master")
            ),
            plans.BARS: Endpoint(
                self.bars,
                self._all_bars,
                partial(self._listed_days, "bars_daily"),
                partial(self.published.last, "bars_daily"),
            ),
            plans.BARS_AM: Endpoint(
                self.morning, self._no_files, lambda *_: [], partial(self.published.last, "bars_am")
            ),
            plans.BREAKDOWN: Endpoint(
                self.breakdown,
                self._breakdowns,
                partial(self._listed_days, "breakdown"),
                partial(self.published.last, "breakdown"),
            ),
        }

    def master(self, query: Query) -> pl.DataFrame:
        """Return who is listed on `date` or the business day after it; at the latest, on the next session."""
        asked, codes = answers.day(query, "date"), answers.code(query)
        covered, last = self.published.window(), self.published.last("master")
        covered.require_one(asked, self.published.today())
        if last == date.min:
            return self._listing([last])
        newest = next_session(last) if not self.published.terms.delay_weeks else min(last, covered.last)
        day = min(asked or self.published.today(), newest)
        return _of_codes(self._listing([business_day_from(day)]), codes)

    def bars(self, query: Query) -> pl.DataFrame:
        """Return the bars of a `date`, or of a `code` through time."""
        codes, asked, days = self._asked(query, "bars_daily")
        if asked or codes is None:
            return self._bars(days, codes)
        return self._blocks(self.market.bars_of_code(codes, days, self.published.last("bars_daily")))

    def breakdown(self, query: Query) -> pl.DataFrame:
        """Return who sold and bought how, on a `date` or of a `code` through time."""
        codes, _, days = self._asked(query, "breakdown")
        return self._breakdown(days, codes)

    def morning(self, query: Query) -> pl.DataFrame:
        """Return today's morning.

        Raises:
            ApiError: 210, where today has no morning that is over.
        """
        codes, moment = answers.code(query), self.published.now()
        day = self.published.today() if moment is None else (moment - timedelta(hours=MORNING_FORGOTTEN)).date()
        over = moment is None or moment.date() > day or moment.hour >= MORNING_OVER
        if not (over and is_business_day(day)):
            raise ApiError(210, "There is no morning session to tell of yet. Ask between 12:00 and 06:00.")
        rows = self._blocked(self.market.bars_of([day] if day in self.market.days else [], day, codes))
        return rows.select(FIELDS[plans.BARS_AM])

    def _asked(self, query: Query, source: str) -> tuple[list[str] | None, date | None, Sequence[date]]:
        answers.require(query, "date", "code")
        codes, asked = answers.code(query), answers.day(query, "date")
        first, last = answers.day(query, "from"), answers.day(query, "to")
        covered = self.published.window()
        if asked:
            covered.require_one(asked, self.published.today())
            return codes, asked, self._between(asked, asked, source)
        if codes is None:
            raise ApiError(400, "'from' and 'to' need a 'code'.")
        covered.require(first, last)
        return codes, None, self._between(first or covered.first, last or covered.last, source)

    def _between(self, first: date, last: date, source: str) -> Sequence[date]:
        covered = self.published.window()
        return self.market.between(max(first, covered.first), min(last, covered.last, self.published.last(source)))

    def _listed_days(self, source: str, first: date, last: date) -> list[date]:
        return list(self._between(first, last, source))

    def _masters(self, first: date, last: date) -> pl.DataFrame:
        days = self._between(first, last, "master")
        return self._listing(days or [date.min])

    def _listing(self, days: Sequence[date]) -> pl.DataFrame:
        """Return who is listed on some days; what margin class an issue has only some plans tell."""
        rows = pl.concat([self.market.master_of(day) for day in days])
        blank = () if plans.MARGIN_CLASS in self.published.terms.tells else _MARGIN_CLASS
        return rows.with_columns(pl.lit("").alias(name) for name in blank)

    def _all_bars(self, first: date, last: date) -> pl.DataFrame:
        return self._bars(self._between(first, last, "bars_daily"), None)

    def _breakdowns(self, first: date, last: date) -> pl.DataFrame:
        return self._breakdown(self._between(first, last, "breakdown"), None)

    def _no_files(self, *_: date) -> pl.DataFrame:
        return pl.DataFrame(schema=dict.fromkeys(FIELDS[plans.BARS_AM], pl.String))

    def _breakdown(self, days: Sequence[date], codes: Sequence[str] | None) -> pl.DataFrame:
        told = [day for day in days if day != SYSTEM_FAILURE and self.market.invented]
        return breakdown(self.market.bars_of(told, self.published.last("breakdown"), codes))

    def _bars(self, days: Sequence[date], codes: Sequence[str] | None) -> pl.DataFrame:
        return self._blocks(self.market.bars_of(days, self.published.last("bars_daily"), codes))

    def _blocks(self, bars: pl.DataFrame) -> pl.DataFrame:
        return self._blocked(bars) if self.published.terms.half_day_blocks else bars.select(BARS)

    def _blocked(self, bars: pl.DataFrame) -> pl.DataFrame:
        if self.market.invented:
            return half_days(bars)
        return bars.with_columns(pl.lit(None, pl.Float64).alias(name) for name in HALF_DAY_BLOCKS)


def _of_codes(rows: pl.DataFrame, codes: Sequence[str] | None) -> pl.DataFrame:
    return rows if codes is None else rows.filter(pl.col("Code").is_in(codes))
