"""The mode `qlib`: the formulas of set `alpha158` with Qlib's own edges, to be compared with what Qlib computes.

Set 2 is null until a window is full and where it holds a null. Qlib instead takes the rows there are: windows begin
with a series' first row, nulls within them are passed over, a comparison with null is false, and a null wins the
search for the place of a maximum. Where a deviation is within 2e-5 of zero, correlation and R2 are null. Inputs, what
is computed of them row by row, and outputs are float32. Deviations and R2 have the rounding of Qlib's running sums.
The formulas are those of the families; only the windows they look back with are others.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence

import numpy as np
import polars as pl

from tosho.features import fold_kinds as kinds
from tosho.features.chunks import between_codes
from tosho.features.kernels import Array
from tosho.features.spec import Feature, expression_of, features
from tosho.features.windows_at_once import LOWER, UPPER, WINDOWS, Results, Trailing, Windows, folds, share_work, taking

NOT_ZERO = 2e-5
"""A deviation of at most this is none."""

INPUTS = ("open", "high", "low", "close", "volume", "vwap")

_ROW = pl.col("row_of_code")
_BEFORE = max(WINDOWS)
"""Rows of nulls put before each code: as far as a window or a shift looks back."""
_CODES_ROWS, _CHUNK_ROWS = 1_000_000, 131_072
"""Rows whose codes are taken through time together, and rows of them that are evaluated together."""
_DEVIATIONS, _EXPLAINED = ("close", "volume", "move_volume"), ("close",)
"""Series of which formulas take what is carried from row to row."""


def _quantiles(x: Array, windows: Sequence[int]) -> Results:
    from tosho.features import some_sorted  # noqa: PLC0415 - Numba, only where a window is evaluated

    return list(some_sorted.quantiles(x, windows, (UPPER, LOWER)))


def _ranks(x: Array, windows: Sequence[int]) -> Results:
    from tosho.features import some_sorted  # noqa: PLC0415

    return list(some_sorted.ranks(x, windows))


_moments = share_work("some.moments", folds(kinds.SOME_MOMENTS))
_trends = share_work("some.trends", folds(kinds.SOME_TREND))
_correlations = share_work("some.correlations", folds(kinds.SOME_CORRELATION))
_shares = share_work("some.shares", folds(kinds.SOME_SHARE))
_peaks = share_work("some.peaks", folds(kinds.SOME_PEAK))
_troughs = share_work("some.troughs", folds(kinds.SOME_TROUGH))
_of_order = share_work("some.quantiles", _quantiles)


def _carried(what: str, series: str, window: int) -> str:
    return f"{what}_of_{series}_{window}"


def _deviation(x: pl.Expr, window: int) -> pl.Expr:
    return pl.col(_carried("deviation", x.meta.output_name(), window))


def _among_rows(made: Callable[..., pl.Expr], part: int = 0) -> Trailing:
    """As `taking`, of kernels that must know where a code begins."""

    def trailing(x: pl.Expr, window: int) -> pl.Expr:
        return made(x, _ROW, window=window, part=part)

    return trailing


def _moves(x: pl.Expr, window: int) -> pl.Expr:
    """False where the deviation is none; that of one value is null, and not none."""
    return (_moments(x, window=window, part=1) > NOT_ZERO).fill_null(value=True)


def _correlation(x: pl.Expr, y: pl.Expr, window: int) -> pl.Expr:
    found = _correlations(x, y, window=window)
    return pl.when(_moves(x, window) & _moves(y, window)).then(found)


def _explained(x: pl.Expr, window: int) -> pl.Expr:
    moves = (_deviation(x, window) > NOT_ZERO).fill_null(value=True)
    return pl.when(moves).then(pl.col(_carried("explained", x.meta.output_name(), window)))


QLIB = Windows(
    total=taking(share_work("some.totals", folds(kinds.SOME_TOTAL))),
    mean=taking(_moments),
    deviation=_deviation,
    share=_among_rows(_shares),
    highest=_among_rows(_peaks),
    lowest=_among_rows(_troughs),
    place_of_highest=_among_rows(_peaks, 1),
    place_of_lowest=_among_rows(_troughs, 1),
    upper_quantile=taking(_of_order),
    lower_quantile=taking(_of_order, 1),
    rank=taking(share_work("some.ranks", _ranks)),
    slope=taking(_trends),
    explained=_explained,
    residual=taking(_trends, 1),
    correlation=_correlation,
)


def compute(bars: pl.DataFrame, wanted: Sequence[Feature]) -> pl.DataFrame:
    """Return session, code and the features as float32, ordered by session and code; a row for each given.

    Args:
        bars: session, code and `INPUTS`, a row for each code and session from its first to its last, in any order;
            null where it did not trade. Prices are adjusted, `vwap` is among them.
        wanted: Features of set `alpha158`.
    """
    from tosho.features.placing import Placed  # noqa: PLC0415 - Numba, only where something is computed

    formulas = _formulas(wanted)
    names = [f.name for f in wanted]
    read = {name: formula for name, formula in formulas.items() if name not in names}
    asked = {name: formulas[name] for name in names}
    rows = bars.sort("code", "session").select("session", "code", pl.col(*INPUTS).cast(pl.Float32).fill_nan(None))
    last = frozenset(names).difference(*(formula.meta.root_names() for formula in asked.values()))
    order = np.argsort(rows["session"].to_physical().to_numpy(), kind="stable")
    values = Placed(names, order)
    for codes in between_codes(rows, _CODES_ROWS):
        frame = _with_carried(_evaluated(_with_rows_before(codes), read))
        for chunk in between_codes(frame, _CHUNK_ROWS):
            found = _evaluated(chunk, asked, last)
            values.take(found, found.select(_ROW.is_not_null()).to_series())
    return rows[order].select("session", "code", *values.columns())


def _formulas(wanted: Sequence[Feature]) -> dict[str, pl.Expr]:
    """Formulas of the features and of the intermediates they read, by name."""
    found: dict[str, pl.Expr] = {}
    waiting = [f.name for f in wanted]
    while waiting:
        name = waiting.pop()
        found[name] = expression_of(name, over=QLIB)
        read = set(found[name].meta.root_names()) - found.keys() - set(INPUTS)
        waiting += [other for other in read if other in features()]
    return found


def _evaluated(
    frame: pl.DataFrame, formulas: Mapping[str, pl.Expr], last: Container[str] = frozenset()
) -> pl.DataFrame:
    """Add formulas to a frame. What is `last`, as none reads it, may be NaN where it is null."""
    waiting = dict(formulas)
    while waiting:
        read = {name: set(formula.meta.root_names()) for name, formula in waiting.items()}
        ready = {name: formula for name, formula in waiting.items() if not read[name] & waiting.keys()}
        frame = frame.with_columns(
            (formula if name in last else formula.fill_nan(None)).alias(name) for name, formula in ready.items()
        )
        waiting = {name: formula for name, formula in waiting.items() if name not in ready}
    return frame


def _with_rows_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Number each code's rows from 0, and put `_BEFORE` rows of nulls before them: so no window meets another code."""
    numbered = rows.with_columns(pl.int_range(pl.len()).over("code").cast(pl.Float64).alias(_ROW.meta.output_name()))
    codes = rows.select(pl.col("code").unique(maintain_order=True))
    before = codes.select(pl.col("code").repeat_by(_BEFORE).explode())
    return pl.concat([before, numbered], how="diagonal").sort("code", maintain_order=True)


def _with_carried(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what is carried from row to row, of each code by itself."""
    from tosho.features import carried  # noqa: PLC0415

    row, made = _numbers(frame, _ROW.meta.output_name()), []
    for what, series, loop in (
        ("deviation", _DEVIATIONS, carried.deviations),
        ("explained", _EXPLAINED, carried.explained),
    ):
        for name in series:
            values = np.empty((len(WINDOWS), frame.height))
            loop(_numbers(frame, name), row, np.array(WINDOWS), values)
            names = [_carried(what, name, window) for window in WINDOWS]
            made += [pl.Series(*told, nan_to_null=True) for told in zip(names, values, strict=True)]
    return frame.with_columns(made)


def _numbers(frame: pl.DataFrame, name: str) -> Array:
    """NaN for null."""
    return np.ascontiguousarray(frame[name].to_numpy(), dtype=np.float64)
