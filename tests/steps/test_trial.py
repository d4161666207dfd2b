"""The tests of a run look at the fold that they are asked about."""

from planted.market import QUICK, draw, samples
from tosho.dataset.splits import Fold, Span
from tosho.steps import trial

MARKET = samples(draw(strength=0.5))


def span(first, last):
    return Span(MARKET.sessions[first], MARKET.sessions[last], last - first + 1)


FOLD = Fold(1, span(0, 39), span(63, 69), span(93, 99), 23)
"""An early fold of a history that is nearly twice as long."""


class Watched:
    """A learner that notes how many rows it was given."""

    def __init__(self):
        self.rows = []

    def brief(self):
        return self

    def fit(self, train, validation, progress):
        self.rows.append(train.rows + validation.rows)
        return QUICK.brief().fit(train, validation, progress)


def test_a_leak_is_planted_in_the_rows_of_the_fold_alone(monkeypatch):
    monkeypatch.setattr(trial, "_LEAK_ROWS", 100 * 60)  # of the 10,000 rows up to the end of the fold
    learner = Watched()
    assert trial.planted_leak(learner, MARKET, FOLD, lambda _: None).passed
    share = learner.rows[0] / (100 * (FOLD.train.sessions + FOLD.validation.sessions))
    assert 0.55 < share < 0.65
