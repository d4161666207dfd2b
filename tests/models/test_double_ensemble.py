from dataclasses import replace

import numpy as np
import pytest

from planted.market import QUICK
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import rank_correlations
from tosho.models.base import NotFittableError
from tosho.models.boosting import lightgbm
from tosho.models.double_ensemble import DoubleEnsemble, DoubleForecaster, _LossCurve, select, uses, weights
from tosho.models.walk import walk

DOUBLE = DoubleEnsemble(base=replace(QUICK, rounds=20), sub_models=3, judged_rows=2000)


@pytest.fixture(scope="module")
def doubled(market, fold):
    told = []
    (part,) = walk(DOUBLE, market, [fold], told.append)
    return part, told


def test_the_planted_signal_is_found_at_every_horizon(doubled):
    part, _ = doubled
    for i, horizon in enumerate(HORIZONS):
        daily = rank_correlations(part.scores[:, i], part.test.returns[:, i], part.test.bounds)
        assert np.nanmean(daily) > 0.15, horizon


def test_there_are_as_many_sub_models_as_were_asked_for_and_each_is_told(doubled):
    part, told = doubled
    assert [len(of_horizon) for of_horizon in part.model.rounds] == [3] * len(HORIZONS)
    assert len(told) == DOUBLE.parts == 12


def test_one_sub_model_is_plain_lightgbm(market, fold):
    single = DoubleEnsemble(base=DOUBLE.base, sub_models=1)
    ours, plain = (next(walk(learner, market, [fold], lambda _: None)) for learner in (single, DOUBLE.base))
    assert ours.scores == pytest.approx(plain.scores, abs=1e-12)


def test_the_same_data_and_seed_give_the_same_bytes(market, fold, doubled):
    (again,) = walk(DOUBLE, market, [fold], lambda _: None)
    assert again.model.to_files() == doubled[0].model.to_files()


def test_what_its_features_were_chosen_on_is_the_training_span(doubled):
    part, _ = doubled
    assert dict(part.model.scalers) == {"features of the sub-models": (part.fold.train.first, part.fold.train.last)}


def test_files_give_the_same_scores(doubled):
    part, _ = doubled
    again = DoubleForecaster.from_files(part.model.columns, part.model.to_files())
    assert again.kind == "double_ensemble"
    assert again.scalers == part.model.scalers
    assert (again.predict(part.test) == part.scores).all()


def test_the_final_model_takes_the_rounds_of_each_sub_model(market, doubled):
    model = doubled[0].model
    assert DOUBLE.refit(market, [model], lambda _: None).rounds == model.rounds


def test_a_final_model_without_folds_is_refused(market):
    with pytest.raises(NotFittableError, match="takes its rounds from the folds' models"):
        DOUBLE.refit(market, [], lambda _: None)


def test_settings_name_what_a_sub_model_is_fitted_with():
    assert DOUBLE.settings()["base_rounds"] == 20
    assert DOUBLE.settings()["sub_models"] == 3


def curve(begin, end):
    return _LossCurve(np.zeros(len(begin)), np.asarray(begin, dtype=float), np.asarray(end, dtype=float))


def test_a_row_that_is_wrong_weighs_more_and_so_does_one_whose_error_fell():
    rows = 1000
    flat = curve(np.ones(rows), np.ones(rows))
    by_loss = weights(replace(DOUBLE, by_curve=0.0), np.arange(rows) / rows, flat, 1)
    assert by_loss[-1] > 3 * by_loss[0]
    assert by_loss.mean() == pytest.approx(1)
    falling = curve(np.ones(rows), np.linspace(0.1, 1, rows))
    by_curve = weights(replace(DOUBLE, by_loss=0.0), np.ones(rows), falling, 1)
    assert by_curve[0] > 3 * by_curve[-1]


def test_weights_are_those_of_the_formula():
    loss, rows = np.array([4.0, 1.0, 3.0, 2.0]), 4
    found = weights(replace(DOUBLE, weight_bins=3), loss, curve(np.ones(rows), [1.0, 1, 1, 1]), 2)
    value = np.array([0.25, 1.0, 0.5, 0.75]) + 0.625  # place of -loss, and the shared place of the curves
    by_bin = np.array([value[[0, 2]].mean(), value[1], value[[0, 2]].mean(), value[3]])
    raw = 1 / (0.5**2 * by_bin + 0.1)
    assert found == pytest.approx(raw / raw.mean())


def test_later_weights_are_less_uneven():
    loss = np.arange(1000.0)
    flat = curve(np.ones(1000), np.ones(1000))
    spread = [weights(DOUBLE, loss, flat, k).std() for k in (1, 2, 3)]
    assert spread == sorted(spread, reverse=True)


def test_the_planted_features_are_of_use_and_one_without_a_split_is_of_none(market, walked):
    boosters = [lightgbm.Booster(model_str=text) for text in walked[0].model._texts[0]]
    features = market.features[:3000].copy()
    features_before = features.copy()
    found = uses(boosters, features, market.target(0)[:3000], np.random.default_rng(0))
    assert set(np.argsort(found)[-2:]) == {0, 1}
    assert (features == features_before).all()
    blank = lightgbm.Booster({"verbosity": -1}, lightgbm.Dataset(features, label=np.arange(3000.0)))
    assert not uses([blank], features, market.target(0)[:3000], np.random.default_rng(0)).any()


def test_the_most_useful_bin_keeps_the_larger_share():
    use = np.concatenate([np.zeros(100), np.full(100, 9.0)])
    chosen = select(use, (0.8, 0.7, 0.6, 0.5, 0.4), np.random.default_rng(0))
    assert ((chosen < 100).sum(), (chosen >= 100).sum()) == (40, 80)
    assert (np.diff(chosen) > 0).all()


def test_a_feature_that_was_not_chosen_splits_nowhere(market, fold, monkeypatch):
    monkeypatch.setattr("tosho.models.double_ensemble.select", lambda *_: np.array([2, 3, 4]))
    (part,) = walk(DOUBLE, market, [fold], lambda _: None)
    for _, *later in part.model._boosters:
        for booster in later:
            assert not booster.feature_importance("split")[[0, 1, 5]].any()


def test_a_span_without_labels_is_refused(market, fold):
    train = market.between(fold.train.first, fold.train.last)
    blank = replace(train, returns=np.full_like(train.returns, np.nan))
    with pytest.raises(NotFittableError, match="Horizon 1 has no labelled row"):
        DOUBLE.fit(blank, train, lambda _: None)
