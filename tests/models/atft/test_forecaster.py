import hashlib
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import torch  # noqa: TID253

from planted.market import QUICK as TREES
from planted.market import draw, samples
from planted.returns import with_returns
from planted.windows import SMALL
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import rank_correlations
from tosho.dataset.samples import ColumnsError
from tosho.dataset.splits import WalkForward
from tosho.dataset.vocabulary import SIZES
from tosho.evaluation.nulls import TOO_GOOD
from tosho.models.atft import forecaster
from tosho.models.atft.forecaster import ATFT, NetworkForecaster, NotFittableError
from tosho.models.atft.settings import Schedule, SettingsError
from tosho.models.bundle import Bundle, BundleError
from tosho.models.walk import walk
from tosho.steps.trial import planted_leak

QUICK = ATFT(
    SMALL,
    schedule=Schedule(
        epochs=3,
        sessions_per_epoch=40,
        learning_rate=5e-3,
        direct_penalties=(0.1, 1.0),
        ema=0.9,
        threads=1,
    ),
)
ONCE = replace(QUICK.schedule, epochs=1)


@pytest.fixture(scope="module")
def market():
    return with_returns(draw(codes=60, length=200, strength=0.5))


@pytest.fixture(scope="module")
def fold(market):
    return WalkForward().fitted(len(market.sessions)).folds(market.sessions)[-1]


@pytest.fixture(scope="module")
def walked(market, fold):
    told = []
    (part,) = walk(QUICK, market, [fold], told.append)
    return part, told


def test_the_planted_signal_is_found_at_every_horizon(walked):
    part, _ = walked
    for i, horizon in enumerate(HORIZONS):
        daily = rank_correlations(part.scores[:, i], part.test.returns[:, i], part.test.bounds)
        assert np.nanmean(daily) > 0.15, horizon


def test_codes_of_the_newest_segment_are_learnt_from(market, fold):
    """0113 of Growth is the last of the vocabulary, and had no vector."""
    static = np.tile(np.array(SIZES, np.uint8) - 1, (market.rows, 1))
    brief = replace(QUICK, schedule=replace(QUICK.schedule, epochs=1, sessions_per_epoch=4))
    (part,) = walk(brief, replace(market, static=static), [fold], [].append)
    assert np.isfinite(part.scores).all()


def test_a_shape_without_room_for_the_vocabulary_is_refused(market, fold):
    tight = replace(QUICK, shape=replace(SMALL, static_sizes=(40, 10, 10)))
    with pytest.raises(SettingsError, match=r"room for \(40, 10, 10\) values of sector33, segment, scale"):
        list(walk(tight, market, [fold], [].append))


def test_progress_is_told_once_an_epoch(walked):
    assert len(walked[1]) == QUICK.parts
    assert "epoch 3: rank IC" in walked[1][-1]


def test_shares_of_importance_sum_to_one(walked):
    importance = walked[0].model.importance()
    assert tuple(importance) == walked[0].model.columns.names
    assert sum(importance.values()) == pytest.approx(1.0)


def test_the_same_data_and_seed_give_the_same_bytes(market, fold, walked):
    (again,) = walk(QUICK, market, [fold], lambda _: None)
    assert again.model.to_files() == walked[0].model.to_files()


def test_files_give_the_same_scores_and_the_same_files(walked, market, fold):
    model = walked[0].model
    again = NetworkForecaster.from_files(model.columns, model.to_files())
    assert again.to_files() == model.to_files()
    seen = market.between(fold.validation.first, fold.test.last)
    assert (again.predict(seen) == model.predict(seen)).all()


@pytest.mark.parametrize("absent", [("direct", "direct_parts"), ("direct_parts",)])
def test_a_bundle_from_before_there_was_a_direct_path_or_its_parts_is_read_as_it_was(market, fold, absent):
    bare = replace(QUICK, shape=replace(SMALL, **dict.fromkeys(absent, False)), schedule=ONCE)
    (part,) = walk(bare, market, [fold], [].append)
    files = part.model.to_files()
    settings = json.loads(files["network.json"])
    for name in absent:
        del settings["shape"][name]
    if "direct" in absent:
        del settings["schedule"]["direct_rate"], settings["schedule"]["direct_penalties"]
    files["network.json"] = json.dumps(settings).encode()
    old = NetworkForecaster.from_files(part.model.columns, files)
    assert (old.network.direct is None) == ("direct" in absent)
    seen = market.between(fold.validation.first, fold.test.last)
    assert (old.predict(seen) == part.model.predict(seen)).all()


def test_a_score_needs_no_more_than_its_context(walked, market, fold):
    """The last session alone, with the sessions of its window, is scored as among all others."""
    model = walked[0].model
    few = market.between(market.sessions[-1 - model.context], market.sessions[-1])
    last = model.predict(few)[-60:]
    np.testing.assert_allclose(last, walked[0].scores[-60:], atol=1e-5)
    shorter = market.between(market.sessions[9 - model.context], market.sessions[-1])
    assert np.abs(model.predict(shorter)[-60:] - last).max() > 1e-4


def test_later_sessions_cannot_reach_a_score(walked, market):
    features = market.features.copy()
    features[-60:] = np.random.default_rng(0).normal(size=(60, 7))
    changed = replace(market, features=features)
    first, second = (walked[0].model.predict(each) for each in (market, changed))
    assert (first[:-60] == second[:-60]).all()
    assert (first[-60:] != second[-60:]).any()


def test_labels_do_not_reach_a_score(walked, market):
    blank = replace(market, returns=np.full_like(market.returns, np.nan))
    assert (walked[0].model.predict(blank) == walked[0].model.predict(market)).all()


def test_a_session_without_rows_has_no_scores(walked, market):
    kept = np.ones(market.rows, dtype=bool)
    kept[60 * 50 : 60 * 51] = False
    assert len(walked[0].model.predict(market.where(kept))) == market.rows - 60


def test_the_final_model_takes_the_epochs_of_the_folds(market, walked):
    model = walked[0].model
    final = QUICK.refit(market, [model, model], lambda _: None)
    assert final.epochs == model.epochs
    assert final.penalties == model.penalties
    assert len(final.penalties) == 1
    assert final.to_files() != model.to_files()


def test_a_final_model_without_folds_is_refused(market):
    with pytest.raises(NotFittableError, match="takes its epochs from the folds' networks"):
        QUICK.refit(market, [], lambda _: None)


def test_a_killed_training_goes_on_and_no_other_takes_its_checkpoint(tmp_path, market, fold, walked):
    kept = replace(QUICK, folder=tmp_path)
    assert kept.settings() == QUICK.settings()

    def killed(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(walk(kept, market, [fold], killed))
    (first,) = walk(kept, market, [fold], lambda _: None)
    assert first.model.to_files() == walked[0].model.to_files()
    told = []
    (again,) = walk(kept, market, [fold], told.append)
    assert told == []
    assert again.model.to_files() == walked[0].model.to_files()
    other = replace(market, returns=-market.returns)
    list(walk(kept, other, [fold], told.append))
    assert len(told) > 0
    assert len(list(tmp_path.iterdir())) == 2


def test_a_killed_training_goes_on_from_its_own_weights_wherever_the_ridge_would_begin(
    tmp_path, market, fold, walked, monkeypatch
):
    kept, told = replace(QUICK, folder=tmp_path), []

    def killed(sentence):
        told.append(sentence)
        if len(told) == 2:
            raise KeyboardInterrupt

    def elsewhere(network, *_):
        for layer in network.direct.children():
            torch.nn.init.ones_(layer.weight)
        return walked[0].model.penalties[0]

    with pytest.raises(KeyboardInterrupt):
        list(walk(kept, market, [fold], killed))
    monkeypatch.setattr(forecaster, "begin_at_ridge", elsewhere)
    (again,) = walk(kept, market, [fold], [].append)
    (anew,) = walk(QUICK, market, [fold], [].append)
    assert again.model.to_files() == walked[0].model.to_files()
    assert anew.model.to_files() != walked[0].model.to_files()


def test_the_direct_path_begins_by_what_the_training_sessions_say_alone(market, fold):
    still = replace(QUICK, schedule=replace(ONCE, learning_rate=0.0, direct_rate=0.0))
    train, validation = (market.between(span.first, span.last) for span in (fold.train, fold.validation))
    other = replace(validation, features=-validation.features, returns=-validation.returns)
    backwards = replace(train, returns=-train.returns)
    pairs = ((train, validation), (train, other), (backwards, validation))
    still = replace(still, schedule=replace(still.schedule, direct_penalties=(1.0,)))
    begun, same, turned = (still.fit(*pair, [].append).network.direct.state_dict() for pair in pairs)
    assert all(torch.equal(begun[name], same[name]) for name in begun)
    assert all((begun[name] * turned[name]).sum() < 0 for name in begun)


def test_a_planted_leak_is_seen_by_the_brief_learner(market, fold):
    found = planted_leak(QUICK, market, fold, lambda _: None)
    assert found.found > 3 * TOO_GOOD


def test_every_setting_is_logged():
    assert QUICK.settings()["shape_bins"] == 2
    assert QUICK.settings()["watch_floor"] == 0.1
    assert QUICK.settings()["schedule_epochs"] == 3


def test_samples_without_labels_are_refused(market, fold):
    train = market.between(fold.train.first, fold.train.last)
    blank = replace(train, returns=np.full_like(train.returns, np.nan))
    with pytest.raises(NotFittableError, match="has labels and a whole window of 12 sessions"):
        QUICK.fit(blank, train, lambda _: None)


def test_a_graph_without_returns_is_refused():
    plain = samples(draw(codes=20, length=60))
    with pytest.raises(SettingsError, match="switch the graph off"):
        QUICK.fit(plain, plain, lambda _: None)


def test_other_columns_are_refused(walked, market):
    swapped = market.columns._replace(names=market.columns.names[::-1])
    with pytest.raises(ColumnsError, match="differ first at place 0"):
        walked[0].model.predict(replace(market, columns=swapped))


@pytest.fixture
def folder(walked, market, tmp_path):
    fitted = (market.sessions[0], market.sessions[-1])
    bundle = Bundle("tosho-atft", walked[0].model, fitted, date(2024, 12, 30), (0.1, 0.2, 0.3, 0.4), ())
    bundle.save(tmp_path / "bundle", market)
    return tmp_path / "bundle"


def test_a_bundle_comes_back_whole(folder, walked, market):
    again = Bundle.load(folder)
    assert (again.predict(market) == walked[0].model.predict(market)).all()


def test_a_bundle_with_another_weight_is_refused(folder, walked, market):
    model = walked[0].model
    files = model.to_files()
    other = NetworkForecaster.from_files(model.columns, files)
    for head in other.network.heads.out:
        head.bias.data += 0.01
    fitted = (market.sessions[0], market.sessions[-1])
    wrong = Bundle("tosho-atft", other, fitted, date(2024, 12, 30), (0.1, 0.2, 0.3, 0.4), ())
    place = folder.parent / "other"
    wrong.save(place, market)
    golden = (folder / "golden.npz").read_bytes()
    (place / "golden.npz").write_bytes(golden)
    content = json.loads((place / "bundle.json").read_text())
    content["files"]["golden.npz"] = hashlib.sha256(golden).hexdigest()
    (place / "bundle.json").write_text(json.dumps(content))
    with pytest.raises(BundleError, match=r"differ by up to 0.01; the bound is 0.001"):
        Bundle.load(place)


def test_trees_do_not_count_as_networks(market, fold):
    (trees,) = walk(TREES, market, [fold], lambda _: None)
    with pytest.raises(NotFittableError, match="none was given"):
        QUICK.refit(market, [trees.model], lambda _: None)
