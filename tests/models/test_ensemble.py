from dataclasses import replace

import numpy as np
import pytest

from planted.market import QUICK
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import rank_correlations, slices
from tosho.dataset.samples import ColumnsError
from tosho.models.base import NotFittableError
from tosho.models.double_ensemble import DoubleEnsemble
from tosho.models.ensemble import Ensemble, EnsembleForecaster, icir, icir_weights, ranks
from tosho.models.kinds import read
from tosho.models.linear import Linear
from tosho.models.walk import walk

BOTH = Ensemble((QUICK.brief(), Linear()))


@pytest.fixture(scope="module")
def together(market, fold):
    told = []
    (part,) = walk(BOTH, market, [fold], told.append)
    return part, told


def test_the_planted_signal_is_found_at_every_horizon(together):
    part, _ = together
    for i, horizon in enumerate(HORIZONS):
        daily = rank_correlations(part.scores[:, i], part.test.returns[:, i], part.test.bounds)
        assert np.nanmean(daily) > 0.15, horizon


def test_an_ensemble_of_one_has_the_ranks_of_its_member(market, fold):
    (alone,) = walk(Ensemble((Linear(),)), market, [fold], lambda _: None)
    (member,) = walk(Linear(), market, [fold], lambda _: None)
    assert alone.scores == pytest.approx(ranks(member.scores, member.test.bounds), abs=1e-12)
    for rows in slices(member.test.bounds):
        assert (np.argsort(alone.scores[rows, 0]) == np.argsort(member.scores[rows, 0])).all()


def test_its_scores_are_the_weighted_mean_of_its_members_ranks(together):
    part, _ = together
    first, second = (ranks(member.predict(part.test), part.test.bounds) for member in part.model.members)
    weight = part.model.weights
    assert part.scores == pytest.approx(first * weight[0] + second * weight[1])


def test_members_are_weighted_by_the_icir_of_the_validation(market, fold, together):
    model = together[0].model
    validation = market.between(fold.validation.first, fold.validation.last)
    found = np.stack([icir(member, validation) for member in model.members])
    assert model.weights == pytest.approx(found / found.sum(axis=0))
    scores = model.members[1].predict(validation)
    daily = rank_correlations(scores[:, 2], validation.returns[:, 2], validation.bounds)
    assert found[1, 2] == pytest.approx(np.nanmean(daily) / np.nanstd(daily, ddof=1))


def test_a_member_that_orders_nothing_counts_for_nothing_and_none_at_all_count_alike():
    found = icir_weights(np.array([[0.3, -0.2], [-0.1, -0.1], [0.1, 0.0]]))
    assert found[:, 0] == pytest.approx([0.75, 0, 0.25])
    assert found[:, 1] == pytest.approx([1 / 3] * 3)


def test_ranks_lie_between_nought_and_one_within_a_session_and_ties_share():
    found = ranks(np.array([[3.0], [1.0], [3.0], [7.0]]), np.array([0, 3, 4]))
    assert found[:, 0].tolist() == [0.75, 0.0, 0.75, 0.5]


def test_progress_is_told_as_often_as_it_says(together):
    assert len(together[1]) == BOTH.parts
    assert "weights: lightgbm, linear by horizon 1: " in together[1][-1]


def test_the_final_model_takes_the_mean_weights_of_the_folds(market, together):
    model = together[0].model
    other = EnsembleForecaster(model.columns, model.members, model.weights[::-1])
    final = BOTH.refit(market, [model, other], lambda _: None)
    assert final.weights == pytest.approx(np.full((2, 4), 0.5))
    assert [member.kind for member in final.members] == ["lightgbm", "linear"]


def test_a_final_model_of_other_members_is_refused(market, together):
    with pytest.raises(NotFittableError, match="A final ensemble of linear takes its weights from"):
        Ensemble((Linear(),)).refit(market, [together[0].model], lambda _: None)


def test_an_ensemble_of_nobody_is_refused(market):
    with pytest.raises(NotFittableError, match="name one at least"):
        Ensemble(()).fit(market, market, lambda _: None)


def test_its_files_hold_its_members_and_give_the_same_scores(together):
    part, _ = together
    files = part.model.to_files()
    assert {"ensemble.json", "member_0_horizon_01_seed_0.txt", "member_1_weights.npz"} <= set(files)
    again = EnsembleForecaster.from_files(part.model.columns, files, read)
    assert (again.predict(part.test) == part.scores).all()
    assert again.to_files() == files


def test_it_needs_the_libraries_and_the_context_of_its_members(together):
    model = together[0].model
    assert model.libraries == ("lightgbm", "numpy")
    assert model.context == 0


def test_importance_is_the_members_by_their_weights(together):
    importance = together[0].model.importance()
    assert sorted(importance, key=importance.get)[-2:] == ["f1", "f0"]
    assert sum(importance.values()) == pytest.approx(1.0)


def test_settings_are_those_of_the_members_with_their_kind():
    assert BOTH.settings()["members"] == ("lightgbm", "linear")
    assert BOTH.settings()["lightgbm_rounds"] == 20


def test_other_columns_are_refused(market, together):
    other = replace(market, columns=market.columns._replace(number=2))
    with pytest.raises(ColumnsError, match="number 2; asked for was 'planted' number 1"):
        together[0].model.predict(other)


def test_the_members_scalers_are_those_of_the_ensemble_and_its_weights_are_none(market, fold):
    double = DoubleEnsemble(base=replace(QUICK, rounds=5), sub_models=1)
    (part,) = walk(Ensemble((double, Linear())), market, [fold], lambda _: None)
    assert list(part.model.scalers) == ["double_ensemble: features of the sub-models"]
