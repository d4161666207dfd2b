"""The answers of the endpoints that serve a file: rows chosen by the question, of what is published and covered."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from tosho.simulation import answers
from tosho.simulation.answers import ApiError, Query
from tosho.simulation.publication import Published
from tosho.simulation.tables import Table

_DAYS = frozenset({"calc_date", "published_date"})
"""Parameters that are days of another column than the table's own."""


@dataclass(frozen=True)
class Endpoint:
    """How one endpoint answers, and what its files of months hold.

    Attributes:
        answer: A question's rows.
        between: All rows from one day to another, both included.
        days: The days between two on which it has rows.
        edition: Changes when the rows may have.
    """

    answer: Callable[[Query], pl.DataFrame]
    between: Callable[[date, date], pl.DataFrame]
    days: Callable[[date, date], list[date]]
    edition: Callable[[], Hashable]


@dataclass(frozen=True)
class TableRows:
    """One table of a market, asked through its endpoint."""

    table: Table
    load: Callable[[], pl.DataFrame]
    published: Published

    def endpoint(self) -> Endpoint:
        """Return the endpoint."""
        return Endpoint(self.answer, self.between, self.days, self._edition)

    def answer(self, query: Query) -> pl.DataFrame:
        """Return the rows that a question asks for.

        Raises:
            ApiError: It names no parameter that is needed, too many, one that cannot be read, or a day before the
                plan's window.
        """
        self._refuse(query)
        first, last = self._span(query)
        rows = self.between(first, last)
        for name, column in self.table.equal.items():
            if query.get(name):
                rows = rows.filter(pl.col(column).is_in(self._wanted(query, name)))
        if scheduled := answers.day(query, "scheduled_date"):
            rows = _in_force(rows).filter(pl.col("SchDate") == str(scheduled))
        return rows

    def between(self, first: date, last: date) -> pl.DataFrame:
        """Return what was published of some days that the plan covers."""
        covered = self.published.window()
        inside = pl.col(self.table.dated).is_between(
            pl.lit(str(max(first, covered.first))), pl.lit(str(min(last, covered.last)))
        )
        rows = self.load().filter(inside)
        return rows if self.published.clock is None else rows.filter(self.table.visible(self.published, self.table))

    def days(self, first: date, last: date) -> list[date]:
        """Return the days that have rows."""
        found = self.between(first, last)[self.table.dated].unique()
        return sorted(date.fromisoformat(text) for text in found.to_list())

    def _edition(self) -> Hashable:
        covered = self.published.window()
        return covered, self.between(*covered).height  # what was published stays as it was; rows are added

    def _refuse(self, query: Mapping[str, str]) -> None:
        table = self.table
        given = [name for name in table.asks if query.get(name)]
        if table.one_only and len(given) != 1:
            raise ApiError(400, f"This API requires exactly 1 parameter as follows; {', '.join(table.asks)}")
        if table.asks:
            answers.require(query, *table.asks)
        if table.span_needs and any(query.get(name) for name in table.span):
            answers.require(query, *table.span_needs)
        if query.get("published_date") and any(query.get(name) for name in (table.day, *table.span)):
            raise ApiError(400, "'published_date' cannot be combined with 'date', 'from' or 'to'.")

    def _wanted(self, query: Query, name: str) -> list[str]:
        if name in self.table.issues:
            return answers.code(query) or []
        return [str(answers.day(query, name))] if name in _DAYS else [query[name]]

    def _span(self, query: Query) -> tuple[date, date]:
        covered = self.published.window()
        if self.table.day and (asked := answers.day(query, self.table.day)):
            covered.require_one(asked, self.published.today())
            return asked, asked
        first, last = (answers.day(query, name) for name in self.table.span or ("", ""))
        covered.require(first, last)
        return first or covered.first, last or covered.last


def _in_force(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the newest row of each schedule."""
    return rows.unique(["Code", "FYE", "FQName"], keep="last", maintain_order=True)
