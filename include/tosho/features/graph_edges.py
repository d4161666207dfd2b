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


def choices_of(window: Array, strongest: int) -> tuple[Places, Places, Array]:
    """Return which others each code of a window chooses: places of the codes and of the others, and rho.

    The `strongest` |rho| of those that are at least `LEAST`, of equal ones the first by code; as in `edges_of`.
    """
    series = series_of(window)
    low, high = candidates(series, least=LEAST, strongest=strongest, common=MIN_OBS)
    rho = exact.correlations(series.values, series.mask, low, high, FLAT)
    strong = np.abs(rho) >= LEAST  # false where there is no correlation
    ends = series.place[low[strong]], series.place[high[strong]]
    node, other, rho = np.concatenate(ends), np.concatenate(ends[::-1]), np.tile(rho[strong], 2)
    order = np.lexsort((other, -np.abs(rho), node))
    node, other, rho = node[order], other[order], rho[order]
    chosen = np.arange(node.size) - np.searchsorted(node, node) < strongest
    return node[chosen], other[chosen], rho[chosen]


def correlations_of(window: Array, node: Places, other: Places) -> Array:
    """Return rho of some pairs of codes, with the bits of `edges_of`; NaN where a pair has none, as there."""
    series = series_of(window)
    at = np.full(window.shape[1], -1, np.int32)
    at[series.place] = np.arange(series.nodes)
    near = np.flatnonzero((at[node] >= 0) & (at[other] >= 0))
    ends = at[node[near]], at[other[near]]
    common = np.bitwise_count(series.mask[ends[0]] & series.mask[ends[1]]) >= MIN_OBS
    rho = np.full(node.size, np.nan)
    rho[near[common]] = exact.correlations(series.values, series.mask, ends[0][common], ends[1][common], FLAT)
    return rho
