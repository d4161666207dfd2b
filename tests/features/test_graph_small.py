"""The compiled loops on small inputs: none, one and two nodes, ties, gaps, codes that stand still."""

import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from features import graph_oracle as oracle
from features.test_graph import PRINTED, assert_same, session_of
from tosho.features import graph_candidates, graph_edges, graph_gaps, graph_series, graph_walks
from tosho.features.graph import WINDOW, graph_of
from tosho.features.graph_edges import edges_of

Quick = np.float32


def small_window(seed):
    """Up to nine codes of few values, so that many are alike, opposite or still, and most have gaps."""
    rng = np.random.default_rng(seed)
    codes = seed % 10
    window = rng.integers(-1, 2, (WINDOW, 3)) @ rng.integers(-1, 2, (3, codes)) * 0.01
    window += rng.choice([0, 0.01], codes) * rng.normal(size=window.shape)
    window[rng.random(window.shape) < rng.choice([0, 0.05, 0.25], codes)] = np.nan
    window[rng.random(WINDOW) < rng.choice([0, 0.2])] = np.nan  # sessions that nobody has
    return window, *np.where(rng.random((2, codes)) < 0.2, np.nan, rng.normal(size=(2, codes)))


@pytest.mark.parametrize("seed", range(60))
def test_small_graphs_are_those_of_loops_and_networkx(seed):
    session = small_window(seed)
    assert_same(graph_of(*session), oracle.graph(*session))


def test_the_small_graphs_hold_what_is_hard():
    windows = [small_window(seed)[0] for seed in range(60)]
    joined = [edges_of(window) for window in windows]
    assert any(edges.low.size == 0 for edges in joined)
    assert any(np.unique(np.abs(edges.rho)).size < edges.rho.size for edges in joined)
    assert any((np.nanmax(window, axis=0) == np.nanmin(window, axis=0)).any() for window in windows if window.size)
    assert {window.shape[1] for window in windows} >= {0, 1, 2}


def test_interpreted_with_every_index_checked_they_give_the_same_bits(tmp_path):
    """Without the compiler the loops are NumPy's, which knows the ends of its arrays."""
    np.savez(tmp_path / "session.npz", *session_of(75, gaps=0.6))
    run = [sys.executable, "-W", "ignore", "-c", PRINTED, str(tmp_path / "session.npz")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "include")}
    printed = {
        subprocess.run(run, env=environment | more, check=True, capture_output=True, text=True).stdout
        for more in ({}, {"NUMBA_DISABLE_JIT": "1"})
    }
    assert len(printed) == 1


@pytest.mark.parametrize("codes", [0, 1, 2, 40])
def test_codes_are_counted_and_what_moved_is_known(codes):
    window = session_of(60)[0][:, :codes].copy()
    window[:, codes - 1 :] = np.nan
    count, moved = graph_series._looked_over(window)
    np.testing.assert_array_equal(count, (~np.isnan(window)).sum(axis=0))
    expected = [len(set(column[~np.isnan(column)].tolist())) > 1 for column in window.T]
    assert moved.tolist() == expected


@pytest.mark.parametrize("place", [[], [1], [0, 2]])
def test_sessions_are_held_that_any_of_the_codes_has(place):
    window = np.full((5, 3), np.nan)
    window[[0, 3, 4], [0, 1, 2]] = window[3, 0] = 0.0
    expected = [t for t in range(5) if any(not np.isnan(window[t, code]) for code in place)]
    assert graph_series._held(window, np.array(place, np.int64)).tolist() == expected


def settled(covariance, spread, count, common, least):
    value = np.where(spread >= least, np.abs(covariance) / np.sqrt(np.where(spread >= least, spread, 1)), np.inf)
    return np.where(count >= common, value, 0).astype(Quick)


def test_quick_correlations_with_a_gap_on_one_side_are_numpys():
    rng = np.random.default_rng(1)
    rho, sums = rng.normal(size=(2, 7, 5)).astype(Quick)
    squares, count = rng.random((7, 5), Quick), rng.integers(38, 43, 7).astype(Quick)
    squares[3], squares[4, 2], count[3], count[4:] = 0.001, np.nan, 40, 41
    expected = settled(rho, squares - sums * sums / count[:, None], count[:, None], 40, Quick(0.01))
    graph_gaps.settle_whole(rho, squares, sums, count, Quick(40), Quick(0.01))
    np.testing.assert_array_equal(rho, expected)
    assert np.isinf(expected[4, 2])
    assert {0, np.inf} < set(expected.ravel().tolist())


def test_quick_correlations_with_gaps_on_both_sides_are_numpys():
    rng = np.random.default_rng(2)
    rho, x, y = rng.normal(size=(3, 7, 5)).astype(Quick)
    xx, yy = rng.random((2, 7, 5), Quick) + Quick(0.1)
    count = rng.choice([0, 39, 40, 50], (7, 5)).astype(Quick)
    n = np.maximum(count, 1)
    spread = (xx - x * x / n) * (yy - y * y / n)
    expected = settled(rho - x * y / n, spread, count, 40, Quick(0.01))
    graph_gaps.settle_gaps(rho, count, x, y, xx, yy, Quick(40), Quick(0.01))
    np.testing.assert_array_equal(rho, expected)
    assert {0, np.inf} < set(expected.ravel().tolist())


def tiles(rho, rows, columns):
    for row in range(0, len(rho), rows):
        for column in range(row, len(rho), columns):
            yield np.ascontiguousarray(rho[row : row + rows, column : column + columns]), row, column


@pytest.mark.parametrize("nodes", [0, 1, 2, 9, 33])
@pytest.mark.parametrize(("rows", "columns"), [(4, 12), (8, 16), (64, 64)])
def test_no_strongest_pair_is_missed_and_each_comes_once(nodes, rows, columns):
    rng = np.random.default_rng(nodes)
    rho = (
        rng.choice([-1, -0.5, -0.25, 0.31, 0.5, 0.75, np.nan, np.inf], (nodes, nodes))
        + rng.normal(size=(nodes, 1)) / 99
    )
    rho = np.where(np.tri(nodes, k=-1), rho.T, rho).astype(Quick)
    found = graph_candidates._Found(nodes, 0.3, 3)
    for tile in tiles(rho, rows, columns):
        found.take(*tile)
    pairs = list(zip(*(ends.tolist() for ends in found.pairs()), strict=True))
    wanted = set()
    for node in range(nodes):
        near = {other: abs(rho[min(node, other), max(node, other)]) for other in range(nodes) if other != node}
        finite = sorted((value for value in near.values() if value < np.inf), reverse=True)
        needed = max(0.3, finite[2]) if len(finite) > 2 else 0.3
        wanted |= {(min(node, other), max(node, other)) for other, value in near.items() if value >= needed}
    assert len(set(pairs)) == len(pairs)
    assert wanted <= set(pairs) <= set(combinations(range(nodes), 2))
    assert all(abs(rho[pair]) > 0.29 for pair in pairs)


def random_graph(nodes, edges, seed):
    rng = np.random.default_rng(seed)
    pairs = np.array(sorted(rng.permutation(list(combinations(range(nodes), 2)))[:edges].tolist()), np.int64)
    pairs = pairs.reshape(-1, 2)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1]), rng.normal(size=len(pairs))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("nodes", "edges"), [(0, 0), (2, 0), (2, 1), (3, 3), (12, 9), (12, 30), (12, 66)])
def test_neighbours_triangles_and_cores_are_those_of_networkx(nodes, edges, seed):
    low, high, rho = random_graph(nodes, edges, seed)
    market = nx.Graph()
    market.add_weighted_edges_from(zip(low.tolist(), high.tolist(), rho.tolist(), strict=True))
    joined, begin, other, weight = graph_walks.both_ways(low, high, rho, nodes)
    assert joined.tolist() == sorted(market)
    for k, node in enumerate(joined.tolist()):
        near = slice(begin[k], begin[k + 1])
        assert joined[other[near]].tolist() == sorted(market[node])
        assert weight[near].tolist() == [market.edges[node, near]["weight"] for near in sorted(market[node])]
    assert graph_walks.triangles(begin, other).tolist() == [nx.triangles(market, node) for node in joined.tolist()]
    level = nx.core_number(market)
    assert graph_walks.peeled(begin, other).tolist() == [level[node] for node in joined.tolist()]


@pytest.mark.parametrize("shape", [(65, 3), (60, 65_536), (60,)])
def test_what_the_loops_cannot_hold_is_refused(shape):
    with pytest.raises(ValueError, match=r"loops hold at most 64 sessions of 65535 codes"):
        edges_of(np.broadcast_to(0.0, shape))


def test_as_many_sessions_as_a_mask_has_bits_are_not():
    window = np.random.default_rng(3).normal(size=(64, 1)) * [1, 2, -1]
    window[0, 0] = window[63, 1] = np.nan
    edges = edges_of(window)
    assert list(zip(edges.low.tolist(), edges.high.tolist(), strict=True)) == [(0, 1), (0, 2), (1, 2)]
    np.testing.assert_allclose(edges.rho, [1, -1, -1])
    assert graph_edges.MIN_OBS < 64
