from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from tosho.calendar import offset
from tosho.evaluation.book import Trading, book
from tosho.evaluation.legs import Competition, Tenths, weights

RNG = np.random.default_rng(8)
FIRST = date(2024, 1, 4)


def market(sessions=12, codes=20, skip=0, lacking=0.0):
    days = tuple(offset(FIRST, i + (skip if i >= sessions // 2 else 0)) for i in range(sessions))
    returns = RNG.normal(0, 0.01, (sessions * codes, 4)).astype(np.float32)
    returns[RNG.random(sessions * codes) < lacking] = np.nan
    names = np.tile(np.array([f"{1300 + i}0" for i in range(codes)], dtype="S5"), sessions)
    return SimpleNamespace(sessions=days, bounds=np.arange(sessions + 1) * codes, codes=names, returns=returns)


def by_hand(scores, samples, horizon, first, part):
    """Yield gross and traded of the sessions from `first`, with dictionaries and nothing else."""
    size = len(scores) // len(samples.sessions)
    legs, earned = [], []
    for t in range(len(samples.sessions)):
        rows = range(t * size, (t + 1) * size)
        order = sorted(rows, key=lambda row: scores[row])
        k = size // part
        held = {samples.codes[row]: 1 / k for row in order[-k:]}
        legs.append(held | {samples.codes[row]: -1 / k for row in order[:k]})
        earned.append({samples.codes[row]: samples.returns[row, 0] for row in rows})

    def total(t):
        parts = legs[max(first, t - horizon + 1) : t + 1]
        return {code: sum(p.get(code, 0.0) for p in parts) / horizon for code in samples.codes[:size]}

    for t in range(first + horizon, len(samples.sessions)):
        now, before = total(t), total(t - 1)
        gross = sum(w * earned[t][code] for code, w in now.items() if earned[t][code] == earned[t][code])
        yield t, gross, sum(abs(now[code] - before[code]) for code in now)


@pytest.mark.parametrize("horizon", [1, 5])
def test_the_book_is_what_dictionaries_make_of_it(horizon):
    samples, scores = market(lacking=0.1), RNG.normal(size=240)
    made = book(scores, samples, horizon, Tenths(5))
    for t, gross, traded in by_hand(scores, samples, horizon, 0, 5):
        assert made.gross[t] == pytest.approx(gross)
        assert made.traded[t] == pytest.approx(traded)


def test_the_sessions_in_which_a_book_is_built_up_are_left_out():
    made = book(RNG.normal(size=240), market(), 5, Tenths())
    assert np.isnan(made.gross).tolist() == [True] * 4 + [False] * 8
    assert np.isnan(made.traded).tolist() == [True] * 5 + [False] * 7


def test_a_gap_in_the_sessions_builds_the_book_anew():
    samples, scores = market(skip=3), RNG.normal(size=240)
    made = book(scores, samples, 5, Tenths(5))
    assert np.isnan(made.gross).tolist() == [True] * 4 + [False] * 2 + [True] * 4 + [False] * 2
    for t, gross, traded in by_hand(scores, samples, 5, 6, 5):
        assert made.gross[t] == pytest.approx(gross)
        assert made.traded[t] == pytest.approx(traded)


def test_a_book_that_is_swapped_whole_has_a_turnover_of_one_and_one_that_stays_of_none():
    samples = market(sessions=4, codes=20)
    swapped = np.concatenate([np.arange(20.0) * (-1) ** t for t in range(4)])
    assert book(swapped, samples, 1, Tenths()).turnover[1:].tolist() == [1.0, 1.0, 1.0]
    assert book(np.tile(np.arange(20.0), 4), samples, 1, Tenths()).turnover[1:].tolist() == [0.0, 0.0, 0.0]


def test_costs_are_taken_from_what_is_traded():
    made = book(RNG.normal(size=240), market(), 1, Tenths())
    assert np.allclose(made.net(10.0)[1:], made.gross[1:] - 0.001 * made.traded[1:])
    assert (made.net(0.0)[1:] == made.gross[1:]).all()


def test_what_is_held_does_not_depend_on_which_returns_are_known():
    samples, scores = market(sessions=2), np.tile(np.arange(20.0), 2)
    samples.returns[39, 0] = np.nan  # the best code of the second session was not traded
    made = book(scores, samples, 1, Tenths())
    assert made.unpriced.tolist() == [0.0, 0.25]
    known = (samples.returns[38, 0] - samples.returns[20:22, 0].sum()) / 2
    assert made.gross[1] == pytest.approx(known)


def test_a_constant_prediction_holds_nothing():
    assert (weights(np.full(400, 0.3), Tenths()) == 0).all()
    made = book(np.zeros(240), market(), 1, Competition())
    assert np.nansum(np.abs(made.gross)) == np.nansum(made.traded) == 0.0


def test_equal_scores_share_the_weights_of_their_places():
    assert weights(np.array([3.0, 1.0, 3.0, np.nan, 0.0]), Tenths(4)).tolist() == [0.5, 0.0, 0.5, 0.0, -1.0]


def test_the_competition_weighs_200_codes_from_two_to_one():
    scores, returns = RNG.normal(size=2000), RNG.normal(0, 0.02, 2000)
    order = scores.argsort()[::-1]
    linear = [2 - i / 199 for i in range(200)]  # as the organiser's own function, which divides by the mean weight
    bought = sum(w * returns[row] for w, row in zip(linear, order[:200], strict=True)) / (sum(linear) / 200)
    sold = sum(w * returns[row] for w, row in zip(linear, order[::-1][:200], strict=True)) / (sum(linear) / 200)
    assert 200 * weights(scores, Competition()) @ returns == pytest.approx(bought - sold)


@pytest.mark.parametrize(("codes", "held"), [(4000, 200), (2000, 200), (1999, 199), (95, 9), (9, 0)])
def test_a_small_universe_shrinks_the_legs_of_the_competition(codes, held):
    assert Competition().size(codes) == held
    assert (Competition().places(codes) > 0).sum() == held


@pytest.mark.parametrize("wrong", [{"cost_bp": -1.0}, {"parts": 1}, {"sessions_per_year": 0}])
def test_trading_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match="was asked for"):
        Trading(**wrong)
