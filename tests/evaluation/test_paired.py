from datetime import date

import numpy as np
import pytest

from tosho.calendar import offset
from tosho.contracts import HORIZONS
from tosho.evaluation.ic import DailyIC
from tosho.evaluation.paired import paired

RNG = np.random.default_rng(12)
FIRST = date(2023, 1, 4)


def series(rank, first=0):
    return DailyIC(tuple(offset(FIRST, first + i) for i in range(len(rank))), rank, rank)


def newey_west_by_hand(x, lag):
    n = len(x)
    mean = sum(x) / n
    u = [v - mean for v in x]
    total = sum(v * v for v in u) / n
    for k in range(1, lag + 1):
        total += 2 * (1 - k / (lag + 1)) * sum(u[i] * u[i - k] for i in range(k, n)) / n
    return mean / (total / n) ** 0.5


def test_the_difference_is_taken_session_by_session_with_the_horizon_as_lag():
    ours, theirs = RNG.normal(0.03, 0.05, (90, 4)), RNG.normal(0.02, 0.05, (80, 4))
    found = paired(series(ours), series(theirs, first=20))
    for i, h in enumerate(HORIZONS):
        difference = (ours[20:, i] - theirs[:70, i]).tolist()
        assert found.by_horizon[i].mean == pytest.approx(sum(difference) / 70)
        assert found.by_horizon[i].t == pytest.approx(newey_west_by_hand(difference, h))
    overall = (ours[20:].mean(axis=1) - theirs[:70].mean(axis=1)).tolist()
    assert found.overall.t == pytest.approx(newey_west_by_hand(overall, 20))
    assert found.overall.sessions == 70


def test_a_small_steady_lead_is_seen_through_noise_that_both_share():
    noise = RNG.normal(0, 0.1, (120, 4))
    lead = paired(series(noise + 0.005 + RNG.normal(0, 0.005, (120, 4))), series(noise))
    assert lead.overall.t > 4
    apart = paired(series(RNG.normal(0.005, 0.1, (120, 4))), series(noise))
    assert abs(apart.overall.t) < 3


def test_sessions_in_which_one_figure_is_missing_do_not_count():
    ours, theirs = RNG.normal(size=(30, 4)), RNG.normal(size=(30, 4))
    ours[3, 0] = theirs[5, 0] = np.nan
    assert [e.sessions for e in paired(series(ours), series(theirs)).by_horizon] == [28, 30, 30, 30]


def test_models_that_never_met_are_not_told_apart():
    found = paired(series(RNG.normal(size=(10, 4))), series(RNG.normal(size=(10, 4)), first=10))
    assert found.overall.sessions == 0
    assert not found.overall.beats_zero


def test_the_order_in_which_sessions_are_given_does_not_matter():
    ours, theirs = series(RNG.normal(size=(30, 4))), series(RNG.normal(size=(30, 4)))
    turned = DailyIC(theirs.sessions[::-1], theirs.pearson[::-1], theirs.rank[::-1])
    assert paired(ours, turned) == paired(ours, theirs)
