"""Every kind can be fitted, saved and read back to the same bytes."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from planted.market import draw
from planted.returns import with_returns
from planted.windows import SMALL
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import rank_correlations
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.bundle import Bundle
from tosho.models.conformal import Mondrian
from tosho.models.kinds import KINDS, MEMBERS, UnknownKindError, learner, read
from tosho.models.walk import Walked

SLOPES = (0.001, 0.002, 0.003, 0.004)
QUICK = ATFT(SMALL, schedule=Schedule(epochs=1, sessions_per_epoch=20, learning_rate=1e-2, ema=0.9, threads=1))
"""A network whose size is the tests', not the product's."""

FOUND = {
    "lightgbm": (0.432, 0.450, 0.344, 0.149),
    "linear": (0.455, 0.500, 0.389, 0.224),
    "double_ensemble": (0.445, 0.475, 0.374, 0.181),
    "ensemble": (0.451, 0.480, 0.380, 0.195),
    "atft": (0.453, 0.499, 0.378, 0.215),
}
"""Mean rank IC of each kind by horizon in the 19 test sessions of this market, as it was when it was written here."""

BAND = 0.02
"""How far other processors' arithmetic may lead."""


@pytest.fixture(scope="session")
def market():
    """With a feature that holds returns, of which a network draws its graph."""
    return with_returns(draw(strength=0.5))


@pytest.fixture(scope="module", params=KINDS)
def fitted(request, market, fold):
    train, validation = (market.between(span.first, span.last) for span in (fold.train, fold.validation))
    kinds_own = QUICK if request.param == "atft" else learner(request.param).brief()
    return request.param, kinds_own.fit(train, validation, lambda _: None)


@pytest.fixture(scope="module")
def bundle(fitted, market, fold):
    kind, model = fitted
    test = market.between(fold.test.first, fold.test.last)
    part = Walked(fold, model, test, model.predict(test))
    intervals = Mondrian().calibrate(market, [part], SLOPES)
    fitted_on = (market.sessions[0], market.sessions[-1])
    return Bundle(f"tosho-{kind}", model, fitted_on, date(2024, 12, 30), SLOPES, (), intervals)


def test_a_kind_is_the_one_it_says(fitted):
    kind, model = fitted
    assert model.kind == learner(kind).kind == kind


def test_a_bundle_comes_back_to_the_same_bytes(bundle, market, tmp_path):
    bundle.save(tmp_path / "first", market)
    again = Bundle.load(tmp_path / "first")
    again.save(tmp_path / "second", market)
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert [(tmp_path / "first" / n).read_bytes() for n in names] == [
        (tmp_path / "second" / n).read_bytes() for n in names
    ]
    assert (again.predict(market) == bundle.predict(market)).all()


def test_each_kind_finds_what_it_always_found(fitted, market, fold):
    """Whatever changes a model's forecasts, for better or worse, is seen here and then written above on purpose."""
    kind, model = fitted
    test = market.between(fold.test.first, fold.test.last)
    scores, returns = model.predict(test), test.returns
    found = [rank_correlations(scores[:, i], returns[:, i], test.bounds).mean() for i in range(len(HORIZONS))]
    assert found == pytest.approx(FOUND[kind], abs=BAND)


def test_intervals_come_back_with_it(bundle, market, tmp_path):
    bundle.save(tmp_path / "bundle", market)
    again = Bundle.load(tmp_path / "bundle").intervals
    zero = np.zeros((market.rows, len(HORIZONS)))
    wanted = bundle.intervals.of(market.features, zero)
    assert all((a == b).all() for a, b in zip(again.of(market.features, zero), wanted, strict=True))


def test_a_bundle_from_before_there_were_intervals_is_read_and_has_none(bundle, market, tmp_path):
    replace(bundle, intervals=None).save(tmp_path / "bundle", market)
    assert not (tmp_path / "bundle/intervals.npz").exists()
    assert Bundle.load(tmp_path / "bundle").intervals is None


@pytest.mark.parametrize("fitted", [*MEMBERS, "ensemble"], indirect=True)
def test_the_planted_signal_matters_most_to_each(fitted):
    importance = fitted[1].importance()
    assert sorted(importance, key=importance.get)[-2:] == ["f1", "f0"]


@pytest.mark.parametrize("ask", [learner, lambda kind: read(kind, None, {})])
def test_a_kind_that_does_not_exist_is_refused_with_those_that_do(ask):
    with pytest.raises(UnknownKindError, match="kind 'oracle' was asked for; this version knows lightgbm, linear"):
        ask("oracle")


def test_the_ensemble_is_made_of_kinds_that_there_are():
    assert [member.kind for member in learner("ensemble").members] == list(MEMBERS)
    assert set(MEMBERS) < set(KINDS)


def test_what_was_scaled_through_time_is_told_with_its_sessions(fitted, market, fold):
    kind, model = fitted
    spans = [(fitted.first, fitted.last) for fitted in model.scalers.values()]
    through_time = kind in ("atft", "double_ensemble", "ensemble")  # means and spreads; the choice of features
    assert spans == ([(fold.train.first, fold.train.last)] if through_time else [])
