"""Deviation and R2 with the rounding that Qlib has: pandas and Qlib carry sums from row to row.

Where prices stand still, what is left of such sums is not zero but the rounding of all rows before, and Qlib's columns
show it: WVMA divides it by 1e-12, and RSQR is null or not by it. Nothing but the same steps in the same order gives the
same rest, so these take one row after the other, of all series and windows at once. Of no use where a value shall
depend on its window alone: see `skipping` for that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tosho.features.kernels import Array

Mask = npt.NDArray[np.bool_]

ILL_CONDITIONED = 1000 * float(np.finfo(np.float64).eps)
"""Where a removal leaves less than this share of the sum of squares, pandas 3 begins anew from the window's rows."""


def deviations(rows: Array, windows: Sequence[int]) -> Array:
    """Return the sample deviation of the values in each window, as pandas 3 computes `rolling(n, min_periods=1).std()`.

    Args:
        rows: Series side by side, [rows, series], NaN where there is no value.
        windows: Lengths of windows, in rows.

    Returns:
        [windows, rows, series], NaN of fewer than two values.
    """
    state = _Moments.empty((len(windows), rows.shape[1]))
    result = np.full((len(windows), *rows.shape), np.nan)
    for at, (new, old) in enumerate(_moves(rows, windows)):
        doubtful = state.remove(old)
        state.add(new, ~np.isnan(new) & ~doubtful)
        if doubtful.any():
            _begin_anew(state, doubtful, rows[: at + 1], windows)
        result[:, at] = np.sqrt(np.maximum(state.squares, 0) / np.where(state.count > 1, state.count - 1, np.nan))
    return result


def explained(rows: Array, windows: Sequence[int]) -> Array:
    """Return the share of variance that the regression on 1 .. n explains, as Qlib's `rolling_rsquare` sums it.

    Args:
        rows: Series side by side, [rows, series], NaN where there is no value.
        windows: Lengths of windows, in rows.

    Returns:
        [windows, rows, series].
    """
    n, x, xx, y, yy, xy = (np.zeros((len(windows), rows.shape[1])) for _ in range(6))
    last = np.array(windows, dtype=np.float64)[:, None]
    result = np.full((len(windows), *rows.shape), np.nan)
    for at, (new, old) in enumerate(_moves(rows, windows)):
        xy -= y
        xx += n - 2 * x
        x -= n
        gone, come = ~np.isnan(old), ~np.isnan(new)
        out, value = np.where(gone, old, 0), np.where(come, new, 0)
        n += come.astype(np.float64) - gone
        y -= out
        y += value
        yy -= out * out
        yy += value * value
        x += come * last
        xx += come * (last * last)
        xy += last * value
        correlation = (n * xy - x * y) / np.sqrt((n * xx - x * x) * (n * yy - y * y))
        result[:, at] = correlation * correlation
    return result


def _moves(rows: Array, windows: Sequence[int]) -> Iterator[tuple[Array, Array]]:
    """Yield, for each row, its values and those that leave the windows with it, both [windows, series]."""
    nothing = np.full(rows.shape[1], np.nan)
    for at, new in enumerate(rows):
        old = np.stack([rows[at - window] if at >= window else nothing for window in windows])
        yield np.broadcast_to(new, old.shape), old


@dataclass
class _Moments:
    """Count, mean and sum of squares about it, after Welford, with the compensations of Kahan's sums."""

    count: Array
    mean: Array = field(init=False)
    squares: Array = field(init=False)
    of_added: Array = field(init=False)
    of_removed: Array = field(init=False)

    def __post_init__(self) -> None:
        self.mean, self.squares, self.of_added, self.of_removed = (np.zeros_like(self.count) for _ in range(4))

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> _Moments:
        return cls(np.zeros(shape))

    def add(self, value: Array, where: Mask) -> None:
        self.count += where
        mean, squares, rest = self._moved(value, self.of_added, 1)
        np.copyto(self.mean, mean, where=where)
        np.copyto(self.squares, squares, where=where)
        np.copyto(self.of_added, rest, where=where)

    def remove(self, value: Array) -> Mask:
        """Take values out, and tell where the sum of squares that is left cannot be trusted."""
        there = ~np.isnan(value)
        self.count -= there
        some = there & (self.count > 0)
        mean, squares, rest = self._moved(value, self.of_removed, -1)
        doubtful: Mask = some & (squares < self.squares * ILL_CONDITIONED)
        np.copyto(self.mean, mean, where=some)
        np.copyto(self.squares, squares, where=some)
        np.copyto(self.of_removed, rest, where=some)
        self.mean[there & ~some] = 0
        self.squares[there & ~some] = 0
        return doubtful

    def _moved(self, value: Array, compensation: Array, sign: int) -> tuple[Array, Array, Array]:
        before = self.mean - compensation
        compensated = value - compensation
        step = compensated - self.mean
        rest = step + self.mean - compensated
        mean = self.mean + sign * (step / self.count)
        return mean, self.squares + sign * ((value - before) * (value - mean)), rest

    def put(self, other: _Moments, where: Mask) -> None:
        for name in ("count", "mean", "squares", "of_added", "of_removed"):
            getattr(self, name)[where] = getattr(other, name)


def _begin_anew(state: _Moments, where: Mask, rows: Array, windows: Sequence[int]) -> None:
    of_window, of_series = np.nonzero(where)
    length = np.array(windows)[of_window]
    fresh = _Moments.empty(length.shape)
    for back in range(min(int(length.max()), len(rows)) - 1, -1, -1):
        value = rows[len(rows) - 1 - back, of_series]
        fresh.add(value, (back < length) & ~np.isnan(value))
    state.put(fresh, where)
