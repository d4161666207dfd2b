"""Finished folds lie on a shelf: read to the same bits, and never in the place of another fold."""

import json
from dataclasses import replace

import numpy as np
import pytest

from planted.market import QUICK
from planted.windows import SMALL
from tosho.dataset.splits import WalkForward
from tosho.models import shelf as shelves
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.double_ensemble import DoubleEnsemble
from tosho.models.ensemble import Ensemble
from tosho.models.kinds import KINDS
from tosho.models.linear import Linear
from tosho.models.shelf import MANIFEST, Shelf
from tosho.models.walk import walk

QUICKLY = Schedule(epochs=1, sessions_per_epoch=4, learning_rate=1e-2, ema=0.9, threads=1)
NETWORK = ATFT(replace(SMALL, return_feature="f0"), schedule=QUICKLY)
LEARNERS = {
    "lightgbm": QUICK,
    "linear": Linear(),
    "double_ensemble": DoubleEnsemble(base=QUICK, sub_models=2),
    "ensemble": Ensemble((QUICK, Linear())),
    "atft": NETWORK,
}


def quietly(_):
    pass


def never(_):
    raise AssertionError("It was fitted again.")


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "checkpoints" / "kind-set" / "range", "data")


@pytest.fixture
def kept(shelf, market, fold):
    return shelf.fit(QUICK, market, fold, quietly)


def test_every_kind_has_its_turn():
    assert LEARNERS.keys() == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_fold_comes_back_to_the_same_bits_and_nothing_is_fitted(shelf, market, fold, kind):
    learner = LEARNERS[kind]
    (alone,) = walk(learner, market, [fold], quietly)
    (first,) = shelf.walk(learner, market, [fold], quietly)
    (again,) = shelf.walk(learner, market, [fold], never)
    for part in (first, again):
        assert part.scores.tobytes() == alone.scores.tobytes()
        assert part.model.to_files() == alone.model.to_files()
        assert (part.fold, part.test.sessions) == (fold, alone.test.sessions)


def test_of_several_folds_those_that_are_missing_are_fitted(shelf, market):
    folds = WalkForward().fitted(len(market.sessions)).folds(market.sessions)
    shelf.fit(QUICK, market, folds[1], quietly)
    told = []
    parts = list(shelf.walk(QUICK, market, folds, told.append))
    assert [part.fold.number for part in parts] == [1, 2, 3]
    assert {sentence.split(",")[0] for sentence in told} == {"fold 1", "fold 3"}


def test_other_data_settings_spans_or_sources_are_another_fold(shelf, kept, market, fold, monkeypatch):
    assert shelf.has(QUICK, fold)
    assert not replace(shelf, data="other").has(QUICK, fold)
    assert not shelf.has(replace(QUICK, rounds=41), fold)
    assert not shelf.has(Linear(), fold)
    assert not shelf.has(QUICK, fold._replace(gap=fold.gap + 1))
    monkeypatch.setattr(shelves.caches, "sources", lambda package: [b"mended"])
    assert not replace(shelf).has(QUICK, fold)


def damage(place, what):
    if what == "a file is gone":
        (place / "horizon_05_seed_0.txt").unlink()
    elif what == "other bytes":
        (place / "scores.npy").write_bytes((place / "scores.npy").read_bytes()[:-1] + b"x")
    elif what == "no manifest":
        (place / MANIFEST).write_text("")
    else:
        content = json.loads((place / MANIFEST).read_text())
        content["libraries"]["lightgbm"] = "0.1"
        (place / MANIFEST).write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("a file is gone", "holds no whole fold (FileNotFoundError"),
        ("other bytes", "The file scores.npy in "),
        ("no manifest", "holds no whole fold (JSONDecodeError"),
        ("another library", "was made with lightgbm 0.1, and here is"),
    ],
)
def test_what_cannot_be_used_is_fitted_anew_and_the_log_says_why(shelf, kept, market, fold, what, said, caplog):
    (place,) = shelf.folder.iterdir()
    damage(place, what)
    (part,) = shelf.walk(QUICK, market, [fold], quietly)
    assert np.array_equal(part.scores, kept.scores)
    assert said in caplog.text
    (again,) = shelf.walk(QUICK, market, [fold], never)
    assert np.array_equal(again.scores, kept.scores)


def test_a_fold_that_was_cut_short_is_none(shelf, market, fold, monkeypatch):
    def cut(folder, part):
        (folder / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(shelves, "_write", cut)
    with pytest.raises(KeyboardInterrupt):
        shelf.fit(QUICK, market, fold, quietly)
    assert not shelf.has(QUICK, fold)
    assert list(shelf.folder.iterdir()) == []


def test_a_run_that_is_over_leaves_its_folds_and_nothing_else(shelf, kept, fold):
    (shelf.folder / "network.pt").touch()
    for other in ("earlier-range", "other-data"):
        replace(shelf, folder=shelf.folder.with_name(other)).folder.mkdir()
    elsewhere = shelf.folder.parents[1] / "other-kind" / "range"
    elsewhere.mkdir(parents=True)
    shelf.sweep()
    assert shelf.has(QUICK, fold)
    assert [path.name for path in shelf.folder.parent.iterdir()] == ["range"]
    assert not (shelf.folder / "network.pt").exists()
    assert elsewhere.exists()
