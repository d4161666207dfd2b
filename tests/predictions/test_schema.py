"""One schema for the contract, the oldest server and the newest engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from predictions.frames import SESSION, predictions
from services.clickhouse import ClickHouse
from tosho.config import Store
from tosho.contracts import PREDICTIONS
from tosho.predictions import open_store, schema
from tosho.predictions.clickhouse import ClickHouseEngine, NothingYetError
from tosho.predictions.versioned import VersionedStore


def test_stored_columns_are_those_of_the_contract() -> None:
    stored = [column.name.removesuffix("_us") for column in schema.columns()]
    assert stored == list(PREDICTIONS.schema)


def test_columns_that_may_be_null_are_those_of_the_contract() -> None:
    nullable = {column.name for column in schema.columns() if column.kind.startswith("Nullable")}
    assert nullable == {column.name for column in PREDICTIONS.columns if not column.required}


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.tuples(TEXT, TEXT, TEXT, TEXT),
    scores=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    quantiles=st.lists(st.none() | st.floats(-1, 1), min_size=4, max_size=4).filter(any),
)
def test_both_engines_give_one_fingerprint(
    server: ClickHouse, tmp_path: Path, texts: tuple[str, ...], scores: list[float], quantiles: list[float | None]
) -> None:
    frame = predictions(codes=1).with_columns(
        pl.Series("score", scores),
        pl.Series("q25", quantiles, pl.Float64),
        *(
            pl.lit(text).alias(name)
            for text, name in zip(texts, ("model", "flags", "run_id", "model_version"), strict=True)
        ),
    )
    frame = frame.with_columns(pl.lit(0.1).alias(name) for name in ("q05", "q50", "q75", "q95", "expected_return"))
    stores = [open_store(server.store("agree")), open_store(Store(uri=f"file://{tmp_path}/agree"))]
    one, other = (store.load(SESSION, frame) for store in stores)
    assert (one.load_id, one.fingerprint) == (other.load_id, other.fingerprint)
    assert stores[0].fingerprint(SESSION) == stores[1].fingerprint(SESSION)
    assert_frame_equal(stores[0].read(SESSION), stores[1].read(SESSION), check_exact=True)


def view_of(database: str) -> str:
    shown = "count(), min(run_id), toString(min(predicted_at))"
    return f"SELECT {shown} FROM {database}.predictions GROUP BY session ORDER BY session"


class OnNewestEngine(ClickHouseEngine):
    """The server's SQL, statement by statement, run by the newest engine we have, chdb in memory."""

    def __init__(self) -> None:
        from chdb.session import Session

        super().__init__(Store(kind="server", database="newest"), 1)
        self.session = Session(":memory:")

    @contextmanager
    def locked(self, session: date) -> Iterator[None]:  # the lock is of the protocol, not of the SQL
        yield

    def _execute(self, sql: str, rows: Sequence[Sequence[object]] | None = None, **options: object) -> Any:
        try:
            return self._answer(sql, rows, options)
        except RuntimeError as error:
            if "UNKNOWN_DATABASE" in str(error):
                raise NothingYetError(str(error)) from error
            raise

    def _answer(self, sql: str, rows: Sequence[Sequence[object]] | None, options: dict[str, object]) -> Any:
        if rows is not None:
            names = sql[sql.index("(") + 1 : sql.index(")")].split(", ")
            by_column = rows if options.get("columnar") else list(zip(*rows, strict=True))
            sent = pl.DataFrame(dict(zip(names, by_column, strict=True)), strict=False).to_arrow()  # noqa: F841
            return self.session.query(sql.replace("VALUES", f"SELECT {', '.join(names)} FROM Python(sent)"))
        if not sql.startswith("SELECT"):
            return self.session.query(sql)
        answer = self.session.query(sql, "ArrowTable")
        if not options.get("columnar"):
            return [tuple(row.values()) for row in answer.to_pylist()]
        kinds = [row["type"] for row in self.session.query(f"DESCRIBE ({sql})", "ArrowTable").to_pylist()]
        return [column.to_pylist() for column in answer.columns], list(zip(answer.column_names, kinds, strict=True))


def test_the_servers_sql_runs_on_the_newest_engine_too() -> None:
    engine = OnNewestEngine()
    store, later = VersionedStore(engine), SESSION + timedelta(3)
    try:
        assert store.sessions() == []
        for seed in (1, 2, 3):
            assert store.load(SESSION, predictions(seed=seed)).state == "loaded"
        assert store.load(SESSION, predictions(seed=3)).state == "already there"
        store.load(later, predictions(later))
        assert_frame_equal(store.read(SESSION), predictions(seed=3))
        assert store.top(later, 20, n=5)["rank"].to_list() == [1, 2, 3, 4, 5]
        assert engine._execute(view_of("newest")) == [
            (240, "seed-3", "2018-11-16 09:30:00"),
            (240, "seed-0", "2018-11-19 09:30:00"),
        ]
        assert store.drop_before(later) == [SESSION]
        assert store.sessions() == [later]
    finally:
        engine.session.close()


def test_the_servers_view_shows_the_newest_loads(server: ClickHouse) -> None:
    store, later = open_store(server.store("view")), SESSION + timedelta(3)
    for seed in (1, 2):
        store.load(SESSION, predictions(seed=seed))
    store.load(later, predictions(later))
    with server.client() as client:
        told = client.execute(view_of("view"))
    assert told == [(240, "seed-2", "2018-11-16 09:30:00"), (240, "seed-0", "2018-11-19 09:30:00")]


@pytest.mark.parametrize("text", ["plain", "it's", "back\\slash", "東証", "%(x)s %d", "new\nline"])
def test_a_literal_is_the_text_on_both_engines(server: ClickHouse, text: str) -> None:
    from tosho.predictions.local_engine import ask

    sql = f"SELECT {schema.literal(text)} AS told"
    with server.client() as client:
        assert client.execute(sql) == [(text,)]
    assert ask(sql)["told"].to_list() == [text]
