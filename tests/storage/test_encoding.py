"""Frames as bytes: either encoding gives back the same values and types, and equal frames give equal bytes."""

import io
import math
from datetime import date

import polars as pl
import pyarrow.parquet as pq
import pytest

from tosho.contracts.tables import features_contract
from tosho.storage import parquet_bytes, wide_bytes

NAMES = tuple(f"feature_{number}" for number in range(300))
FRAME = pl.DataFrame(
    {
        "session": [date(2024, 1, 4)] * 3,
        "code": ["13010", "130A0", "72030"],
        **{name: pl.Series([float(number), None, -0.0], dtype=pl.Float32) for number, name in enumerate(NAMES)},
    },
    schema_overrides={"session": pl.Date},
)


@pytest.mark.parametrize("encoded", [parquet_bytes, wide_bytes])
def test_a_frame_comes_back_with_its_values_and_types(encoded):
    found = pl.read_parquet(io.BytesIO(encoded(FRAME)))
    assert found.schema == FRAME.schema
    assert found.equals(FRAME, null_equal=True)
    assert math.copysign(1, found["feature_7"][2]) == -1


@pytest.mark.parametrize("encoded", [parquet_bytes, wide_bytes])
def test_equal_frames_have_equal_bytes_however_they_came_about(encoded):
    in_parts = pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)
    assert encoded(in_parts) == encoded(FRAME)
    assert encoded(FRAME.with_columns(feature_0=pl.col("feature_0") + 1)) != encoded(FRAME)


def test_a_frame_without_rows_comes_back():
    assert pl.read_parquet(io.BytesIO(wide_bytes(FRAME.clear()))).schema == FRAME.schema


def test_features_are_written_as_they_are_and_their_keys_by_dictionary():
    assert features_contract(NAMES).is_wide
    columns = pq.ParquetFile(io.BytesIO(wide_bytes(FRAME))).metadata.row_group(0)
    told = {columns.column(at).path_in_schema: columns.column(at) for at in range(columns.num_columns)}
    assert any("DICTIONARY" in encoding for encoding in told["code"].encodings)
    assert not any("DICTIONARY" in encoding for encoding in told["feature_7"].encodings)
