"""The answers themselves: each endpoint's rows, of what a market has published and a plan covers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import polars as pl

from tosho.calendar import JST, is_half_day, is_session, next_session, published_at
from tosho.ingest import plans
from tosho.ingest.plans import Terms
from tosho.simulation import answers
from tosho.simulation.answers import ApiError
from tosho.simulation.bulk import BulkFile, BulkFiles, covers, files_of
from tosho.simulation.fields import BARS, HALF_DAY_BLOCKS
from tosho.simulation.limits import Window, window
from tosho.simulation.market_folder import Market

Query = Mapping[str, str]
Clock = Callable[[], datetime]

HOLIDAY_TRADING_SINCE = date(2022, 9, 23)
"""From here the derivatives exchange trades on public holidays (HolDiv 3), New Year's Day apart."""

PRELIMINARY = "18:00:00"
"""Statements disclosed up to here are in the evening's first edition; later ones in that of half past midnight."""


@dataclass(frozen=True)
class Datasets:
    """Rows by endpoint.

    With a clock, a record is there from its publication on, and splits adjust what is before them from their
    ex-date on. Without one the whole folder is published, and today is its last session.
    """

    market: Market
    terms: Terms
    clock: Clock | None = None
    files: BulkFiles = field(default_factory=BulkFiles)

    def today(self) -> date:
        """Return the day on which the questions are asked."""
        return self.market.sessions[-1] if self.clock is None else self.clock().astimezone(JST).date()

    def window(self) -> Window:
        """Return the days that the plan covers today."""
        return window(self.terms, self.today())

    def last_published(self, source: str) -> date:
        """Return the newest session of which a source was published; `date.min` before the first."""
        sessions = self.market.sessions
        if self.clock is None:
            return sessions[-1]
        moment = self.clock()
        count = bisect_right(sessions, moment, key=lambda session: published_at(source, session))
        return sessions[count - 1] if count else date.min

    def master(self, query: Query) -> pl.DataFrame:
        """Return who is listed on `date` or the session after it; at the latest, on the next session."""
        asked, codes = answers.day(query, "date"), answers.code(query)
        covered, last = self.window(), self.last_published("master")
        covered.require_one(asked, self.today())
        if last == date.min:
            return self.market.master_of(last)
        newest = next_session(last) if not self.terms.delay_weeks else min(last, covered.last)
        day = min(asked or self.today(), newest)
        rows = self.market.master_of(day if is_session(day) else next_session(day))
        return rows if codes is None else rows.filter(pl.col("Code").is_in(codes))

    def bars(self, query: Query) -> pl.DataFrame:
        """Return the bars of a `date`, or of a `code` through time."""
        answers.require(query, "date", "code")
        codes, asked = answers.code(query), answers.day(query, "date")
        first, last = answers.day(query, "from"), answers.day(query, "to")
        if asked:
            self.window().require_one(asked, self.today())
            return self._bars(self._sessions(asked, asked, "bars_daily"), codes)
        if codes is None:
            raise ApiError(400, "'from' and 'to' need a 'code'.")
        sessions = self._sessions(*self._range(first, last), "bars_daily")
        return self._blocks(self.market.bars_of_code(codes, sessions, self.last_published("bars_daily")))

    def topix(self, query: Query) -> pl.DataFrame:
        """Return TOPIX between `from` and `to`."""
        first, last = self._range(answers.day(query, "from"), answers.day(query, "to"))
        return self.market.topix.filter(pl.col("Date").is_between(first, min(last, self.last_published("topix"))))

    def statements(self, query: Query) -> pl.DataFrame:
        """Return the statements disclosed on a `date`, or those of a `code`."""
        answers.require(query, "date", "code")
        codes, asked = answers.code(query), answers.day(query, "date")
        self.window().require_one(asked, self.today())
        rows = self._statements(*(asked, asked) if asked else self._range(None, None))
        return rows if codes is None else rows.filter(pl.col("Code").is_in(codes))

    def investors(self, query: Query) -> pl.DataFrame:
        """Return the weekly flows that were published between `from` and `to`, of one `section` or all."""
        first, last = self._range(answers.day(query, "from"), answers.day(query, "to"))
        rows = self._investors(first, last)
        section = query.get("section", "")
        return rows.filter(pl.col("Section") == section) if section else rows

    def calendar(self, query: Query) -> pl.DataFrame:
        """Return what kind of day each day is: from the plan's first one to the end of the next year."""
        covered = self.window()
        first, last = answers.day(query, "from") or covered.first, answers.day(query, "to") or date.max
        covered.require(first)
        last = min(last, date(self.today().year + 1, 12, 31))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rows = pl.DataFrame(
            {"Date": days, "HolDiv": [holiday_division(day) for day in days]},
            schema={"Date": pl.Date, "HolDiv": pl.String},
        )
        kind = query.get("hol_div", "")
        return rows.filter(pl.col("HolDiv") == kind) if kind else rows

    def bulk_list(self, query: Query) -> pl.DataFrame:
        """Return the files of an `endpoint`, between `from` and `to`, or those of a `date` over all endpoints."""
        answers.require(query, "endpoint", "date")
        asked = query.get("date", "")
        first, last = answers.day(query, "from") or date.min, answers.day(query, "to") or date.max
        endpoints = [query["endpoint"]] if query.get("endpoint") else list(self._bulk())
        found = [file for endpoint in endpoints for file in self._files(endpoint)]
        chosen = [f for f in found if f.last >= first and f.first <= last and (not asked or covers(f, asked))]
        rows = [(file.key, file.modified, len(self.bulk_content(file.key))) for file in chosen]
        return pl.DataFrame(rows, schema={"Key": pl.String, "LastModified": pl.String, "Size": pl.Int64}, orient="row")

    def bulk_key(self, query: Query) -> str:
        """Return the key of the file that is meant by `key`, or by `endpoint` and `date`."""
        answers.require(query, "key", "endpoint")
        if key := query.get("key", ""):
            return self._file(key).key
        answers.require(query, "date")
        found = [file.key for file in self._files(query["endpoint"]) if covers(file, query["date"])]
        if not found:
            raise ApiError(400, f"There is no file of {query['endpoint']} for {query['date']}.")
        return found[0]

    def bulk_content(self, key: str) -> bytes:
        """Return a file."""
        file = self._file(key)
        return self.files.content(file, self._bulk()[file.endpoint], self.last_published("bars_daily"))

    def _bulk(self) -> dict[str, Callable[[date, date], pl.DataFrame]]:
        return {
            plans.MASTER: self._masters, plans.BARS: self._all_bars, plans.FINS: self._statements,
            plans.TOPIX: self._topix, plans.INVESTORS: self._investors,
        }  # fmt: skip

    def _files(self, endpoint: str) -> Sequence[BulkFile]:
        if endpoint not in self._bulk():
            raise ApiError(400, f"'endpoint' must be one of {', '.join(self._bulk())}.")
        return list(files_of(endpoint, self._days(endpoint), self.today()))

    def _file(self, key: str) -> BulkFile:
        for endpoint in self._bulk():
            if key.startswith(endpoint.strip("/") + "/"):
                for file in self._files(endpoint):
                    if file.key == key:
                        return file
        raise ApiError(400, "There is no file with this 'key'.")

    def _days(self, endpoint: str) -> list[date]:
        """Return the days on which an endpoint has rows."""
        first, last = self.window()
        if endpoint in (plans.FINS, plans.INVESTORS):
            rows, name = (self._statements(first, last), "DiscDate") if endpoint == plans.FINS else (
                self._investors(first, last), "PubDate")  # fmt: skip
            return sorted({date.fromisoformat(text) for text in rows[name].to_list()})
        if endpoint == plans.TOPIX:
            return self._topix(first, last)["Date"].to_list()
        return list(self._sessions(first, last, "master" if endpoint == plans.MASTER else "bars_daily"))

    def _masters(self, first: date, last: date) -> pl.DataFrame:
        days = self._sessions(first, last, "master")
        return pl.concat([self.market.master_of(day) for day in days]) if days else self.market.master_of(date.min)

    def _all_bars(self, first: date, last: date) -> pl.DataFrame:
        return self._bars(self._sessions(first, last, "bars_daily"), None)

    def _topix(self, first: date, last: date) -> pl.DataFrame:
        return self.topix({"from": first.isoformat(), "to": last.isoformat()})

    def _bars(self, sessions: Sequence[date], codes: Sequence[str] | None) -> pl.DataFrame:
        return self._blocks(self.market.bars_of(sessions, self.last_published("bars_daily"), codes))

    def _blocks(self, bars: pl.DataFrame) -> pl.DataFrame:
        if not self.terms.half_day_blocks:
            return bars.select(BARS)
        return bars.with_columns(pl.lit(None, pl.Float64).alias(name) for name in HALF_DAY_BLOCKS)

    def _statements(self, first: date, last: date) -> pl.DataFrame:
        rows = self.market.statements.filter(pl.col("DiscDate").is_between(pl.lit(str(first)), pl.lit(str(last))))
        if self.clock is None:
            return rows
        there = self.clock().astimezone(JST)
        first_edition, second = (there.date() if there.time() >= at else there.date() - timedelta(days=1)
                                 for at in (time(18), time(0, 30)))  # fmt: skip
        early = (pl.col("DiscTime") <= PRELIMINARY) & (pl.col("DiscDate") <= str(first_edition))
        return rows.filter(early | (pl.col("DiscDate") < str(second)))

    def _investors(self, first: date, last: date) -> pl.DataFrame:
        until = last if self.clock is None else min(last, self._newest_flows())
        published = pl.col("PubDate").cast(pl.String)
        return self.market.investors.filter(published.is_between(pl.lit(str(first)), pl.lit(str(until))))

    def _newest_flows(self) -> date:
        there = self.clock().astimezone(JST) if self.clock else datetime.max.replace(tzinfo=JST)
        return there.date() if there.time() >= time(16, 30) else there.date() - timedelta(days=1)

    def _sessions(self, first: date, last: date, source: str) -> Sequence[date]:
        covered = self.window()
        return self.market.between(max(first, covered.first), min(last, covered.last, self.last_published(source)))

    def _range(self, first: date | None, last: date | None) -> tuple[date, date]:
        covered = self.window()
        covered.require(first, last)
        return first or covered.first, min(last or covered.last, covered.last)


def holiday_division(day: date) -> str:
    """Return J-Quants' HolDiv: 0 closed, 1 open, 2 a morning, 3 closed but for derivatives."""
    if is_session(day):
        return "2" if is_half_day(day) else "1"
    weekend, new_year = day.isoweekday() > 5, (day.month, day.day) in {(1, 1), (12, 31)}  # noqa: PLR2004 - Saturday
    return "3" if day >= HOLIDAY_TRADING_SINCE and not weekend and not new_year else "0"
