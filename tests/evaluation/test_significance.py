import numpy as np
import pytest

from tosho.evaluation.significance import newey_west

RNG = np.random.default_rng(5)


def test_without_lag_it_is_the_usual_standard_error():
    x = RNG.normal(0.1, 1.0, 500)
    found = newey_west(x, 0)
    assert found.error == pytest.approx(x.std() / np.sqrt(500))
    assert found.t == pytest.approx(x.mean() / found.error)


def test_a_lag_of_one_is_as_newey_and_west_write_it():
    x = np.array([0.3, 0.1, -0.2, 0.4, 0.5, -0.1, 0.2, 0.0])
    u = x - x.mean()
    variance = (u @ u + 2 * 0.5 * (u[1:] @ u[:-1])) / 8
    assert newey_west(x, 1).error == pytest.approx(np.sqrt(variance / 8))


def test_overlapping_labels_do_not_make_luck_significant():
    noise = RNG.normal(size=(400, 300))
    overlapping = np.array([np.convolve(x, np.ones(20), "valid") for x in noise])
    naive = np.mean([abs(newey_west(x, 0).t) > 2 for x in overlapping])
    honest = np.mean([abs(newey_west(x, 20).t) > 2 for x in overlapping])
    assert naive > 0.5
    assert honest < 0.25


def test_sessions_without_a_figure_are_left_out():
    x = np.array([0.1, np.nan, 0.3, 0.2])
    assert newey_west(x, 0) == newey_west(x[[0, 2, 3]], 0)


@pytest.mark.parametrize("x", [[], [0.5], [0.5, 0.6], [0.2, 0.2, 0.2]])
def test_what_cannot_be_judged_does_not_beat_zero(x):
    assert not newey_west(np.array(x, dtype=float), 5).beats_zero
