"""The edges of a session's graph: which codes move together, and how closely.

A correlation is that of the log returns of the sessions that both codes have one for. It is computed as sums in
float64, session after session, with the same steps for every pair: its bits depend on the two codes' returns alone,
not on their order, other codes, the number of threads or the size of a block.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tosho.features.graph_candidates import Pairs, Places, Series, candidates
from tosho.features.kernels import Array, clipped

MIN_OBS = 40
LEAST = 0.3
STRONGEST = 10
FLAT = 1e-12
"""A code whose common sessions hold less of its variance than this did not move in them: no correlation."""
TOGETHER = 1 << 16


@dataclass(frozen=True)
class Edges:
    """Each edge once, in order of its codes' places `low` < `high`; `rho` is in [-1, 1]."""

    low: Places
    high: Places
    rho: Array


def observed(window: Array) -> npt.NDArray[np.bool_]:
    """Return which codes of `[sessions, codes]` have enough returns to be in a graph."""
    return np.asarray((~np.isnan(window)).sum(axis=0) >= MIN_OBS)


def edges_of(window: Array) -> Edges:
    """Return the edges among the codes of a window of log returns, `[sessions, codes]`, NaN where there is none.

    Each code chooses its `STRONGEST` |rho| of those that are at least `LEAST`, of equal ones the first by code; an edge
    is there if either end chose it. A code that did not move, or has fewer than `MIN_OBS` returns, has no edge; nor has
    a pair with fewer than `MIN_OBS` sessions in common.
    """
    node, other, rho = choices_of(window, STRONGEST)
    codes = window.shape[1]
    pair, first = np.unique(np.minimum(node, other) * codes + np.maximum(node, other), return_index=True)
    return Edges(pair // codes, pair % codes, rho[first])


def choices_of(window: Array, strongest: int) -> tuple[Places, Places, Array]:
    """Return which others each code of a window chooses: places of the codes and of the others, and rho.

    The `strongest` |rho| of those that are at least `LEAST`, of equal ones the first by code; as in `edges_of`.
    """
    series, place = _series(window)
    chosen = [_choice(series, place, pairs, strongest) for pairs in _batches(series, strongest)]
    node, other, rho = (np.concatenate(part) for part in zip(*chosen, strict=True))
    return node, other, rho


def correlations_of(window: Array, node: Places, other: Places) -> Array:
    """Return rho of some pairs of codes, with the bits of `edges_of`; NaN where a pair has none, as there."""
    series, place = _series(window)
    at = np.full(window.shape[1], -1)
    at[place] = np.arange(place.size)
    near = np.flatnonzero((at[node] >= 0) & (at[other] >= 0))
    mask = np.packbits(series.seen, axis=0)
    common = np.bitwise_count(mask[:, at[node[near]]] & mask[:, at[other[near]]]).sum(axis=0, dtype=np.int64)
    near = near[common >= MIN_OBS]
    rho = np.full(node.size, np.nan)
    rho[near] = _correlations(series, (at[node[near]], at[other[near]]))
    return rho


def _series(window: Array) -> tuple[Series, Places]:
    """Return the codes that can have an edge, those without a gap first, and their places in the window."""
    seen = ~np.isnan(window)
    highest, lowest = np.where(seen, window, -np.inf).max(axis=0), np.where(seen, window, np.inf).min(axis=0)
    place = np.flatnonzero(observed(window) & (highest > lowest))
    held = seen[:, place].any(axis=1)  # a session that no code has is no gap
    place = place[np.argsort(~seen[held][:, place].all(axis=0), kind="stable")]
    seen, window = seen[held].take(place, axis=1), window[held].take(place, axis=1)  # NumPy sums as they now lie
    values = np.where(seen, window, 0)
    values = np.where(seen, window - values.sum(axis=0) / seen.sum(axis=0), 0)
    return Series(values / np.sqrt((values * values).sum(axis=0)), seen), place


def _batches(series: Series, strongest: int) -> Iterator[Pairs]:
    """Give the candidates in few and large parts: a step over many pairs costs little more than one over few."""
    waiting: list[Pairs] = [(np.empty(0, np.intp), np.empty(0, np.intp))]
    for pairs in candidates(series, least=LEAST, strongest=strongest, common=MIN_OBS):
        waiting.append(pairs)
        if sum(node.size for node, _ in waiting) > TOGETHER:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Pairs]) -> Pairs:
    node, other = (np.concatenate(side) for side in zip(*parts, strict=True))
    return node, other


def _choice(series: Series, place: Places, pairs: Pairs, strongest: int) -> tuple[Places, Places, Array]:
    """Return which of the pairs (node, other) the nodes choose: the codes' places and rho."""
    rho = _correlations(series, pairs)
    strong = np.abs(rho) >= LEAST  # false where there is no correlation
    node, other, rho = place[pairs[0][strong]], place[pairs[1][strong]], rho[strong]
    chosen = np.bincount(node)[node] <= strongest
    crowded = np.flatnonzero(~chosen)
    crowded = crowded[np.lexsort((other[crowded], -np.abs(rho[crowded]), node[crowded]))]
    first = np.searchsorted(node[crowded], node[crowded])
    chosen[crowded[np.arange(crowded.size) - first < strongest]] = True
    return node[chosen], other[chosen], rho[chosen]


def _correlations(series: Series, pairs: Pairs) -> Array:
    """Return the correlation of each pair; NaN where one did not move in the sessions they have in common."""
    node, other = pairs
    mask = np.packbits(series.seen, axis=0)
    alike = (mask[:, node] == mask[:, other]).all(axis=0)
    rho = np.empty(node.size)
    rho[alike] = _sum_of_products(series.values, node[alike], other[alike])
    rho[~alike] = _over_common_sessions(series, node[~alike], other[~alike])
    return clipped(rho)


def _sum_of_products(values: Array, node: Places, other: Places) -> Array:
    total = np.zeros(node.size)
    for session in values:
        total += session.take(node) * session.take(other)
    return total


def _over_common_sessions(series: Series, node: Places, other: Places) -> Array:
    sessions = list(zip(series.values, series.seen, strict=True))
    count, sum_x, sum_y, xx, yy, xy = np.zeros((6, node.size))
    for values, seen in sessions:
        x, y, both = values.take(node), values.take(other), seen.take(node) & seen.take(other)
        count += both
        sum_x += x * both
        sum_y += y * both
    mean_x, mean_y = sum_x / count, sum_y / count
    for values, seen in sessions:
        both = seen.take(node) & seen.take(other)
        x, y = (values.take(node) - mean_x) * both, (values.take(other) - mean_y) * both
        xx += x * x
        yy += y * y
        xy += x * y
    moved = np.minimum(xx, yy) > FLAT
    return np.where(moved, xy / np.sqrt(np.where(moved, xx * yy, 1)), np.nan)
