import numpy as np
import pytest

from planted.market import QUICK, draw, samples
from tosho.contracts import HORIZONS
from tosho.dataset.combinatorial import Combinatorial
from tosho.steps.final_check import check

MARKET = samples(draw(codes=60, length=420, strength=0.5))
PLAN = Combinatorial(blocks=4, tested=2, validation=30)


class Oracle:
    """A learner whose model scores with the label, unless it was fitted on the session: then with its opposite."""

    context = 2

    def fit(self, train, validation, progress):
        self.seen = {
            s for part in (train, validation) for s, n in zip(part.sessions, np.diff(part.bounds), strict=True) if n
        }
        assert len(validation.sessions) == 30
        return self

    def predict(self, given):
        sign = np.repeat([-1.0 if s in self.seen else 1.0 for s in given.sessions], np.diff(given.bounds))
        return given.returns * sign[:, None]


def quietly(_):
    pass


def test_every_path_scores_every_session_with_a_model_that_had_not_seen_it():
    found = check(Oracle(), MARKET, PLAN, quietly)
    assert len(found.paths) == 3
    for path in found.paths:
        assert path.sessions == MARKET.sessions
        assert np.allclose(path.rank, 1.0)


@pytest.fixture(scope="module")
def found():
    return check(QUICK.brief(), MARKET, PLAN, quietly)


def test_a_planted_signal_is_found_on_every_path(found):
    metrics = found.metrics()
    assert metrics["cpcv_paths"] == 3
    assert metrics["cpcv_share_above_zero"] == 1.0
    assert 0.1 < metrics["cpcv_rank_ic_worst"] <= metrics["cpcv_rank_ic_median"] <= metrics["cpcv_rank_ic_best"]


def test_the_figures_are_those_of_the_paths(found):
    for results, overall, path in zip(found.results(), found.overall(), found.paths, strict=True):
        assert [r.horizon for r in results] == list(HORIZONS)
        assert overall.mean == pytest.approx(np.nanmean(path.rank))
