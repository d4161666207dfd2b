from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tosho.calendar import sessions
from tosho.dataset.normalise import FittedBeyondError, Normaliser, NothingToFitError, Scaler, audit

RNG = np.random.default_rng(4)
DAYS = sessions(date(2024, 1, 4), date(2024, 3, 29))
METHODS = ("rank", "robust_z")
VALUES = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan), st.sampled_from([0.0, 1.0]))


def features(codes=200, columns=4):
    values = RNG.normal(size=(codes, columns)).astype(np.float32)
    values[::9, 1] = np.nan
    return values


@pytest.mark.parametrize("method", METHODS)
def test_a_column_has_mean_0_and_spread_1(method):
    scores = Normaliser(method)(features())[:, 0]
    assert scores.mean() == pytest.approx(0, abs=0.1)
    assert scores.std() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_codes_stays(method):
    values = features()
    assert np.array_equal(np.argsort(Normaliser(method, limit=99)(values)[:, 0]), np.argsort(values[:, 0]))


@pytest.mark.parametrize("method", METHODS)
def test_null_is_0_and_is_counted(method):
    values = features()
    scores = Normaliser(method)(values)
    assert not scores[::9, 1].any()
    assert scores[:, -1] == pytest.approx(np.isnan(values).mean(axis=1))
    assert scores[0, -1] == 0.25


@pytest.mark.parametrize("method", METHODS)
def test_an_outlier_is_held(method):
    values = features()
    values[5, 2], values[6, 2] = 1e9, -np.inf
    scores = Normaliser(method, limit=1.5)(values)
    assert (scores[5, 2], scores[6, 2]) == (1.5, -1.5)


@pytest.mark.parametrize("method", METHODS)
def test_where_nothing_differs_all_are_0(method):
    values = features()
    values[:, 0], values[:, 3] = 7.0, np.nan
    assert not Normaliser(method)(values)[:, [0, 3]].any()


def test_half_of_the_values_equal_leave_a_spread():
    values = np.array([[0.0]] * 7 + [[2.0]] * 3)
    assert len(set(Normaliser("robust_z")(values)[:, 0])) == 2


@given(arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=VALUES), st.sampled_from(METHODS))
def test_scores_are_finite_and_within_the_limit(values, method):
    scores = Normaliser(method, limit=2.0)(values)
    assert np.isfinite(scores).all()
    assert np.abs(scores).max() <= 2.0


@given(arrays(np.float32, (20, 2), elements=VALUES), st.permutations(range(20)))
def test_the_order_of_rows_changes_no_value(values, order):
    one = Normaliser()
    assert np.array_equal(one(values[order]), one(values)[order])


def test_a_scaler_knows_its_range_and_no_other_session():
    values = RNG.normal(3, 2, (len(DAYS), 2))
    fit = Scaler.fit(("a", "b"), values[:30], DAYS[:30])
    assert (fit.fitted.first, fit.fitted.last, fit.fitted.sessions) == (DAYS[0], DAYS[29], 30)
    scores = fit(values[:30], limit=9)
    assert scores.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)
    assert scores.std(axis=0) == pytest.approx([1, 1])


def test_what_never_was_known_or_never_moved_is_0():
    values = np.stack([np.full(30, np.nan), np.full(30, 5.0), np.arange(30.0)], axis=1)
    fit = Scaler.fit(("a", "b", "c"), values, DAYS[:30])
    assert fit(np.array([[4.0, 9.0, np.nan]]), limit=3).tolist() == [[0, 0, 0]]
    assert fit(np.array([[4.0, 9.0, 1e9]]), limit=3).tolist() == [[0, 0, 3]]


def test_too_few_sessions_are_refused():
    with pytest.raises(NothingToFitError, match="on 19 sessions; it needs 20"):
        Scaler.fit(("a",), np.ones((19, 1)), DAYS[:19])


def test_a_range_within_the_training_fold_passes():
    fit = Scaler.fit(("a",), np.arange(30.0)[:, None], DAYS[:30])
    audit([fit.fitted], DAYS[29])
    audit([fit.fitted], DAYS[40])


def test_a_range_beyond_the_training_fold_is_refused():
    fit = Scaler.fit(("a",), np.arange(30.0)[:, None], DAYS[:30])
    with pytest.raises(FittedBeyondError, match=f"fitted on {DAYS[0]} to {DAYS[29]} .* up to {DAYS[28]}"):
        audit([fit.fitted], DAYS[28])
