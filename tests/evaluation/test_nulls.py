import numpy as np
import pytest

from tosho.dataset.cross_section import shuffled
from tosho.evaluation.ic import HorizonResult
from tosho.evaluation.nulls import leak_is_seen, no_suspected_leak, nothing_from_nothing

RNG = np.random.default_rng(4)
BOUNDS = np.arange(51) * 200


def result(rank_ic, horizon=5):
    return HorizonResult(horizon, 100, rank_ic, rank_ic, 1.0, 5.0, 0.6)


def test_scores_against_shuffled_labels_are_nothing():
    returns = RNG.normal(size=10_000)
    assert nothing_from_nothing(returns, shuffled(returns, BOUNDS, 0), BOUNDS).passed


def test_labels_that_were_not_shuffled_are_found_out():
    returns = RNG.normal(size=10_000)
    found = nothing_from_nothing(returns * 0.05 + RNG.normal(size=10_000), returns, BOUNDS)
    assert not found.passed
    assert "the bound is 0.0300 (3 standard errors of 10000 pairs)" in found.sentence


def test_a_leak_that_is_not_seen_fails():
    assert leak_is_seen(0.9).passed
    assert not leak_is_seen(0.03).passed
    assert not leak_is_seen(float("nan")).passed


def test_one_horizon_that_is_too_good_is_a_suspected_leak():
    assert no_suspected_leak([result(0.09, 1), result(0.05)]).passed
    found = no_suspected_leak([result(0.05, 1), result(0.11, 20)])
    assert not found.passed
    assert "+0.1100, of horizon 20" in found.sentence


def test_sessions_too_small_for_an_ic_do_not_tighten_the_bound():
    returns = RNG.normal(size=10_000 + 900)
    bounds = np.concatenate([BOUNDS, 10_000 + np.arange(1, 101) * 9])  # a hundred sessions of nine codes
    found = nothing_from_nothing(RNG.normal(size=returns.size), returns, bounds)
    assert "(3 standard errors of 10000 pairs)" in found.sentence
    assert found.bound == pytest.approx(0.03)
