from dataclasses import replace

import numpy as np
import pytest

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import rank_correlations
from tosho.dataset.samples import ColumnsError
from tosho.models.base import NotFittableError
from tosho.models.linear import Linear, LinearForecaster, normalise
from tosho.models.walk import walk

RIDGE = Linear()


@pytest.fixture(scope="module")
def lined(market, fold):
    (part,) = walk(RIDGE, market, [fold], lambda _: None)
    return part


def spans(market, fold):
    return tuple(market.between(span.first, span.last) for span in (fold.train, fold.validation))


def test_the_planted_signal_is_found_at_every_horizon(lined):
    for i, horizon in enumerate(HORIZONS):
        daily = rank_correlations(lined.scores[:, i], lined.test.returns[:, i], lined.test.bounds)
        assert np.nanmean(daily) > 0.15, horizon


def test_without_a_penalty_it_is_least_squares(market, fold):
    train, validation = spans(market, fold)
    train = replace(train, returns=train.returns.copy())
    train.returns[:150, 3] = np.nan  # a horizon with fewer labels than the others
    model = Linear(penalties=(0.0,)).fit(train, validation, lambda _: None)
    x = np.vstack([normalise(train.features[a:b]) for a, b in zip(train.bounds, train.bounds[1:], strict=False)])
    for i in range(len(HORIZONS)):
        y = train.target(i)
        wanted = np.linalg.lstsq(x[np.isfinite(y)], y[np.isfinite(y)], rcond=None)[0]
        assert model.weights[:, i] == pytest.approx(wanted, abs=1e-10)


def test_a_penalty_shrinks_as_that_of_a_longer_table_of_zeros(market, fold):
    train, validation = spans(market, fold)
    model = Linear(penalties=(0.5,)).fit(train, validation, lambda _: None)
    x = np.vstack([normalise(train.features[a:b]) for a, b in zip(train.bounds, train.bounds[1:], strict=False)])
    longer = np.vstack([x, np.sqrt(0.5 * len(x)) * np.eye(x.shape[1])])
    wanted = np.linalg.lstsq(longer, np.concatenate([train.target(1), np.zeros(x.shape[1])]), rcond=None)[0]
    assert model.weights[:, 1] == pytest.approx(wanted, abs=1e-10)


def test_the_penalty_is_that_of_the_best_validation(market, fold):
    train, validation = spans(market, fold)
    told = []
    chosen = Linear(penalties=(1e-3, 1e9)).fit(train, replace(validation, returns=-validation.returns), told.append)
    single = [Linear(penalties=(p,)).fit(train, validation, lambda _: None).predict(validation) for p in (1e-3, 1e9)]
    for i in range(len(HORIZONS)):
        ics = [np.nanmean(rank_correlations(s[:, i], -validation.returns[:, i], validation.bounds)) for s in single]
        assert chosen.penalties[i] == (1e-3, 1e9)[int(np.argmax(ics))]
    assert len(told) == RIDGE.parts


def test_a_session_is_normalised_by_nothing_but_itself(market, lined):
    alone = market.between(market.sessions[150], market.sessions[150])
    among = market.between(market.sessions[140], market.sessions[160])
    rows = slice(int(among.bounds[10]), int(among.bounds[11]))
    assert (lined.model.predict(alone) == lined.model.predict(among)[rows]).all()


def test_what_is_normalised_has_mean_zero_and_deviation_one_and_a_null_is_the_mean():
    x = np.random.default_rng(1).normal(5, 2, (500, 3)).astype(np.float32)
    x[:10, 0] = np.nan
    x[:, 2] = 0.1
    found = normalise(x)
    assert found[:10, 0].tolist() == [0.0] * 10
    assert found[10:, 0].mean() == pytest.approx(0, abs=0.01)
    assert found[10:, 0].std() == pytest.approx(1, abs=0.02)
    assert not found[:, 2].any()


def test_a_row_that_lies_far_out_is_held():
    x = np.zeros((1000, 1), dtype=np.float32)
    x[0] = 1e6
    assert normalise(x).max() == 3.0


def test_the_same_data_give_the_same_bytes(market, fold, lined):
    (again,) = walk(RIDGE, market, [fold], lambda _: None)
    assert again.model.to_files() == lined.model.to_files()


def test_files_give_the_same_scores(lined):
    again = LinearForecaster.from_files(lined.model.columns, lined.model.to_files())
    assert (again.predict(lined.test) == lined.scores).all()


def test_the_planted_features_matter_most(lined):
    importance = lined.model.importance()
    assert sorted(importance, key=importance.get)[-2:] == ["f1", "f0"]
    assert sum(importance.values()) == pytest.approx(1.0)


def test_the_final_model_takes_the_median_penalty(market, lined):
    model = lined.model
    others = [LinearForecaster(model.columns, model.weights, np.full(4, p)) for p in (1.0, 2.0, 9.0)]
    assert RIDGE.refit(market, others, lambda _: None).penalties.tolist() == [2.0] * 4


def test_a_final_model_without_folds_is_refused(market):
    with pytest.raises(NotFittableError, match="takes its penalties from the folds' models"):
        RIDGE.refit(market, [], lambda _: None)


@pytest.mark.parametrize(("blank", "sentence"), [(0, "has no labelled row between"), (1, "no penalty could be chosen")])
def test_a_span_without_labels_is_refused(market, fold, blank, sentence):
    both = list(spans(market, fold))
    both[blank] = replace(both[blank], returns=both[blank].returns.copy())
    both[blank].returns[:, 2] = np.nan
    with pytest.raises(NotFittableError, match=f"Horizon 10 .*{sentence}"):
        RIDGE.fit(*both, lambda _: None)


def test_other_columns_are_refused(lined):
    swapped = lined.model.columns._replace(number=2)
    with pytest.raises(ColumnsError, match="number 1; asked for was 'planted' number 2"):
        LinearForecaster(swapped, lined.model.weights, lined.model.penalties).predict(lined.test)
