"""Everything that a market answers, by endpoint, and the files of months that hold the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial

import polars as pl

from tosho.ingest import plans
from tosho.ingest.plans import Terms
from tosho.simulation import answers
from tosho.simulation.answers import ApiError, Query
from tosho.simulation.bulk import BulkFile, BulkFiles, covers, files_of
from tosho.simulation.days import Days
from tosho.simulation.endpoints import Endpoint, TableRows
from tosho.simulation.equities import Equities
from tosho.simulation.json_rows import rows_for_file
from tosho.simulation.market_folder import Market
from tosho.simulation.publication import Clock, Published
from tosho.simulation.tables import TABLES

Rows = Callable[[Query], pl.DataFrame]


@dataclass(frozen=True)
class Datasets:
    """Rows by endpoint, and files, of what a market has published and a plan covers."""

    market: Market
    terms: Terms
    clock: Clock | None = None
    files: BulkFiles = field(default_factory=BulkFiles)

    @cached_property
    def published(self) -> Published:
        """What can be known by now."""
        return Published(self.market.days, self.terms, self.clock)

    @cached_property
    def endpoints(self) -> dict[str, Endpoint]:
        """The endpoints that come in pages, by path."""
        tables = {
            table.endpoint: TableRows(
                table, partial(self.market.table, table.file, table.endpoint, table.dated), self.published
            )
            for table in TABLES
        }
        equities = Equities(self.market, self.published).endpoints()
        return equities | {path: rows.endpoint() for path, rows in tables.items()}

    def paged(self) -> dict[str, Rows]:
        """Return the answers that come in pages, by endpoint."""
        rows = {path: endpoint.answer for path, endpoint in self.endpoints.items()}
        return rows | {plans.EARNINGS_CALENDAR: self._days().earnings}

    def whole(self) -> dict[str, Rows]:
        """Return the answers that come as one."""
        return {plans.CALENDAR: self._days().calendar, plans.BULK_LIST: self.bulk_list}

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
        endpoint = self._bulk()[file.endpoint]

        def cut(first: date, last: date) -> pl.DataFrame:
            return rows_for_file(file.endpoint, endpoint.between(first, last))

        return self.files.content(file, cut, endpoint.edition())

    def _days(self) -> Days:
        return Days(self.market, self.published, self._scheduled)

    def _scheduled(self) -> pl.DataFrame:
        return self.market.table("earnings_date", plans.EARNINGS_DATE, "PubDate")

    def _bulk(self) -> dict[str, Endpoint]:
        with_files = self.terms.endpoints - plans.WITHOUT_FILES
        return {path: endpoint for path, endpoint in self.endpoints.items() if path in with_files}

    def _files(self, endpoint: str) -> Sequence[BulkFile]:
        if endpoint not in self._bulk():
            raise ApiError(400, f"'endpoint' must be one of {', '.join(self._bulk())}.")
        days = self._bulk()[endpoint].days(*self.published.window())
        return list(files_of(endpoint, days, self.published.today()))

    def _file(self, key: str) -> BulkFile:
        for endpoint in self._bulk():
            if key.startswith(f"{endpoint.strip('/')}/"):
                for file in self._files(endpoint):
                    if file.key == key:
                        return file
        raise ApiError(400, "There is no file with this 'key'.")
