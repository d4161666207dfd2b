"""The loops that make quick correlations of the products of nodes that have a gap: see `graph_candidates`."""

from __future__ import annotations

import numpy as np

from tosho.features.compiled import compiled
from tosho.features.graph_series import Quick

_MATRIX = "float32[:, ::1]"


@compiled(f"void({_MATRIX}, {_MATRIX}, {_MATRIX}, float32[::1], float32, float32)")
def settle_whole(  # noqa: PLR0913
    rho: Quick, squares: Quick, sums: Quick, count: Quick, common: np.float32, least: np.float32
) -> None:
    """Make |correlations| of the products of nodes with a gap and whole ones, in place.

    What becomes of a pair: 0 with fewer than `common` sessions, infinite where these hold less than the share `least`
    of the whole node's variance.

    Args:
        rho: Sums of products, `[with a gap, whole]`.
        squares: Sums of the whole node's squares over the sessions of the other.
        sums: The same of its values.
        count: Sessions that the node with a gap has.
        common: Sessions that a pair needs.
        least: Share of the variance below which a product says nothing.
    """
    for row in range(rho.shape[0]):
        n = count[row]
        for column in range(rho.shape[1]):
            spread = squares[row, column] - sums[row, column] * sums[row, column] / n
            sure = spread >= least
            value = abs(rho[row, column]) / np.sqrt(spread if sure else np.float32(1))
            value = value if sure else np.float32(np.inf)
            rho[row, column] = value if n >= common else np.float32(0)


@compiled(f"void({', '.join([_MATRIX] * 6)}, float32, float32)")
def settle_gaps(  # noqa: PLR0913
    rho: Quick,
    count: Quick,
    sums: Quick,
    other_sums: Quick,
    squares: Quick,
    other_squares: Quick,
    common: np.float32,
    least: np.float32,
) -> None:
    """Make |correlations| as `settle_whole`, of nodes that both have a gap: all sums are over their common sessions."""
    for row in range(rho.shape[0]):
        for column in range(rho.shape[1]):
            n = max(count[row, column], np.float32(1))
            x, y = sums[row, column], other_sums[row, column]
            spread = (squares[row, column] - x * x / n) * (other_squares[row, column] - y * y / n)
            sure = spread >= least
            value = abs(rho[row, column] - x * y / n) / np.sqrt(spread if sure else np.float32(1))
            value = value if sure else np.float32(np.inf)
            rho[row, column] = value if count[row, column] >= common else np.float32(0)
