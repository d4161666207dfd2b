"""The correlation graph against an oracle of loops and networkx, and what it promises about bits."""

import doctest
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tosho.features.graph as module
from features import graph_oracle as oracle
from tosho.features import columns, graph_candidates
from tosho.features.families import graph as family
from tosho.features.graph import WINDOW, graph_of
from tosho.features.graph_edges import edges_of
from tosho.features.spec import Scope, features

Session = tuple[np.ndarray, np.ndarray, np.ndarray]


def session_of(codes: int, *, seed: int = 0, gaps: float = 0.3) -> Session:
    """A factor, eight sectors and a few hedges; some codes trade seldom, some are new, some do not move."""
    rng = np.random.default_rng(seed)
    sector = rng.integers(0, 8, codes)
    window = 0.006 * rng.normal(size=(WINDOW, 1)) * rng.uniform(-0.3, 1.5, codes)
    window += 0.01 * rng.normal(size=(WINDOW, 8))[:, sector] * rng.uniform(0.3, 1.5, codes)
    window[:, 2::9] *= -1
    window += 0.012 * rng.normal(size=(WINDOW, codes))
    window[:, ::17] = 0.0
    seldom = (rng.random(codes) < gaps) * rng.uniform(0, 0.45, codes)
    window[rng.random(window.shape) < seldom] = np.nan
    window[: WINDOW // 4, 5::23] = np.nan
    ret_1, ret_5 = rng.normal(size=(2, codes)) * 0.02
    ret_1[3::11], ret_5[4::13] = np.nan, np.nan
    return window, ret_1, ret_5


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-9, atol=1e-12, err_msg=name, strict=True)


def assert_same_bits(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    for name, values in expected.items():
        assert found[name].tobytes() == values.tobytes(), name


@pytest.mark.parametrize("gaps", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("codes", [30, 110])
def test_against_loops_and_networkx(codes: int, gaps: float) -> None:
    session = session_of(codes, gaps=gaps)
    expected = oracle.graph(*session)
    assert_same(graph_of(*session), expected)
    assert all(np.isfinite(values).any() for values in expected.values())
    assert (expected["g_mean_corr"] < 0).any()


def test_the_strongest_of_many_codes() -> None:
    window, *_ = session_of(340)
    edges, expected = edges_of(window), oracle.edges(window)
    assert list(zip(edges.low.tolist(), edges.high.tolist(), strict=True)) == sorted(expected)
    np.testing.assert_allclose(edges.rho, [expected[pair] for pair in sorted(expected)], rtol=1e-9)


def test_clusters_are_found() -> None:
    rng = np.random.default_rng(3)
    window = np.repeat(rng.normal(size=(WINDOW, 3)), [4, 8, 1], axis=1) + 0.05 * rng.normal(size=(WINDOW, 13))
    found = graph_of(window, *np.zeros((2, 13)))
    assert found["g_degree"].tolist()[:12] == [3.0] * 4 + [7.0] * 8
    assert found["g_core"].tolist() == [*[3.0] * 4, *[7.0] * 8, 0.0]
    assert found["g_clust"].tolist()[:12] == [1.0] * 12
    assert (found["g_mean_corr"][:12] > 0.9).all()
    assert sum(found["g_pagerank"][:12]) == pytest.approx(1)


def test_of_equal_ones_the_first_by_code() -> None:
    rng = np.random.default_rng(4)
    window = np.repeat(rng.normal(size=(WINDOW, 1)), 14, axis=1) * [1, -1, 2, 4, 1, 1, 1, 1, 1, 1, 1, 1, -2, 1]
    edges = edges_of(window)
    expected = {(min(i, j), max(i, j)) for i in range(14) for j in [j for j in range(14) if j != i][:10]}
    assert set(zip(edges.low.tolist(), edges.high.tolist(), strict=True)) == expected
    assert_same(graph_of(window, window[-1], window[-2]), oracle.graph(window, window[-1], window[-2]))


def test_a_neighbour_that_moves_against_it_counts_with_the_opposite_sign() -> None:
    rise = np.random.default_rng(5).normal(size=WINDOW)
    window = np.stack([rise, -rise, rise], axis=1)
    found = graph_of(window, np.array([0.01, 0.02, np.nan]), np.array([np.nan, np.nan, 0.03]))
    np.testing.assert_allclose(found["g_nbr_ret_1"], [-0.02, -0.01, (0.01 - 0.02) / 2])
    np.testing.assert_allclose(found["g_nbr_ret_5"], [0.03, -0.03, np.nan])
    np.testing.assert_allclose(found["g_max_corr"], [1, -1, 1])


@pytest.mark.parametrize(("missing", "joined"), [(20, True), (21, False)])
def test_enough_returns_are_forty(missing: int, joined: bool) -> None:  # noqa: FBT001
    rise = np.random.default_rng(6).normal(size=WINDOW)
    window = np.stack([rise, rise, rise], axis=1)
    window[:missing, 1] = np.nan
    found = graph_of(window, window[-1], window[-1])
    assert found["g_degree"][[0, 2]].tolist() == [1.0 + joined] * 2
    assert all(np.isnan(values[1]) != joined for values in found.values())


def test_a_pair_needs_forty_sessions_in_common() -> None:
    rise = np.random.default_rng(7).normal(size=WINDOW)
    window = np.stack([rise, rise], axis=1)
    window[:11, 0] = window[-10:, 1] = np.nan
    assert graph_of(window, *np.zeros((2, 2)))["g_degree"].tolist() == [0, 0]


def test_codes_that_moved_only_where_the_other_did_not_trade_are_not_joined() -> None:
    window = np.zeros((WINDOW, 6))
    window[:, 0] = window[:, 5] = np.random.default_rng(8).normal(size=WINDOW)
    for code in range(1, 5):
        window[7:11, code] = np.nan
        window[6 + code, code] = 0.1 * code + 0.01
    window[7:11, 0] = np.nan
    found = graph_of(window, *np.zeros((2, 6)))
    assert_same(found, oracle.graph(window, *np.zeros((2, 6))))
    assert found["g_degree"][1:5].tolist() == [0] * 4


@pytest.mark.parametrize("hole", [0, 1])
@pytest.mark.parametrize("scale", [1e-1, 1e-3, 1e-5, 2e-6])
def test_a_jump_that_the_others_did_not_see_hides_no_neighbour(scale: float, hole: int) -> None:
    """The last code chooses ten of the twelve that move alike; none of these chooses it."""
    rng = np.random.default_rng(9)
    together = rng.normal(size=(WINDOW, 1))
    window = scale * (together + 0.2 * rng.normal(size=(WINDOW, 13)))
    window[:, 12] += 1.5 * scale * rng.normal(size=WINDOW)
    window[3, :12], window[3, 12] = np.nan, 1.0
    window[np.arange(10, 22), np.arange(12)] = np.nan
    window[30 : 30 + hole, 12] = np.nan
    found = graph_of(window, *np.ones((2, 13)))
    assert_same(found, oracle.graph(window, *np.ones((2, 13))))
    assert found["g_degree"][12] == 10


def test_the_strongest_are_told_apart_beyond_what_float32_holds() -> None:
    rng = np.random.default_rng(12)
    random = rng.normal(size=(WINDOW, 41))
    way = np.linalg.qr(random - random.mean(axis=0)).Q
    rho = 0.6 + 1e-9 * rng.permutation(40)
    window = np.concatenate([way[:, :1], way[:, :1] * rho + way[:, 1:] * np.sqrt(1 - rho**2)], axis=1)
    chosen = {(0, 1 + j) for j in np.argsort(-rho)[:10].tolist()}
    assert chosen <= set(oracle.edges(window))
    edges = edges_of(window)
    assert set(zip(edges.low.tolist(), edges.high.tolist(), strict=True)) == set(oracle.edges(window))


def test_what_is_null_without_a_neighbour_and_outside_the_graph() -> None:
    rng = np.random.default_rng(10)
    window = np.stack([rng.normal(size=WINDOW), np.full(WINDOW, 0.01), np.full(WINDOW, np.nan)], axis=1)
    found = graph_of(window, *np.zeros((2, 3)))
    for name, values in found.items():
        lone = 0.0 if name in {"g_degree", "g_core"} else np.nan
        np.testing.assert_array_equal(values, [lone, lone, np.nan])


@pytest.mark.parametrize("codes", [0, 1])
def test_a_market_of_few(codes: int) -> None:
    found = graph_of(np.ones((WINDOW, codes)), np.ones(codes), np.ones(codes))
    assert {values.shape for values in found.values()} == {(codes,)}


def test_a_permutation_of_the_codes_permutes_the_result() -> None:
    window, ret_1, ret_5 = session_of(150)
    order = np.random.default_rng(11).permutation(150)
    found = graph_of(window[:, order], ret_1[order], ret_5[order])
    assert_same(found, {name: values[order] for name, values in graph_of(window, ret_1, ret_5).items()})


def test_codes_without_an_edge_may_go() -> None:
    window, ret_1, ret_5 = session_of(150)
    window[:, 1] = np.where(np.arange(WINDOW) < 40, window[:, 3], np.nan)
    window[11, np.arange(150) != 1] = np.nan  # so that it shares 39 sessions with others, and one with none
    whole = graph_of(window, ret_1, ret_5)
    joined = whole["g_degree"] > 0
    assert whole["g_degree"][1] == 0
    found = graph_of(window[:, joined], ret_1[joined], ret_5[joined])
    assert_same_bits(found, {name: values[joined] for name, values in whole.items()})


def test_float32_and_the_layout_in_memory_are_the_callers() -> None:
    window, ret_1, ret_5 = (values.astype(np.float32) for values in session_of(80))
    expected = graph_of(*(values.astype(np.float64) for values in (window, ret_1, ret_5)))
    assert_same_bits(graph_of(np.asfortranarray(window), ret_1, ret_5), expected)


@pytest.mark.parametrize(("rows", "width"), [(1, 1), (7, 3), (64, 300)])
def test_tiles_do_not_show(rows: int, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    session = session_of(180)
    expected = graph_of(*session)
    monkeypatch.setattr(graph_candidates, "ROWS", rows)
    monkeypatch.setattr(graph_candidates, "COLUMNS", width)
    monkeypatch.setattr(graph_candidates, "ROOM", 2)
    assert_same_bits(graph_of(*session), expected)


PRINTED = """
import hashlib, sys
import numpy as np
from tosho.features.graph import graph_of
found = graph_of(*np.load(sys.argv[1]).values())
print(hashlib.sha256(b"".join(values.tobytes() for values in found.values())).hexdigest())
"""


def test_threads_and_the_kernels_of_blas_do_not_show(tmp_path: Path) -> None:
    np.savez(tmp_path / "session.npz", *session_of(900))
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "include")}
    printed = set()
    for blas in ({"OPENBLAS_NUM_THREADS": "1"}, {"OPENBLAS_NUM_THREADS": "2"}, {"OPENBLAS_CORETYPE": "Nehalem"}):
        run = [sys.executable, "-c", PRINTED, str(tmp_path / "session.npz")]
        printed.add(subprocess.run(run, env=environment | blas, check=True, capture_output=True, text=True).stdout)
    assert len(printed) == 1


def test_a_window_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"returns \(59, 3\).*\(60, codes\)"):
        graph_of(np.ones((59, 3)), np.ones(3), np.ones(3))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_infinite_return_is_refused(place: int) -> None:
    session = (np.ones((WINDOW, 3)), np.ones(3), np.ones(3))
    session[place][..., 1] = -np.inf
    with pytest.raises(ValueError, match=r"infinite for the codes at \[1\]"):
        graph_of(*session)


def test_each_column_has_its_definition() -> None:
    defined = [f for f in features().values() if f.family == "graph"]
    assert family.__name__.endswith("graph")
    assert [f.name for f in defined] == list(graph_of(np.ones((WINDOW, 1)), np.ones(1), np.ones(1)))
    assert [f.inputs for f in defined] == [(name,) for name in columns.GRAPH]
    assert {f.scope for f in defined} == {Scope.GRAPH}


def test_the_example_holds() -> None:
    assert doctest.testmod(module).failed == 0
