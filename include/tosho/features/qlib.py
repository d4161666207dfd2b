"""The mode `qlib`: the formulas of set `alpha158` with Qlib's own edges, to be compared with what Qlib computes.

Set 2 is null until a window is full and where it holds a null. Qlib instead takes the rows there are: windows begin
with a series' first row, nulls within them are passed over, a comparison with null is false, and a null wins the
search for the place of a maximum. Where a deviation is within 2e-5 of zero, correlation and R2 are null. Inputs and
outputs are float32. The formulas are those of the families; only the windows they look back with are others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tosho.features import skipping
from tosho.features.kernels import Array
from tosho.features.several import Several
from tosho.features.spec import Feature, expression_of
from tosho.features.windows_at_once import LOWER, UPPER, WINDOWS, Windows, share_work, taking

NOT_ZERO = 2e-5
"""A deviation of at most this is none."""

INPUTS = ("open", "high", "low", "close", "volume", "vwap")

_ROW = pl.col("row_of_code")
_BEFORE = max(WINDOWS)
"""Rows of nulls put before each code: as far as a window or a shift looks back."""
_CHUNK_ROWS = 65_536


def _quantiles(x: Array, windows: Sequence[int]) -> Several:
    return skipping.quantiles(x, windows, (UPPER, LOWER))


_moments = share_work("skipping.moments", skipping.moments)
_regressions = share_work("skipping.regressions", skipping.regressions)
_correlations = share_work("skipping.correlations", skipping.correlations)
_highs = share_work("skipping.highs", skipping.highs)
_places = share_work("skipping.places", skipping.places)
_of_order = share_work("skipping.quantiles", _quantiles)

_deviation = taking(_moments, 1)


def _share(condition: pl.Expr, window: int) -> pl.Expr:
    """False where it cannot be judged; rows before the first are none."""
    held = condition.fill_null(value=False).cast(pl.Float64)
    return _moments(pl.when(_ROW.is_not_null()).then(held), window=window)


def _moves(x: pl.Expr, window: int) -> pl.Expr:
    """False where the deviation is none; a deviation of one value is null, and not none."""
    return (_deviation(x, window) > NOT_ZERO).fill_null(value=True)


def _correlation(x: pl.Expr, y: pl.Expr, window: int) -> pl.Expr:
    found = _correlations(x, y, window=window)
    return pl.when(_moves(x, window) & _moves(y, window)).then(found)


def _explained(x: pl.Expr, window: int) -> pl.Expr:
    return pl.when(_moves(x, window)).then(_regressions(x, window=window, part=1))


def _lowest(x: pl.Expr, window: int) -> pl.Expr:
    return -_highs(-x, window=window)


def _place_of_highest(x: pl.Expr, window: int) -> pl.Expr:
    return _places(x, _ROW, window=window)


def _place_of_lowest(x: pl.Expr, window: int) -> pl.Expr:
    return _places(-x, _ROW, window=window)


QLIB = Windows(
    total=taking(share_work("skipping.sums", skipping.sums)),
    mean=taking(_moments),
    deviation=_deviation,
    share=_share,
    highest=taking(_highs),
    lowest=_lowest,
    place_of_highest=_place_of_highest,
    place_of_lowest=_place_of_lowest,
    upper_quantile=taking(_of_order),
    lower_quantile=taking(_of_order, 1),
    rank=taking(share_work("skipping.ranks", skipping.ranks)),
    slope=taking(_regressions),
    explained=_explained,
    residual=taking(_regressions, 2),
    correlation=_correlation,
)


def compute(bars: pl.DataFrame, wanted: Sequence[Feature]) -> pl.DataFrame:
    """Return session, code and the features as float32, ordered by session and code; a row for each given.

    Args:
        bars: session, code and `INPUTS`, a row for each code and session from its first to its last, in any order;
            null where it did not trade. Prices are adjusted, `vwap` is among them.
        wanted: Features of the families of set `alpha158`, each after those it reads.
    """
    rows = bars.sort("code", "session").with_columns(pl.col(*INPUTS).cast(pl.Float32).cast(pl.Float64))
    made = [_evaluated(chunk, wanted).select("session", "code", *_stored(wanted)) for chunk in _chunks(rows)]
    return pl.concat(made).sort("session", "code")


def _stored(wanted: Sequence[Feature]) -> list[pl.Expr]:
    return [pl.col(f.name).cast(pl.Float32) for f in wanted if f.published]


def _evaluated(rows: pl.DataFrame, wanted: Sequence[Feature]) -> pl.DataFrame:
    frame = _with_rows_before(rows)
    waiting = [f for f in wanted if f.name not in frame.columns]
    while waiting:
        ready = [f for f in waiting if set(expression_of(f.name, over=QLIB).meta.root_names()) <= set(frame.columns)]
        frame = frame.with_columns(expression_of(f.name, over=QLIB).cast(pl.Float64).alias(f.name) for f in ready)
        frame = frame.with_columns(pl.col(*(f.name for f in ready)).fill_nan(None))
        waiting = [f for f in waiting if f not in ready]
    return frame.filter(_ROW.is_not_null())


def _with_rows_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Number each code's rows from 0, and put `_BEFORE` rows of nulls before them: so no window meets another code."""
    numbered = rows.with_columns((pl.int_range(pl.len()).over("code")).cast(pl.Float64).alias(_ROW.meta.output_name()))
    before = rows.select(pl.col("code").unique()).join(pl.DataFrame({"at": np.arange(_BEFORE)}), how="cross")
    return pl.concat([before.select("code"), numbered], how="diagonal").sort("code", maintain_order=True)


def _chunks(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut between codes, as soon as a chunk has `_CHUNK_ROWS` rows."""
    begin = end = 0
    for length in rows["code"].rle().struct.field("len"):
        end += length
        if end - begin >= _CHUNK_ROWS or end == rows.height:
            yield rows[begin:end]
            begin = end
