import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from tosho.dataset.cross_section import (
    average_ranks,
    bounds_of,
    correlations,
    counts_to_bounds,
    rank_correlations,
    shuffled,
    z_scores,
)

BOUNDS = np.array([0, 30, 90])
RNG = np.random.default_rng(0)


@given(st.lists(st.integers(0, 9), max_size=50))
def test_ranks_are_those_of_scipy(values):
    x = np.array(values, dtype=float)
    assert average_ranks(x).tolist() == (rankdata(x) - 1).tolist()


def test_rank_correlation_is_spearmans_by_session():
    a, b = RNG.integers(0, 20, 90).astype(float), RNG.integers(0, 20, 90).astype(float)
    wanted = [spearmanr(a[:30], b[:30]).statistic, spearmanr(a[30:], b[30:]).statistic]
    assert rank_correlations(a, b, BOUNDS) == pytest.approx(wanted)


def test_pairs_with_a_null_are_left_out():
    a, b = RNG.normal(size=90), RNG.normal(size=90)
    a[5], b[7] = np.nan, np.nan
    kept = [i for i in range(30) if i not in (5, 7)]
    assert correlations(a, b, BOUNDS)[0] == pytest.approx(np.corrcoef(a[kept], b[kept])[0, 1])


def test_a_session_with_few_pairs_or_no_spread_has_no_correlation():
    a, b = RNG.normal(size=90), RNG.normal(size=90)
    a[12:30] = np.nan
    b[30:] = 1.0
    assert np.isnan(rank_correlations(a, b, BOUNDS)).all()


def test_z_scores_are_of_the_session_and_held_at_the_limit():
    x = RNG.normal(size=90) + np.repeat([0, 50], [30, 60])
    x[3], x[40] = np.nan, 1000.0
    z = z_scores(x, BOUNDS, 3.0)
    assert np.isnan(z[3])
    assert z[40] == 3.0
    assert np.nanmean(z[:30]) == pytest.approx(0.0, abs=1e-12)


def test_shuffling_keeps_each_session_and_each_row():
    x = np.arange(180).reshape(90, 2)
    y = shuffled(x, BOUNDS, seed=1)
    assert sorted(y[:30, 0]) == list(range(0, 60, 2))
    assert (y[:, 1] - y[:, 0] == 1).all()
    assert (y != x).any()


def test_bounds_follow_the_rows_that_stay():
    kept = np.array([True, False, True, False, False, True])
    assert bounds_of(kept, counts_to_bounds(np.array([3, 2, 1]))).tolist() == [0, 2, 2, 3]
