"""The merges of `skipping` as compiled loops, as in `fold_merges`: states count their values, and pass over nulls."""

from __future__ import annotations

from typing import Final

import numpy as np

from tosho.features.compiled import compiled
from tosho.features.fold_merges import TABLE, Step, Table

_SIGNATURE: Final = f"void({TABLE}, UniTuple(int64, 7))"


@compiled(_SIGNATURE)
def totals(t: Table, step: Step) -> None:
    """Merge counts and sums."""
    a, m, b, _, o, lo, hi = step
    for part in range(2):
        x, y, z = t[a, part, lo:hi], t[b, part, lo - m : hi - m], t[o, part, lo:hi]
        for i in range(hi - lo):
            z[i] = x[i] + y[i]


@compiled(_SIGNATURE)
def moments(t: Table, step: Step) -> None:
    """Merge counts, means and, if the state has it, sums of (x - mean)^2."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    for i in range(hi - lo):
        n = a0[i] + b0[i]
        o0[i] = n
        o1[i] = a1[i] + (b1[i] - a1[i]) * (b0[i] / max(n, 1.0))
    if t.shape[1] > 2:  # noqa: PLR2004 - count and mean
        a2, b2, o2 = t[a, 2, lo:hi], t[b, 2, lo - m : hi - m], t[o, 2, lo:hi]
        for i in range(hi - lo):
            d = b1[i] - a1[i]
            o2[i] = a2[i] + b2[i] + d * d * (a0[i] * (b0[i] / max(a0[i] + b0[i], 1.0)))


@compiled(_SIGNATURE)
def comoments(t: Table, step: Step) -> None:
    """Merge counts, means of x and y, sums of (x - mean)^2, (y - mean)^2 and their product."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, a2, b2 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[a, 2, lo:hi], t[b, 2, lo - m : hi - m]
    for part in range(1, 3):
        x, y, mu = t[a, part, lo:hi], t[b, part, lo - m : hi - m], t[o, part, lo:hi]
        s, z, m2 = t[a, 2 + part, lo:hi], t[b, 2 + part, lo - m : hi - m], t[o, 2 + part, lo:hi]
        for i in range(hi - lo):
            older, d = b0[i] / max(a0[i] + b0[i], 1.0), y[i] - x[i]
            mu[i] = x[i] + d * older
            m2[i] = s[i] + z[i] + d * d * (a0[i] * older)
    a5, b5, o5 = t[a, 5, lo:hi], t[b, 5, lo - m : hi - m], t[o, 5, lo:hi]
    for i in range(hi - lo):
        n = a0[i] + b0[i]
        o0[i] = n
        o5[i] = a5[i] + b5[i] + (b1[i] - a1[i]) * (b2[i] - a2[i]) * (a0[i] * (b0[i] / max(n, 1.0)))


@compiled(_SIGNATURE)
def trend(t: Table, step: Step) -> None:
    """Merge counts, means of age and x, sums of (row - mean)^2 and (row - mean)(x - mean); age counts rows back."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    a2, b2, o2 = t[a, 2, lo:hi], t[b, 2, lo - m : hi - m], t[o, 2, lo:hi]
    a3, b3, o3 = t[a, 3, lo:hi], t[b, 3, lo - m : hi - m], t[o, 3, lo:hi]
    a4, b4, o4 = t[a, 4, lo:hi], t[b, 4, lo - m : hi - m], t[o, 4, lo:hi]
    for i in range(hi - lo):
        older, d = b0[i] / max(a0[i] + b0[i], 1.0), a1[i] - (b1[i] + m)
        o1[i] = a1[i] - d * older
        o3[i] = a3[i] + b3[i] + d * d * (a0[i] * older)
    for i in range(hi - lo):
        older, d = b0[i] / max(a0[i] + b0[i], 1.0), a1[i] - (b1[i] + m)
        o2[i] = a2[i] + (b2[i] - a2[i]) * older
        o4[i] = a4[i] + b4[i] + d * (b2[i] - a2[i]) * (a0[i] * older)
    for i in range(hi - lo):
        o0[i] = a0[i] + b0[i]


@compiled(_SIGNATURE)
def peak(t: Table, step: Step) -> None:
    """Merge maxima of what there is; and maxima in which a null is the largest, with ages, of equal ones the oldest."""
    a, m, b, _, o, lo, hi = step
    a0, b0, o0 = t[a, 0, lo:hi], t[b, 0, lo - m : hi - m], t[o, 0, lo:hi]
    a1, b1, o1 = t[a, 1, lo:hi], t[b, 1, lo - m : hi - m], t[o, 1, lo:hi]
    a2, b2, o2 = t[a, 2, lo:hi], t[b, 2, lo - m : hi - m], t[o, 2, lo:hi]
    for i in range(hi - lo):
        o0[i] = a0[i] if a0[i] > b0[i] or np.isnan(b0[i]) else b0[i]
        o1[i] = a1[i] if a1[i] > b1[i] or np.isnan(a1[i]) else b1[i]
    for i in range(hi - lo):
        o2[i] = b2[i] + m if b1[i] >= a1[i] else a2[i]
