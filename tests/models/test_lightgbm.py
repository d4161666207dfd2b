import numpy as np
import pytest

from planted.market import QUICK
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import rank_correlations
from tosho.dataset.samples import ColumnsError
from tosho.models.base import NotFittableError
from tosho.models.lightgbm import TreeForecaster
from tosho.models.walk import stacked, walk


def test_the_planted_signal_is_found_at_every_horizon(walked):
    part, _ = walked
    for i, horizon in enumerate(HORIZONS):
        daily = rank_correlations(part.scores[:, i], part.test.returns[:, i], part.test.bounds)
        assert np.nanmean(daily) > 0.15, horizon


def test_progress_is_told_once_a_booster(walked):
    assert len(walked[1]) == QUICK.parts
    assert "horizon 20, seed 1: best rank IC" in " ".join(walked[1])


def test_the_planted_features_matter_most(walked):
    importance = walked[0].model.importance()
    assert sorted(importance, key=importance.get)[-2:] == ["f1", "f0"]
    assert sum(importance.values()) == pytest.approx(1.0)


def test_the_same_data_and_seed_give_the_same_bytes(market, fold, walked):
    (again,) = walk(QUICK, market, [fold], lambda _: None)
    assert again.model.to_files() == walked[0].model.to_files()


def test_files_give_the_same_scores(walked):
    part, _ = walked
    again = TreeForecaster.from_files(part.model.columns, part.model.to_files())
    assert (again.predict(part.test) == part.scores).all()


def test_the_final_model_takes_the_rounds_of_the_folds(market, walked):
    model = walked[0].model
    assert QUICK.refit(market, [model], lambda _: None).rounds == model.rounds


def test_a_validation_without_labels_is_refused(market, fold):
    train = market.between(fold.train.first, fold.train.last)
    blank = market.between(fold.test.first, fold.test.last)
    blank = blank.where(np.ones(blank.rows, dtype=bool))
    blank.returns[:, 2] = np.nan
    with pytest.raises(NotFittableError, match="Horizon 10 has no labelled row in the validation"):
        QUICK.fit(train, blank, lambda _: None)


def test_other_columns_are_refused(walked):
    part, _ = walked
    swapped = part.model.columns._replace(names=("f1", "f0", "f2", "f3", "f4", "f5"))
    with pytest.raises(ColumnsError, match="differ first at place 0: found"):
        TreeForecaster.from_files(swapped, part.model.to_files()).predict(part.test)


def test_an_error_in_one_booster_stops_the_others(market, fold):
    def fail(what):
        raise RuntimeError(what)

    with pytest.raises(RuntimeError, match="horizon"):
        list(walk(QUICK, market, [fold], fail))


def test_stacked_folds_keep_rows_and_sessions(market, walked):
    part, _ = walked
    whole, scores = stacked([part, part])
    assert whole.rows == len(scores) == 2 * part.test.rows
    assert whole.sessions == part.test.sessions * 2
    assert (whole.returns[part.test.rows :] == part.test.returns).all()
