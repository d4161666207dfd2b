"""The compiled loops of the graph against NumPy and SciPy, bit by bit, and the window that a session's graph is of."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from features.test_graph import session_of
from tosho.features import columns, graph_columns, graph_exact, graph_measures
from tosho.features.graph_edges import edges_of
from tosho.features.graph_measures import DAMPING, STEPS, STILL, Graph
from tosho.features.graph_series import MIN_OBS, Series, series_of


@pytest.fixture
def series() -> Series:
    return series_of(session_of(90, gaps=0.6)[0])


@pytest.fixture
def graph() -> Graph:
    return graph_measures.graph(edges_of(session_of(300)[0]), 300)[1]


def pairs_of(series: Series) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.triu_indices(series.nodes, 1)
    return low.astype(np.int32), high.astype(np.int32)


def seen_of(series: Series) -> np.ndarray:
    return series.seen().astype(bool)


def correlation(series: Series, low: int, high: int) -> float:
    """What the two have in common, session after session: `np.cumsum` adds one value after the other."""
    seen = seen_of(series)
    x, y = series.values[low], series.values[high]
    if (seen[low] == seen[high]).all():
        return float(np.cumsum(x * y)[-1])
    x, y = x[seen[low] & seen[high]], y[seen[low] & seen[high]]
    if not x.size:
        return np.nan
    x, y = x - np.cumsum(x)[-1] / x.size, y - np.cumsum(y)[-1] / y.size
    xx, yy, xy = (np.cumsum(of)[-1] for of in (x * x, y * y, x * y))
    return float(xy / np.sqrt(xx * yy)) if min(xx, yy) > 1e-12 else np.nan


def test_correlations_are_sums_from_the_oldest_session_on(series: Series) -> None:
    low, high = pairs_of(series)
    expected = np.clip([correlation(series, *pair) for pair in zip(low, high, strict=True)], -1, 1)
    found = graph_exact.correlations(series.values, series.mask, low, high, 1e-12)
    assert 0 < series.whole < series.nodes
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("pairs", [0, 1, 3, 4, 5])
def test_any_number_of_pairs_is_correlated(series: Series, pairs: int) -> None:
    low, high = pairs_of(series)
    whole = graph_exact.correlations(series.values, series.mask, low, high, 1e-12)
    found = graph_exact.correlations(series.values, series.mask, low[:pairs], high[:pairs], 1e-12)
    np.testing.assert_array_equal(found, whole[:pairs])


def test_nodes_are_standardised_by_sums_from_the_oldest_session_on(series: Series) -> None:
    window = session_of(90, gaps=0.6)[0][:, series.place]
    seen = ~np.isnan(window)
    assert (seen.sum(axis=0) >= MIN_OBS).all()
    values = np.where(seen, window - np.cumsum(np.where(seen, window, 0), axis=0)[-1] / seen.sum(axis=0), 0)
    values /= np.sqrt(np.cumsum(values * values, axis=0)[-1])
    np.testing.assert_array_equal(series.values, values.T)
    np.testing.assert_array_equal(seen_of(series), seen.T)


def test_the_choice_is_a_sort_by_strength_and_place() -> None:
    rng = np.random.default_rng(1)
    low, high = (ends.astype(np.int32) for ends in np.triu_indices(30, 1))
    order, place = rng.permutation(low.size), rng.permutation(30)
    rho = (rng.integers(-8, 9, low.size) / 8)[order]
    rho[::7] = np.nan
    low, high = low[order], high[order]
    expected = np.zeros(low.size, bool)
    for node in range(30):
        mine = [k for k in range(low.size) if node in {low[k], high[k]} and abs(rho[k]) >= 0.3]
        mine.sort(key=lambda k: (-abs(rho[k]), place[low[k] + high[k] - node]))
        expected[mine[:5]] = True
    np.testing.assert_array_equal(graph_exact.chosen(place, low, high, rho, 0.3, 5), expected)


def test_sums_over_neighbours_are_those_of_scipy(graph: Graph) -> None:
    values = np.random.default_rng(2).normal(size=graph.begin.size - 1)
    np.testing.assert_array_equal(
        graph.times(graph.rho, values), csr_array((graph.rho, graph.other, graph.begin)) @ values
    )


def test_a_walk_is_that_of_scipy(graph: Graph) -> None:
    weights = csr_array((np.abs(graph.rho), graph.other, graph.begin))
    strength = weights @ np.ones(weights.shape[0])
    share = strength / strength.sum()
    for _ in range(STEPS):
        before, share = share, DAMPING * (weights @ (share / strength)) + (1 - DAMPING) / share.size
        if (np.abs(share - before) <= STILL * before).all():
            break
    assert share.size % 8
    np.testing.assert_array_equal(graph_measures.pagerank(graph), share)


def returns_of(days: int, *, first: date, codes: str, value: float = 0.0) -> pl.DataFrame:
    rows = [(first + timedelta(d), code, value + 100 * d + k) for k, code in enumerate(codes) for d in range(days)]
    schema = {"session": pl.Date, "code": pl.String, graph_columns.RETURN: pl.Float32}
    return pl.DataFrame(rows, schema=schema, orient="row").sample(fraction=1, shuffle=True, seed=days)


def session_rows(session: date, codes: str) -> pl.DataFrame:
    return pl.DataFrame({"code": list(codes)}).select(pl.lit(session).alias("session"), "code")


@pytest.mark.parametrize("day", [0, 30, 59, 60, 70])
def test_a_window_ends_with_the_session(day: int) -> None:
    first = date(2024, 1, 1)
    returns = returns_of(75, first=first, codes="BAD")
    hole = (pl.col("session") == first) & (pl.col("code") == "A")
    returns = returns.with_columns(pl.when(~hole).then(pl.col(graph_columns.RETURN)).alias(graph_columns.RETURN))
    known = {(day, code): value for day, code, value in returns.iter_rows() if value is not None}
    expected = [
        [known.get((first + timedelta(day - back), code), np.nan) for code in "ABCD"]
        for back in reversed(range(columns.GRAPH_REACH))
    ]
    found = graph_columns._window(session_rows(first + timedelta(day), "ABCD"), returns)
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


def test_a_session_that_nobody_returned_in_ends_with_the_one_before() -> None:
    returns = returns_of(3, first=date(2024, 1, 1), codes="A")
    found = graph_columns._window(session_rows(date(2024, 1, 9), "A"), returns)
    assert found[-3:, 0].tolist() == [0, 100, 200]


def test_each_frame_of_returns_has_its_own_window() -> None:
    rows = session_rows(date(2024, 1, 1), "A")
    frames = [returns_of(1, first=date(2024, 1, 1), codes="A", value=value) for value in (1.0, 2.0)]
    assert [graph_columns._window(rows, frames[k])[-1, 0] for k in (0, 1, 1, 0)] == [1, 2, 2, 1]


def test_what_is_kept_of_a_frame_goes_with_it() -> None:
    returns = returns_of(1, first=date(2024, 1, 1), codes="A")
    graph_columns._window(session_rows(date(2024, 1, 1), "A"), returns)
    assert graph_columns._newest is not None
    del returns
    assert graph_columns._newest is None
