"""Rows on their way in: what is refused before it could be bent, and what names a load."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from predictions.frames import SESSION, predictions
from tosho.contracts import ContractError
from tosho.predictions import LoadRefusedError
from tosho.predictions.rows import checked, load_id, restored, stored

NAN, INFINITY = float("nan"), float("inf")

REFUSED = {
    "no row": (pl.lit(0), "has no row"),
    "a NaN": (pl.lit(NAN).alias("q05"), "240 of 240 values of q05 are not finite"),
    "an infinity": (pl.lit(INFINITY).alias("expected_return"), "expected_return are not finite"),
    "a target beyond what is stored": (pl.lit(date(2150, 1, 4)).alias("target_session"), "target_session are outside"),
    "an instant before 1970": (
        pl.lit(datetime(1969, 12, 31, tzinfo=UTC)).alias("predicted_at"),
        "predicted_at are outside",
    ),
}


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_store_would_bend_is_refused(change: pl.Expr, sentence: str) -> None:
    frame = predictions().clear() if "no row" in sentence else predictions().with_columns(change)
    with pytest.raises(LoadRefusedError, match=sentence):
        checked(SESSION, frame)


def test_rows_of_another_session_are_refused() -> None:
    both = pl.concat([predictions(), predictions(SESSION + timedelta(3))])
    with pytest.raises(LoadRefusedError, match=r"rows of 1 other session\(s\), first 2018-11-19"):
        checked(SESSION, both)


def test_the_contract_is_asked_first() -> None:
    with pytest.raises(ContractError, match="repeated_row"):
        checked(SESSION, pl.concat([predictions(), predictions()]))


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=4, max_size=4),
    st.sampled_from([None, -0.0, 5e-324]),
)
def test_stored_rows_come_back_as_they_were(scores: list[float], quantile: float | None) -> None:
    rows = predictions(codes=1).with_columns(score=pl.Series(scores), q50=pl.lit(quantile, pl.Float64))
    if quantile is None:
        rows = rows.with_columns(q50=pl.Series([0.25, None, None, None]))
    good = checked(SESSION, rows)
    assert_frame_equal(restored(stored(good)), good, check_exact=True)


@pytest.mark.parametrize("column", ["score", "q95", "rank", "run_id", "predicted_at", "flags", "model_version"])
def test_every_column_names_the_load(column: str) -> None:
    changed = {
        "score": pl.col("score") * (1 + 2**-52),
        "q95": pl.col("q95").fill_null(0.0),
        "rank": pl.col("rank") + 1,
        "predicted_at": pl.col("predicted_at") + timedelta(microseconds=1),
    }.get(column, pl.col(column) + "x")
    other = predictions().with_columns(changed.alias(column))
    assert load_id(SESSION, checked(SESSION, other)) != load_id(SESSION, checked(SESSION, predictions()))


def test_the_order_of_rows_and_the_sign_of_zero_do_not_name_the_load() -> None:
    zero = predictions().with_columns(score=pl.lit(0.0))
    minus = predictions().with_columns(score=pl.lit(-0.0)).reverse()
    assert load_id(SESSION, checked(SESSION, zero)) == load_id(SESSION, checked(SESSION, minus))


def test_a_load_keeps_its_name_from_release_to_release() -> None:
    frame = predictions(codes=1).with_columns(score=pl.lit(0.5), expected_return=pl.lit(0.25))
    assert load_id(SESSION, checked(SESSION, frame)) == "06c5aa7af2e85412"
