"""The loops that compute correlations exactly, and choose among them.

Every sum goes from the oldest session to the newest, and is the same for (x, y) as for (y, x).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tosho.features.compiled import compiled
from tosho.features.graph_series import Masks, Nodes, Places
from tosho.features.kernels import Array

AT_ONCE = 4  # sums that do not wait for each other


@compiled("float64[::1](float64[:, ::1], int32[::1], int32[::1])")
def _sums_of_products(values: Array, low: Nodes, high: Nodes) -> Array:
    rho = np.empty(low.size)
    for begin in range(0, low.size, AT_ONCE):
        last = low.size - 1
        p, q, r, s = begin, min(begin + 1, last), min(begin + 2, last), min(begin + 3, last)
        a, b, c, d = values[low[p]], values[low[q]], values[low[r]], values[low[s]]
        e, f, g, h = values[high[p]], values[high[q]], values[high[r]], values[high[s]]
        of_p, of_q, of_r, of_s = 0.0, 0.0, 0.0, 0.0
        for t in range(values.shape[1]):
            of_p += a[t] * e[t]
            of_q += b[t] * f[t]
            of_r += c[t] * g[t]
            of_s += d[t] * h[t]
        rho[p], rho[q], rho[r], rho[s] = of_p, of_q, of_r, of_s
    return rho


@compiled("float64(float64[::1], float64[::1], uint64, float64)")
def _over_common_sessions(x: Array, y: Array, both: int, flat: float) -> float:
    count, sum_x, sum_y, xx, yy, xy = 0, 0.0, 0.0, 0.0, 0.0, 0.0
    for t in range(x.size):
        if both >> np.uint64(t) & np.uint64(1):
            count += 1
            sum_x += x[t]
            sum_y += y[t]
    mean_x, mean_y = sum_x / count, sum_y / count
    for t in range(x.size):
        if both >> np.uint64(t) & np.uint64(1):
            of_x, of_y = x[t] - mean_x, y[t] - mean_y
            xx += of_x * of_x
            yy += of_y * of_y
            xy += of_x * of_y
    return xy / np.sqrt(xx * yy) if min(xx, yy) > flat else np.nan


@compiled("float64[::1](float64[:, ::1], uint64[::1], int32[::1], int32[::1], float64)")
def correlations(values: Array, mask: Masks, low: Nodes, high: Nodes, flat: float) -> Array:
    """Return the correlation of each pair; NaN where one holds less than `flat` in the sessions they have in common."""
    rho = _sums_of_products(values, low, high)
    for pair in range(low.size):
        x, y = low[pair], high[pair]
        if mask[x] != mask[y]:
            rho[pair] = _over_common_sessions(values[x], values[y], mask[x] & mask[y], flat)
        rho[pair] = min(max(rho[pair], -1.0), 1.0) if rho[pair] == rho[pair] else np.nan
    return rho


@compiled("void(int64[:, ::1], float64[:, ::1], int64[:, ::1], int64, int64, float64, int64)")
def _rank(  # noqa: PLR0913 - arrays, not objects, are what is compiled
    pairs: Places, strengths: Array, places: Places, node: int, pair: int, strength: float, place: int
) -> None:
    """Put a pair among a node's best before the first that it beats; the last of them falls out."""
    at = last = pairs.shape[1]
    while at > 0:
        ahead, tied = strength > strengths[node, at - 1], strength == strengths[node, at - 1]
        if not (ahead or (tied and place < places[node, at - 1])):
            break
        if at < last:
            pairs[node, at] = pairs[node, at - 1]
            strengths[node, at], places[node, at] = strengths[node, at - 1], places[node, at - 1]
        at -= 1
    if at < last:
        pairs[node, at], strengths[node, at], places[node, at] = pair, strength, place


@compiled("boolean[::1](int64[::1], int32[::1], int32[::1], float64[::1], float64, int64)")
def chosen(  # noqa: PLR0913
    place: Places, low: Nodes, high: Nodes, rho: Array, least: float, strongest: int
) -> npt.NDArray[np.bool_]:
    """Return which pairs are among the `strongest` |rho| of either node, of equal ones the first by `place`."""
    pairs, places = np.full((place.size, strongest), -1), np.zeros((place.size, strongest), np.int64)
    strengths = np.full((place.size, strongest), -1.0)
    for pair in range(low.size):
        x, y, strength = low[pair], high[pair], abs(rho[pair])
        if not strength >= least:  # nor where there is no correlation
            continue
        if strength >= strengths[x, strongest - 1]:
            _rank(pairs, strengths, places, x, pair, strength, place[y])
        if strength >= strengths[y, strongest - 1]:
            _rank(pairs, strengths, places, y, pair, strength, place[x])
    result = np.zeros(low.size, np.bool_)
    for pair in pairs.ravel():
        if pair >= 0:
            result[pair] = True
    return result
