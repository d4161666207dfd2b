"""The edges of a session's graph: which codes move together, and how closely.

A correlation is that of the log returns of the sessions that both codes have one for. It is computed as sums in
float64, session after session, with the same steps for every pair: its bits depend on the two codes' returns alone,
not on their order, other codes, the number of threads or the size of a tile.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tosho.features import graph_exact as exact
from tosho.features.graph_candidates import candidates
from tosho.features.graph_series import MIN_OBS, Places, series_of
from tosho.features.kernels import Array

LEAST = 0.3
STRONGEST = 10
FLAT = 1e-12
"""A code whose common sessions hold less of its variance than this did not move in them: no correlation."""


@dataclass(frozen=True)
class Edges:
    """Each edge once, in order of its codes' places `low` < `high`; `rho` is in [-1, 1]."""

    low: Places
    high: Places
    rho: Array


def edges_of(window: Array) -> Edges:
    """Return the edges among the codes of a window of log returns, `[sessions, codes]`, NaN where there is none.

    Each code chooses its `STRONGEST` |rho| of those that are at least `LEAST`, of equal ones the first by code; an edge
    is there if either end chose it. A code that did not move, or has fewer than `MIN_OBS` returns, has no edge; nor has
    a pair with fewer than `MIN_OBS` sessions in common.
    """
    series = series_of(window)
    node, other = candidates(series, least=LEAST, strongest=STRONGEST, common=MIN_OBS)
    rho = exact.correlations(series.values, series.mask, node, other, FLAT)
    chosen = exact.chosen(series.place, node, other, rho, LEAST, STRONGEST)
    ends = series.place[node[chosen]], series.place[other[chosen]]
    low, high = np.minimum(*ends), np.maximum(*ends)
    order = np.argsort(low * window.shape[1] + high)
    return Edges(low[order], high[order], rho[chosen][order])
