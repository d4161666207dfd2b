"""The merges of `kernels` as compiled loops: operation by operation the same, and so are the bits of their results.

States lie in a table `[places, parts of a state, rows]`; item r of a place is the state of the block that ends with row
r. A loop runs over the rows, side by side, so that it becomes vector instructions; it writes few parts, because only of
few can be told, when it runs, that they do not lie where it reads.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled

Table: TypeAlias = npt.NDArray[np.float64]
Step: TypeAlias = tuple[int, int, int, int, int, int, int]
"""Place and rows of the newer block, of the older, place of the result; first row, row after the last."""

TABLE: Final = "float64[:, :, ::1]"
SERIES: Final = "Array(float64, 1, 'C', readonly=True)"
"""A column as Polars lends it, or any other array."""
_SIGNATURE: Final = f"void({TABLE}, UniTuple(int64, 7))"


@compiled(_SIGNATURE)
def total(t: Table, step: Step) -> None:
    """Merge sums."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    for i in range(hi - lo):
        o0[i] = a0[i] + b0[i]


@compiled(_SIGNATURE)
def mean(t: Table, step: Step) -> None:
    """Merge means."""
    a, m, b, k, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    older = k / (m + k)
    for i in range(hi - lo):
        o0[i] = a0[i] + (b0[i] - a0[i]) * older


@compiled(_SIGNATURE)
def highest(t: Table, step: Step) -> None:
    """Merge maxima; NaN of a NaN."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    for i in range(hi - lo):
        o0[i] = a0[i] if a0[i] > b0[i] or np.isnan(a0[i]) else b0[i]


@compiled(_SIGNATURE)
def lowest(t: Table, step: Step) -> None:
    """Merge minima; NaN of a NaN."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    for i in range(hi - lo):
        o0[i] = a0[i] if a0[i] < b0[i] or np.isnan(a0[i]) else b0[i]


@compiled(f"void({TABLE}, UniTuple(int64, 7), float64[::1])")
def decayed(t: Table, step: Step, power: npt.NDArray[np.float64]) -> None:
    """Merge means with weights decay^k, whose powers are given."""
    a, m, b, k, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    newer, older = 1 - power[m], power[m] * (1 - power[k])
    share = older / (newer + older)
    for i in range(hi - lo):
        o0[i] = a0[i] + (b0[i] - a0[i]) * share


@compiled(_SIGNATURE)
def run(t: Table, step: Step) -> None:
    """Merge lengths of runs from the newest row back."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    for i in range(hi - lo):
        o0[i] = a0[i] + (1.0 if a0[i] == m else 0.0) * b0[i]


@compiled(_SIGNATURE)
def moments(t: Table, step: Step) -> None:
    """Merge means and sums of (x - mean)^2."""
    a, m, b, k, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    n = m + k
    older, share = k / n, m * k / n
    for i in range(hi - lo):
        d = b0[i] - a0[i]
        o0[i] = a0[i] + d * older
        o1[i] = d * d * share + a1[i] + b1[i]


@compiled(_SIGNATURE)
def trend(t: Table, step: Step) -> None:
    """Merge means, sums of (x - mean)^2 and of (row - mean)(x - mean)."""
    moments(t, step)
    a, m, b, k, o, lo, hi = step
    a0, b0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m]
    a2, b2, o2 = t[a, 2, lo:hi], t[b, 2, lo - m : hi - m], t[o, 2, lo:hi]
    half = m * k / 2
    for i in range(hi - lo):
        o2[i] = a2[i] + b2[i] + (a0[i] - b0[i]) * half


@compiled(_SIGNATURE)
def comoments(t: Table, step: Step) -> None:
    """Merge means of x and y, sums of (x - mean)^2, (y - mean)^2 and (x - mean)(y - mean)."""
    a, m, b, k, o, lo, hi = step
    a0, b0, a1, b1 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[a, 1, lo:hi], t[b, 1, lo - m : hi - m]
    n = m + k
    older, share = k / n, m * k / n
    for part in range(2):
        x, y, mu = t[a, part, lo:hi], t[b, part, lo - m : hi - m], t[o, part, lo:hi]
        s, z, m2 = t[a, 2 + part, lo:hi], t[b, 2 + part, lo - m : hi - m], t[o, 2 + part, lo:hi]
        for i in range(hi - lo):
            d = y[i] - x[i]
            mu[i] = x[i] + d * older
            m2[i] = s[i] + z[i] + d * d * share
    a4, b4, o4 = t[a, 4, lo:hi], t[b, 4, lo - m : hi - m], t[o, 4, lo:hi]
    for i in range(hi - lo):
        o4[i] = a4[i] + b4[i] + (b0[i] - a0[i]) * (b1[i] - a1[i]) * share


@compiled(_SIGNATURE)
def oldest_peak(t: Table, step: Step) -> None:
    """Merge maxima and their ages in rows, of equal ones the oldest."""
    highest(t, step)
    a, m, b, _, o, lo, hi = step
    a0, b0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    for i in range(hi - lo):
        o1[i] = b1[i] + m if b0[i] >= a0[i] else a1[i]


@compiled(_SIGNATURE)
def newest_peak(t: Table, step: Step) -> None:
    """Merge maxima and their ages in rows, of equal ones the newest."""
    highest(t, step)
    a, m, b, _, o, lo, hi = step
    a0, b0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    for i in range(hi - lo):
        o1[i] = b1[i] + m if b0[i] > a0[i] else a1[i]


@compiled(_SIGNATURE)
def adaptive(t: Table, step: Step) -> None:
    """Merge means whose weights differ by row, and products of 1 - speed."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    for i in range(hi - lo):
        newer, older = 1 - a1[i], a1[i] * (1 - b1[i])
        o0[i] = a0[i] + (b0[i] - a0[i]) * (older / (newer + older))
        o1[i] = a1[i] * b1[i]


@compiled(_SIGNATURE)
def moments4(t: Table, step: Step) -> None:
    """Merge means and sums of the second, third and fourth power of x - mean."""
    a, m, b, k, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    a2, b2, o2 = t[a, 2, lo:hi], t[b, 2, lo - m : hi - m], t[o, 2, lo:hi]
    a3, b3, o3 = t[a, 3, lo:hi], t[b, 3, lo - m : hi - m], t[o, 3, lo:hi]
    n = m + k
    second, third = m * k / n, m * k * (m - k) / (n * n)
    fourth = m * k * (m * m - m * k + k * k) / (n * n * n)
    for i in range(hi - lo):
        d = b0[i] - a0[i]
        o0[i] = a0[i] + d * (k / n)
        o1[i] = a1[i] + b1[i] + d * d * second
    for i in range(hi - lo):
        d = b0[i] - a0[i]
        o2[i] = a2[i] + b2[i] + d * (d * d * third + 3 * (m * b1[i] - k * a1[i]) / n)
    for i in range(hi - lo):
        d = b0[i] - a0[i]
        of_two = d * d * fourth + 6 * (m * m * b1[i] + k * k * a1[i]) / (n * n)
        o3[i] = a3[i] + b3[i] + d * d * of_two + d * (4 * (m * b2[i] - k * a2[i]) / n)


@compiled(_SIGNATURE)
def falling(t: Table, step: Step) -> None:
    """Merge counts, means of x and y, sums of (x - mean)^2 and (x - mean)(y - mean), of the rows that count."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m]
    for part in range(2):
        x, y, mu = t[a, 1 + part, lo:hi], t[b, 1 + part, lo - m : hi - m], t[o, 1 + part, lo:hi]
        s, z, m2 = t[a, 3 + part, lo:hi], t[b, 3 + part, lo - m : hi - m], t[o, 3 + part, lo:hi]
        for i in range(hi - lo):
            some = max(a0[i] + b0[i], 1.0)
            d = y[i] - x[i]
            mu[i] = x[i] + d * (b0[i] / some)
            m2[i] = s[i] + z[i] + (b1[i] - a1[i]) * d * (a0[i] * b0[i] / some)
    for i in range(hi - lo):
        o0[i] = a0[i] + b0[i]


@compiled(_SIGNATURE)
def cumulative(t: Table, step: Step) -> None:
    """Merge sums, and means and sums of (level - mean)^2 of the levels that running sums have."""
    a, m, b, k, o, lo, hi = step
    b0 = t[b, 0, lo - m : hi - m]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    a2, b2, o2 = t[a, 2, lo:hi], t[b, 2, lo - m : hi - m], t[o, 2, lo:hi]
    n = m + k
    older, share = k / n, m * k / n
    for i in range(hi - lo):
        level = a1[i] + b0[i]
        d = b1[i] - level
        o1[i] = level + d * older
        o2[i] = d * d * share + a2[i] + b2[i]
    total(t, step)
