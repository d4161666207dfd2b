"""The ClickHouse server as a store, from 18.16 on, over its native protocol.

A session's lock is an INSERT into a Null table, held open under a `query_id` that names the session: the server
refuses a second query of the same id, and forgets the first when its connection ends, however its client ended.
So writers on different machines exclude each other without another service. It holds within one server (not
across replicas), and for as long as the server's `receive_timeout` (300 s), many times what a load takes.
"""

from __future__ import annotations

import ast
import logging
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import polars as pl
from clickhouse_driver import Client
from clickhouse_driver import errors as driver

from tosho.config import Store
from tosho.predictions import schema
from tosho.predictions.engine import Commit, StoreBusyError, StoreError, StoreUnavailableError, Tally
from tosho.predictions.locks import POLL_S, busy
from tosho.predictions.rows import polars_type

_TAKEN = driver.ErrorCodes.QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING
_NOTHING_YET = {driver.ErrorCodes.UNKNOWN_TABLE, driver.ErrorCodes.UNKNOWN_DATABASE}
_REFUSED = {192, 193, 194, 516}  # unknown user, wrong password, password required, authentication failed
_ASYNC_INSERT_SINCE = (21, 11, 0)
_CONNECT_BOUND_S = 5
_COMMIT = ", ".join(Commit._fields)

# The driver logs a traceback for every refused connection; ours is a sentence.
logging.getLogger("clickhouse_driver.connection").setLevel(logging.ERROR)


class ClickHouseEngine:
    """Predictions in one database of one server. Every operation makes its own connection (1 ms), and ends it."""

    def __init__(self, store: Store, lock_bound_s: float) -> None:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", store.database):
            raise StoreUnavailableError(
                f"The store's database is {store.database!r}; it must be letters, digits and underscores. "
                "Set TOSHO_STORE_DATABASE."
            )
        self._store = store
        self._lock_bound_s = lock_bound_s

    @property
    def where(self) -> str:
        """The place, for sentences."""
        return f"ClickHouse at {self._store.host}:{self._store.port}, database {self._store.database}"

    def ping(self) -> str:
        """Return the engine's name and version."""
        return f"ClickHouse {self._execute('SELECT version()')[0][0]}"

    def prepare(self) -> None:
        """Make database, tables and view, where they are not."""
        for statement in schema.statements(self._store.database):
            self._execute(statement)

    @contextmanager
    def locked(self, session: date) -> Iterator[None]:
        """Hold the session's lock."""
        until = time.monotonic() + self._lock_bound_s
        while (holder := self._hold(self._query_id("lock", session))) is None:
            if time.monotonic() >= until:
                taken = f"Session {session} is being loaded into {self.where} by another process"
                raise StoreBusyError(busy(taken, self._lock_bound_s))
            time.sleep(POLL_S)
        try:
            yield
        finally:
            holder.disconnect()

    def newest(self, session: date) -> Commit | None:
        """Return the session's newest commit."""
        found = self._commits(_COMMIT, f"WHERE session = {_date(session)} ORDER BY sequence DESC LIMIT 1")
        return Commit(*found[0]) if found else None

    def committed(self) -> list[date]:
        """Return the sessions that have a commit."""
        return [row[0] for row in self._commits("DISTINCT session", "ORDER BY session")]

    def stored(self) -> list[date]:
        """Return the sessions that have a partition."""
        partitions = [*self._partitions(schema.ROWS), *self._partitions(schema.COMMITS)]
        return sorted({date.fromisoformat(re.findall(r"\d{4}-\d\d-\d\d", name)[0]) for name in partitions})

    def select(self, session: date, load_id: str, what: str, where: Sequence[str] = (), tail: str = "") -> pl.DataFrame:
        """Return a query's answer over one load."""
        load = (f"session = {_date(session)}", f"load_id = {schema.literal(load_id)}")
        sql = f"SELECT {what} FROM {self._table(schema.ROWS)} WHERE {' AND '.join([*load, *where])} {tail}"  # noqa: S608
        values, kinds = self._execute(sql, columnar=True, with_column_types=True)
        data = values or [()] * len(kinds)
        return pl.DataFrame(
            [pl.Series(name, column, polars_type(kind)) for (name, kind), column in zip(kinds, data, strict=True)]
        )

    def tally(self, session: date, load_id: str) -> Tally:
        """Count and fold one load's rows, on the server."""
        return Tally(*self.select(session, load_id, schema.tally()).row(0))

    def put(self, session: date, load_id: str, rows: pl.DataFrame) -> None:
        """Clear the load's partition and insert its rows as one block."""
        table = self._table(schema.ROWS)
        columns = [[load_id] * rows.height, *(column.to_list() for column in rows)]
        self._execute(f"ALTER TABLE {table} DROP PARTITION ('{session}', {schema.literal(load_id)})")
        # The id keeps out an insert that a killed client left running on the server.
        insert = f"INSERT INTO {table} (load_id, {schema.names()}) VALUES"
        self._execute(insert, columns, columnar=True, query_id=self._query_id("insert", session))

    def commit(self, commit: Commit) -> None:
        """Insert the row that makes a load the newest."""
        self._execute(f"INSERT INTO {self._table(schema.COMMITS)} ({_COMMIT}) VALUES", [tuple(commit)])

    def keep_only(self, session: date, load_ids: set[str]) -> None:
        """Drop the session's other partitions."""
        for name in self._partitions(schema.ROWS):
            of, load_id = ast.literal_eval(name)
            if of == str(session) and load_id not in load_ids:
                self._execute(f"ALTER TABLE {self._table(schema.ROWS)} DROP PARTITION {name}")

    def drop(self, session: date) -> None:
        """Drop the session's partitions, commits first."""
        self._execute(f"ALTER TABLE {self._table(schema.COMMITS)} DROP PARTITION '{session}'")
        self.keep_only(session, set())

    def _commits(self, what: str, tail: str) -> list[tuple[Any, ...]]:
        try:
            return list(self._execute(f"SELECT {what} FROM {self._table(schema.COMMITS)} {tail}"))  # noqa: S608
        except NothingYetError:
            return []

    def _partitions(self, table: str) -> list[str]:
        sql = (
            f"SELECT DISTINCT partition FROM system.parts WHERE active AND table = {schema.literal(table)} "  # noqa: S608
            f"AND database = {schema.literal(self._store.database)} ORDER BY partition"
        )
        return [row[0] for row in self._execute(sql)]

    def _table(self, name: str) -> str:
        return f"{self._store.database}.{name}"

    def _query_id(self, what: str, session: date) -> str:
        return f"tosho-{what}-{self._store.database}-{session}"

    def _client(self) -> Client:
        s = self._store
        return Client(s.host, port=s.port, user=s.user, password=s.password, connect_timeout=_CONNECT_BOUND_S)

    def _execute(self, sql: str, rows: Sequence[Sequence[object]] | None = None, **options: object) -> Any:  # noqa: ANN401 - as the driver's
        client = self._client()
        with self._sentences():
            try:
                client.connection.connect()
                # Newer servers may gather inserts in the background; we read back what we wrote.
                newer = client.connection.server_info.version_tuple() >= _ASYNC_INSERT_SINCE
                return client.execute(sql, rows, settings={"async_insert": 0} if newer else {}, **options)
            finally:
                client.disconnect()

    def _hold(self, query_id: str) -> Client | None:
        """Open the INSERT that is the lock; none where another connection holds it."""
        client = self._client()
        with self._sentences():
            try:
                client.connection.force_connect()
                client.connection.send_query(f"INSERT INTO {self._table(schema.LOCKS)} VALUES", query_id=query_id)
                client.connection.send_external_tables([])
                client.receive_sample_block()
            except driver.ServerException as error:
                client.disconnect()
                if error.code == _TAKEN:
                    return None
                raise
            except BaseException:
                client.disconnect()
                raise
        return client

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except driver.ServerException as error:
            told = str(error.message).partition("Stack trace")[0].strip()
            raise _kind(error.code)(
                f"{self.where}, as user {self._store.user!r}: {told} (code {error.code})"
            ) from error
        except (driver.Error, EOFError, OSError) as error:
            told = str(error).strip() or type(error).__name__
            raise StoreUnavailableError(
                f"{self.where}, does not answer: {told}. Start it, or mend TOSHO_STORE_HOST and TOSHO_STORE_PORT "
                "(Airflow: connection clickhouse_default). What was not committed is not seen; run the task again."
            ) from error


class NothingYetError(StoreError):
    """The tables are not there: nothing was ever loaded."""


def _kind(code: int) -> type[Exception]:
    if code in _REFUSED:
        return StoreUnavailableError
    if code == _TAKEN:
        return StoreBusyError
    return NothingYetError if code in _NOTHING_YET else StoreError


def _date(session: date) -> str:
    return f"toDate('{session}')"
