"""Values over several windows of one series at once: what `kernels` says, with the work that windows share done once.

A kernel takes a series' rows and the windows, and gives for each window a tuple of arrays, `window - 1` rows shorter
than the series. The blocks of powers of two that windows are made of are merged once for all of them, as are the
moments that mean, deviation and regression have in common. Each value is the tree of operations that `kernels.fold`
makes, so it has the same bits whoever else asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from tosho.features import kernels
from tosho.features.kernels import Array, Merge, State

Several: TypeAlias = dict[int, State]
"""What a kernel gives: for each window its results, of each row that has a full one."""
Kernel: TypeAlias = Callable[..., Several]
"""`kernel(*inputs, windows=...)`."""

BLOCK_ROWS = 8192
"""Rows that a kernel is given at a time: their states stay in the processor's cache."""


def folds(rows: State, windows: Sequence[int], merge: Merge) -> Several:
    """Return `kernels.fold` of each window."""
    blocks = {1: rows}
    size = 1
    while 2 * size <= max(windows):
        blocks[2 * size] = kernels.joined(blocks[size], size, blocks[size], size, merge)
        size *= 2
    return {window: _assembled(blocks, window, merge) for window in windows}


def _assembled(blocks: dict[int, State], window: int, merge: Merge) -> State:
    parts = [size for size in blocks if window & size]
    done, covered = blocks[parts[0]], parts[0]
    for size in parts[1:]:
        done = kernels.joined(done, covered, blocks[size], size, merge)
        covered += size
    return done


def in_blocks(kernel: Kernel, inputs: Sequence[Array], windows: Sequence[int]) -> Several:
    """Return a kernel's values of each row, computed a block of rows after the other; NaN where there is no number."""
    size, earlier = inputs[0].size, max(windows) - 1
    results: Several = {}
    for begin in range(0, max(size, 1), BLOCK_ROWS):
        end = min(begin + BLOCK_ROWS, size)
        rows = [x[max(begin - earlier, 0) : end] for x in inputs]
        made = kernel(*rows, windows=windows)
        results = results or _empty(made, size)
        for window, values in made.items():
            for target, value in zip(results[window], values, strict=True):
                newest = value[max(value.size - (end - begin), 0) :]
                np.copyto(target[end - newest.size : end], newest, where=np.isfinite(newest))
    return results


def _empty(made: Several, size: int) -> Several:
    """Columns for such results, in one piece of memory, which is had again sooner than many small ones."""
    columns = iter(np.full((sum(map(len, made.values())), size), np.nan))
    return {window: tuple(next(columns) for _ in values) for window, values in made.items()}


def sums(x: Array, windows: Sequence[int]) -> Several:
    """Sum."""
    return folds((x,), windows, lambda a, _m, b, _k: (a[0] + b[0],))


def moments(x: Array, windows: Sequence[int]) -> Several:
    """Arithmetic mean and sample standard deviation."""
    found = folds((x, np.zeros_like(x)), windows, kernels.merge_moments2)
    return {n: (mu, np.sqrt(m2 / (n - 1))) for n, (mu, m2) in found.items()}


def regressions(x: Array, windows: Sequence[int]) -> Several:
    """Of the regression of x on the row number: slope by row, share of the variance explained, last residual."""
    zero = np.zeros_like(x)
    found = folds((x, zero, zero), windows, kernels.merge_trend)
    results: Several = {}
    for n, (mu, m2, along) in found.items():
        spread = n * (n**2 - 1) / 12
        slope = along / spread
        results[n] = slope, along * along / (m2 * spread), x[n - 1 :] - (mu + slope * ((n - 1) / 2))
    return results


def correlations(x: Array, y: Array, windows: Sequence[int]) -> Several:
    """Pearson's correlation, within [-1, 1]."""
    zero = np.zeros_like(x)
    found = folds((x, y, zero, zero, zero), windows, kernels.merge_comoments)
    return {n: (kernels.clipped(xy / (np.sqrt(xx) * np.sqrt(yy))),) for n, (_x, _y, xx, yy, xy) in found.items()}


def peaks(x: Array, windows: Sequence[int]) -> Several:
    """Maximum, and its place in the window counted from 1, of equal ones the oldest."""

    def merge(a: State, m: int, b: State, _k: int) -> State:
        return np.maximum(a[0], b[0]), np.where(b[0] >= a[0], b[1] + m, a[1])

    found = folds((x, np.zeros_like(x)), windows, merge)
    return {n: (top, np.where(np.isnan(top), np.nan, n - age)) for n, (top, age) in found.items()}


def troughs(x: Array, windows: Sequence[int]) -> Several:
    """Minimum, and its place in the window counted from 1, of equal ones the oldest."""
    return {n: (-lowest, place) for n, (lowest, place) in peaks(-x, windows).items()}
