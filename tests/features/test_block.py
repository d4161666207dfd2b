"""Blocks of rows give back what they were made of, whatever is null and however the rows were dealt out."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from tosho.features.pieces import blob
from tosho.features.pieces.block import Block, packed

DAYS = [date(1969, 12, 30), date(2024, 1, 4), date(2024, 1, 9)]
ROWS = pl.DataFrame(
    {
        "session": [DAYS[1], DAYS[2], DAYS[0], DAYS[1], DAYS[2]],
        "code": ["B", "B", "A", "A", "A"],
        "sector33": ["1", None, "2", "2", "2"],
        "close": [1.5, None, 1e300, -0.0, 2.0],
        "ret_1": pl.Series([0.1, None, -0.0, 3.4e38, float("inf")], dtype=pl.Float32),
        "ret_5": pl.Series([None] * 5, dtype=pl.Float32),
    }
)


def frames(*blobs: bytes) -> list[tuple[date, pl.DataFrame]]:
    return [(session, rows.select(ROWS.columns)) for session, rows in Block.together(blobs).sessions()]


def whole(rows: pl.DataFrame) -> bytes:
    [blob] = packed(rows, [(DAYS[0], DAYS[-1])])
    return blob


def of(session: date) -> pl.DataFrame:
    return ROWS.filter(pl.col("session") == session).sort("code")


def test_each_session_comes_back_in_order_with_its_nulls_and_types():
    found = frames(whole(ROWS))
    assert [session for session, _ in found] == DAYS
    for session, rows in found:
        assert rows.schema == ROWS.schema
        assert rows.equals(of(session))


def test_rows_that_were_dealt_out_by_code_come_together():
    for session, rows in frames(whole(ROWS[:2]), whole(ROWS[2:])):
        assert rows.equals(of(session))


def test_the_sign_of_zero_is_kept():
    assert str(dict(frames(whole(ROWS)))[DAYS[0]]["ret_1"][0]) == "-0.0"


def test_each_span_has_the_rows_of_its_sessions_and_one_without_rows_none():
    spans = [(DAYS[0], DAYS[0]), (date(2023, 12, 1), date(2024, 1, 3)), (DAYS[1], date(2024, 1, 8)), (DAYS[2], DAYS[2])]
    blobs = list(packed(ROWS, spans))
    assert blobs[1] is None
    assert [[session for session, _ in frames(blob)] for blob in blobs if blob] == [[day] for day in DAYS]
    assert pl.concat(rows for blob in blobs if blob for _, rows in frames(blob)).equals(ROWS.sort("session", "code"))


def test_rows_in_chunks_and_slices_are_what_they_are():
    chunks = pl.concat([ROWS[:2], ROWS[2:]], rechunk=False)
    assert whole(chunks) == whole(ROWS)
    assert whole(pl.concat([ROWS, ROWS])[5:]) == whole(ROWS)


def test_rows_without_a_float_are_rows_too():
    rows = ROWS.select("session", "code", "sector33")
    found = pl.concat(found for _, found in Block.together([whole(rows)]).sessions())
    assert found.equals(rows.sort("session", "code"))


def test_blocks_of_other_columns_are_not_put_together():
    with pytest.raises(ValueError, match="run the job again"):
        Block.together([whole(ROWS), whole(ROWS.drop("ret_5"))])


def test_a_block_that_cannot_travel_is_refused(monkeypatch):
    wide = ROWS.with_columns(pl.lit(0.0, pl.Float32).alias(f"x{i}") for i in range(200))
    monkeypatch.setattr(blob, "LIMIT", 4_000)
    assert whole(ROWS)
    with pytest.raises(blob.BlobTooLargeError, match="5 rows and 206 columns"):
        whole(wide)
