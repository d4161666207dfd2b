import numpy as np
import pytest

from planted.market import draw, samples
from tosho.contracts import HORIZONS
from tosho.evaluation.book import Trading
from tosho.evaluation.candidate_files import FILES, of_files, to_files
from tosho.evaluation.comparison import Candidate
from tosho.evaluation.groups import by_group, labelled
from tosho.evaluation.ic import daily_ic
from tosho.evaluation.performance import books
from tosho.evaluation.sharpe import Trials

MARKET = samples(draw(codes=60, length=90))


@pytest.fixture(scope="module")
def candidate():
    scores = np.repeat(MARKET.features[:, :1], len(HORIZONS), axis=1).astype(np.float64)
    few = labelled("sector", ["rare" if i % 60 < 5 else "air" for i in range(MARKET.rows)])
    groups = {"sector": by_group(scores, MARKET, few), "none": ()}
    return Candidate(daily_ic(scores, MARKET), books(scores, MARKET, Trading(cost_bp=7.0, parts=5), Trials(3)), groups)


@pytest.fixture(scope="module")
def back(candidate):
    return of_files(to_files(candidate))


def test_the_series_come_back_to_the_last_bit(candidate, back):
    assert back.daily.sessions == candidate.daily.sessions
    assert np.array_equal(back.daily.rank, candidate.daily.rank, equal_nan=True)
    for legs in ("parts", "competition"):
        for h in HORIZONS:
            ours, theirs = getattr(candidate.books, legs)[h], getattr(back.books, legs)[h]
            assert (ours.horizon, ours.sessions) == (theirs.horizon, theirs.sessions)
            for name in ("gross", "traded", "unpriced", "held"):
                assert np.array_equal(getattr(ours, name), getattr(theirs, name), equal_nan=True), name


def test_what_is_told_of_them_is_the_same(candidate, back):
    assert repr(back.books.figures()) == repr(candidate.books.figures())
    assert (back.books.trading, back.books.trials) == (candidate.books.trading, candidate.books.trials)
    assert repr(back.groups) == repr({"sector": candidate.groups["sector"]})


def test_equal_results_give_equal_files(candidate, back):
    files = to_files(candidate)
    assert tuple(files) == FILES
    assert to_files(back) == files


def test_a_run_without_groups_has_none_afterwards(candidate):
    assert of_files(to_files(Candidate(candidate.daily, candidate.books))).groups == {}
