"""Windows whose work is shared: expressions over 5, 10, 20, 30 and 60 rows, of which the first to be evaluated
computes all, and the others take theirs from it.

Polars evaluates each expression by itself. So the newest results of a kernel are kept with the columns that they were
made of, and an expression that brings the same columns to the same kernel is answered from there. The same are columns
that lie at the same place in memory, where nothing else can lie as long as they are kept. Whether a result was kept
changes how long an expression takes and nothing else.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from tosho.features import fold_kinds as kinds
from tosho.features.kernels import Array

WINDOWS = (5, 10, 20, 30, 60)
"""Windows that are computed together."""

UPPER, LOWER = 0.8, 0.2
"""Shares of the quantiles that are computed together."""

_KEPT = 8
"""Inputs of which a kernel's results are kept: as many as formulas bring to one kernel, in whatever order."""

Trailing = Callable[[pl.Expr, int], pl.Expr]
Pieces = list[Any]
"""A column as it lies in memory: Arrow arrays."""

Results = Sequence[Array]
"""What a kernel gives: of each window its results one after the other, as many rows as the series, NaN for null."""
Kernel = Callable[..., Results]
"""`kernel(*inputs, windows=...)`."""


@dataclass(frozen=True)
class Windows:
    """What formulas look back with: of columns, each window trailing and with the row itself in it."""

    total: Trailing
    mean: Trailing
    deviation: Trailing
    """Sample standard deviation."""
    share: Trailing
    """Share of the rows in which a flag is 1."""
    highest: Trailing
    lowest: Trailing
    place_of_highest: Trailing
    """Counted from 1, the oldest row of the window; of equal maxima the oldest."""
    place_of_lowest: Trailing
    upper_quantile: Trailing
    """Of share 0.8, linear between two values."""
    lower_quantile: Trailing
    """Of share 0.2."""
    rank: Trailing
    """Of the newest row, in (0, 1], 1 the largest; the average rank among equals."""
    slope: Trailing
    """Of the regression on the row number."""
    explained: Trailing
    """Share of the variance that this regression explains."""
    residual: Trailing
    """The newest row's distance from it."""
    correlation: Callable[[pl.Expr, pl.Expr, int], pl.Expr]


class _Kept:
    """The newest results of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lock = Lock()
        self._results: OrderedDict[tuple[Any, ...], tuple[list[Pieces], Results]] = OrderedDict()

    def of(self, columns: Sequence[pl.Series]) -> Results:
        held = [[piece.to_arrow() for piece in column.get_chunks()] for column in columns]
        place = tuple(map(_place, held))
        with self._lock:  # nothing in here calls Polars, whose threads may hold what this waits for
            if place not in self._results:
                inputs = [_numbers(column) for column in held]
                self._results[place] = held, self._kernel(*inputs, windows=WINDOWS)
            self._results.move_to_end(place)
            while len(self._results) > _KEPT:
                self._results.popitem(last=False)
            return self._results[place][1]


def _place(pieces: Pieces) -> tuple[Any, ...]:
    return tuple((x.type, x.offset, len(x), *(b.address if b else None for b in x.buffers())) for x in pieces)


def _numbers(pieces: Pieces) -> Array:
    """NaN for null."""
    numbers = [x.to_numpy(zero_copy_only=False).astype(np.float64, copy=False) for x in pieces]
    return numbers[0] if len(numbers) == 1 else np.concatenate(numbers)


_KERNELS: dict[str, _Kept] = {}


def share_work(name: str, kernel: Kernel) -> Callable[..., pl.Expr]:
    """Return what makes an expression of one of a kernel's results.

    Args:
        name: Under which the kernel is found again, in this process or in another to which an expression went.
        kernel: What computes all windows.

    Returns:
        `expression(*inputs, window=..., part=...)`: the part, by number, of the kernel's results for a window.
    """
    _KERNELS[name] = _Kept(kernel)
    return partial(_expression, name)


def _expression(name: str, *inputs: pl.Expr, window: int, part: int = 0) -> pl.Expr:
    if window not in WINDOWS:
        raise ValueError(f"A window of {window} rows was asked for; those computed together are {WINDOWS}. Add it.")
    if not all(x.meta.is_column() for x in inputs):
        raise ValueError(
            f"Kernel {name} was given {[str(x) for x in inputs]}; it shares columns. Name an intermediate."
        )
    function = partial(_evaluate, name=name, window=window, part=part)
    return pl.map_batches(list(inputs), function, return_dtype=pl.Float64)


def _evaluate(inputs: Sequence[pl.Series], name: str, window: int, part: int) -> pl.Series:
    results = _KERNELS[name].of(inputs)
    values = results[WINDOWS.index(window) * (len(results) // len(WINDOWS)) + part]
    return pl.Series(inputs[0].name, values, nan_to_null=True)


def folds(kind: int) -> Kernel:
    """Return the kernel of a kind of `fold_kinds`."""
    return partial(_fold, kind=kind)


def _fold(*inputs: Array, windows: Sequence[int], kind: int) -> Results:
    from tosho.features.folding import fold  # noqa: PLC0415 - Numba, only where a window is evaluated

    x, *second = inputs
    return list(fold(kind, x, windows, second[0] if second else None))


def _quantiles(x: Array, windows: Sequence[int]) -> Results:
    from tosho.features import sorted_windows  # noqa: PLC0415

    return list(sorted_windows.quantiles(x, windows, (UPPER, LOWER)))


def _each_rank(x: Array, windows: Sequence[int]) -> Results:
    from tosho.features import sorted_windows  # noqa: PLC0415

    return list(sorted_windows.ranks(x, windows))


_sums = share_work("sums", folds(kinds.TOTAL))
_moments = share_work("moments", folds(kinds.MOMENTS))
_regressions = share_work("regressions", folds(kinds.REGRESSION))
_correlations = share_work("correlations", folds(kinds.CORRELATION))
_peaks = share_work("peaks", folds(kinds.PEAK))
_troughs = share_work("troughs", folds(kinds.TROUGH))
_of_order = share_work("quantiles", _quantiles)
_ranks = share_work("ranks", _each_rank)


def _share(flags: pl.Expr, window: int) -> pl.Expr:
    return _sums(flags, window=window) / window


def taking(made: Callable[..., pl.Expr], part: int = 0) -> Trailing:
    """Return the window that gives one part of a kernel's results."""

    def trailing(x: pl.Expr, window: int) -> pl.Expr:
        return made(x, window=window, part=part)

    return trailing


def _correlation(x: pl.Expr, y: pl.Expr, window: int) -> pl.Expr:
    return _correlations(x, y, window=window)


TRAILING = Windows(
    total=taking(_sums),
    mean=taking(_moments),
    deviation=taking(_moments, 1),
    share=_share,
    highest=taking(_peaks),
    lowest=taking(_troughs),
    place_of_highest=taking(_peaks, 1),
    place_of_lowest=taking(_troughs, 1),
    upper_quantile=taking(_of_order),
    lower_quantile=taking(_of_order, 1),
    rank=taking(_ranks),
    slope=taking(_regressions),
    explained=taking(_regressions, 1),
    residual=taking(_regressions, 2),
    correlation=_correlation,
)
"""As all features have it: null until the window is full, where it holds a null, and where it would divide by zero."""
