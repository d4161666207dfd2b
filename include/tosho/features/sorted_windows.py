"""Quantiles and ranks of several windows at once, as compiled loops: the merges of `order_statistics`, tile by tile.

The windows' sorted rows lie in a table `[slots, rows]`; a program, made once for the windows, says which slots are
copied and which are exchanged. A loop runs over the rows, side by side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled
from tosho.features.fold_merges import SERIES
from tosho.features.kernels import Array

Numbers: TypeAlias = npt.NDArray[np.int64]
Rows: TypeAlias = npt.NDArray[np.float64]

TILE: Final = 256
_EXCHANGE: Final = -1
_NONE: Final = -1


@dataclass
class _Program:
    """How windows are sorted: slot 0 holds the series."""

    windows: Sequence[int]
    slots: int = 1
    steps: list[tuple[int, int, int]] = field(default_factory=list)
    """A slot, another, and how many rows it lies back: copied to the first, or both exchanged if that is -1."""
    _sorted: dict[int, list[int]] = field(default_factory=lambda: {1: [0]})

    def parts(self, window: int) -> tuple[int, int]:
        """Rows of the newer and of the older part."""
        newer = max((n for n in sorted(self.windows) if n < window), default=window // 2)
        return newer, window - newer

    def sorted(self, window: int) -> list[int]:
        """Return the slots of a window's rows, smallest first."""
        if window not in self._sorted:
            newer, older = self.parts(window)
            sources = [(slot, 0) for slot in self.sorted(newer)] + [(slot, newer) for slot in self.sorted(older)]
            begin = self.slots
            self.slots += window
            self.steps += [(begin + k, slot, back) for k, (slot, back) in enumerate(sources)]
            copies = list(range(begin, begin + window))
            self._sorted[window] = self._merged(copies[:newer], copies[newer:])
        return self._sorted[window]

    def cuts(self, window: int, place: int) -> list[tuple[int, int, int]]:
        """Return the slots of which the larger, and of these the least, is the value at a place; -1 for none."""
        if window != max(self.windows) or window == 1:
            return [(self.sorted(window)[place], _NONE, 0)]
        newer, older = self.parts(window)
        a, b = self.sorted(newer), self.sorted(older)
        found = []
        for of_a in range(max(place + 1 - len(b), 0), min(place + 1, len(a)) + 1):
            of_b = place + 1 - of_a
            found.append((a[of_a - 1] if of_a else _NONE, b[of_b - 1] if of_b else _NONE, newer))
        return found

    def _merged(self, a: list[int], b: list[int]) -> list[int]:
        if not a or not b:
            return [*a, *b]
        if len(a) == len(b) == 1:
            self.steps.append((a[0], b[0], _EXCHANGE))
            return [a[0], b[0]]
        even, odd = self._merged(a[::2], b[::2]), self._merged(a[1::2], b[1::2])
        result = [even[0]]
        for low, high in zip(odd, even[1:], strict=False):
            self.steps.append((low, high, _EXCHANGE))
            result += [low, high]
        return [*result, *odd[len(even) - 1 :], *even[len(odd) + 1 :]]


Compiled: TypeAlias = tuple[int, Numbers, Numbers, Numbers, Rows]


@lru_cache
def _program(windows: tuple[int, ...], shares: tuple[float, ...]) -> Compiled:
    """Slots, steps, the cuts of each item, where each item's begin, and between its two items each quantile's place."""
    program = _Program(windows)
    cuts: list[tuple[int, int, int]] = []
    begin, fractions = [0], []
    for window in windows:
        for share in shares:
            place = (window - 1) * share
            below = math.floor(place)
            fractions.append(place - below)
            for item in (below, min(below + 1, window - 1)):
                cuts += program.cuts(window, item)
                begin.append(len(cuts))
    steps = np.array(program.steps, np.int64).reshape(-1, 3)
    return program.slots, steps, np.array(cuts, np.int64), np.array(begin, np.int64), np.array(fractions)


@compiled("void(float64[:, ::1], int64, int64, int64, int64)")
def _exchange(t: Rows, a: int, b: int, lo: int, hi: int) -> None:
    x, y = t[a, lo:hi], t[b, lo:hi]
    for i in range(hi - lo):
        u, v = x[i], y[i]
        x[i] = min(u, v)
        y[i] = max(u, v)


@compiled("void(float64[:, ::1], int64[:, ::1], int64, int64, int64)")
def _least(t: Rows, cuts: Numbers, into: int, lo: int, hi: int) -> None:
    """Take the least, over cuts, of the larger end."""
    o = t[into, lo:hi]
    for cut in range(cuts.shape[0]):
        first, second, back = cuts[cut, 0], cuts[cut, 1], cuts[cut, 2]
        if first < 0:
            first, back_of_first = second, back
        else:
            back_of_first = 0
        if second < 0:
            second, back = first, 0
        a, b = t[first, lo - back_of_first : hi - back_of_first], t[second, lo - back : hi - back]
        for i in range(hi - lo):
            end = max(a[i], b[i])
            o[i] = end if cut == 0 or end < o[i] else o[i]


@compiled(f"void({SERIES}, float64, float64[::1])")
def finite_run(x: Array, before: float, run: Array) -> None:
    """Count the finite values in a row up to each; `before` of them lie before the first."""
    for i in range(x.size):
        before = before + 1 if x[i] - x[i] == 0 else 0.0
        run[i] = before


@compiled(f"void({SERIES}, int64[::1], int64, int64[:, ::1], int64[:, ::1], int64[::1], float64[::1], float64[:, ::1])")
def _quantiles(  # noqa: PLR0913
    x: Array, windows: Numbers, slots: int, steps: Numbers, cuts: Numbers, begin: Numbers, share: Rows, out: Rows
) -> None:
    lo = windows.max()
    low, high, run = slots, slots + 1, slots + 2
    t = np.full((slots + 3, lo + TILE), np.nan)
    t[run, :lo] = 0
    of_window = out.shape[0] // windows.size
    for row in range(0, x.size, TILE):
        rows = min(TILE, x.size - row)
        hi = lo + rows
        if row:
            for slot in range(slots):
                t[slot, :lo] = t[slot, TILE : TILE + lo].copy()
            t[run, lo - 1] = t[run, lo + TILE - 1]
        t[0, lo:hi] = x[row : row + rows]
        finite_run(t[0, lo:hi], t[run, lo - 1], t[run, lo:hi])
        for step in range(steps.shape[0]):
            a, b, back = steps[step, 0], steps[step, 1], steps[step, 2]
            if back == _EXCHANGE:
                _exchange(t, a, b, lo, hi)
            else:
                t[a, lo:hi] = t[b, lo - back : hi - back]
        for column in range(out.shape[0]):
            window, fraction = windows[column // of_window], share[column]
            _least(t, cuts[begin[2 * column] : begin[2 * column + 1]], low, lo, hi)
            _least(t, cuts[begin[2 * column + 1] : begin[2 * column + 2]], high, lo, hi)
            a, b, count, result = t[low, lo:hi], t[high, lo:hi], t[run, lo:hi], out[column, row : row + rows]
            for i in range(rows):
                result[i] = a[i] + (b[i] - a[i]) * fraction if count[i] >= window else np.nan


@compiled(f"void({SERIES}, int64[::1], float64[:, ::1])")
def _ranks(x: Array, windows: Numbers, out: Rows) -> None:
    longest = windows.max()
    t, run, count = np.full(longest + TILE, np.nan), np.zeros(1 + TILE), np.zeros(TILE)
    for row in range(0, x.size, TILE):
        rows = min(TILE, x.size - row)
        if row:
            t[:longest] = t[TILE : TILE + longest].copy()
            run[0] = run[TILE]
        t[longest : longest + rows] = x[row : row + rows]
        finite_run(x[row : row + rows], run[0], run[1 : 1 + rows])
        count[:] = 0
        now, number = t[longest : longest + rows], 0
        for back in range(1, longest + 1):
            if number < windows.size and windows[number] == back:
                result = out[number, row : row + rows]
                for i in range(rows):
                    result[i] = (count[i] + 2) / (2 * back) if run[1 + i] >= back else np.nan
                number += 1
            then = t[longest - back : longest - back + rows]
            for i in range(rows):
                count[i] += (1.0 if then[i] < now[i] else 0.0) + (1.0 if then[i] <= now[i] else 0.0)


def quantiles(x: Array, windows: Sequence[int], shares: Sequence[float]) -> Rows:
    """Return the quantiles at these shares of each window, linear between two values: `[windows x shares, rows]`.

    NaN until the window is full and where it has a value that is not finite.
    """
    out = np.empty((len(windows) * len(shares), x.size))
    slots, steps, cuts, begin, fractions = _program(tuple(windows), tuple(shares))
    _quantiles(np.ascontiguousarray(x), np.array(windows), slots, steps, cuts, begin, fractions, out)
    return out


def ranks(x: Array, windows: Sequence[int]) -> Rows:
    """Return the rank of the newest value in each window, in (0, 1], the average rank among equals: `[windows, rows]`.

    Args:
        x: The series.
        windows: In rows, ascending.
    """
    out = np.empty((len(windows), x.size))
    _ranks(np.ascontiguousarray(x), np.array(windows), out)
    return out
