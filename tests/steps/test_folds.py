"""Folds that are fitted each for itself give the run that is trained in one go; a killed one goes on where it was."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest

from planted.market import QUICK, draw, settings_of
from planted.windows import SMALL
from tosho.contracts import features_contract
from tosho.dataset.splits import TooShortError
from tosho.dataset.stored import PanelMissingError
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.lightgbm import LightGBM
from tosho.models.linear import Linear
from tosho.models.registry import Registry, name_of
from tosho.steps import dataset, findings, folds, preparation
from tosho.steps.folds import NoSuchFoldError
from tosho.steps.rows import OtherDataError
from tosho.steps.training import train
from tosho.storage import Lake

DRAWN = draw(codes=40, length=170, strength=0.5)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
SHORT = Schedule(epochs=2, sessions_per_epoch=15, learning_rate=1e-2, ema=0.9, threads=1)
NETWORK = ATFT(SMALL, schedule=SHORT)


@pytest.fixture
def home(settings, tmp_path):
    """Another home with the same lake."""
    shutil.copytree(Path(settings.home) / "lake", tmp_path / "lake")
    return settings_of(tmp_path)


def fitted(settings, learner, numbers=(1, 2, 3), **options):
    return [folds.fit(settings, FIRST, LAST, number, {"learner": learner, **options}) for number in numbers]


@contextmanager
def here():
    """The engine of this very process."""
    yield lambda pieces, what: map(pieces, range(pieces.count))


@pytest.fixture
def rows(home):
    """The name of a dataset of the home's lake."""
    return dataset.build_rows(home, FIRST, LAST, engine=here())["name"]


def artefacts(settings, done):
    """Return the bytes of all that a run left, but for how long it took."""
    registry = Registry(settings, name_of(done["model"].removeprefix("tosho-")))
    folder = Path(registry._client.download_artifacts(done["run_id"], ""))
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def metrics(settings, done):
    run = Registry(settings)._client.get_run(done["run_id"]).data
    return {name: value for name, value in run.metrics.items() if name != "seconds"}, run.params


@pytest.fixture
def whole(home, tmp_path_factory):
    """Trains in a home of its own, in one go, and returns the run with all that it left."""

    def trained(learner):
        elsewhere = settings_of(tmp_path_factory.mktemp("whole"))
        shutil.copytree(Path(home.home) / "lake", Path(elsewhere.home) / "lake")
        done = train(elsewhere, FIRST, LAST, learner=learner)
        return done, metrics(elsewhere, done), artefacts(elsewhere, done)

    return trained


@pytest.mark.parametrize("learner", [QUICK, Linear()], ids=lambda learner: learner.kind)
def test_folds_fitted_before_on_mapped_rows_make_the_bytes_of_a_run_that_assembles_in_one_go(
    home, whole, rows, learner, monkeypatch
):
    wanted = whole(learner)
    monkeypatch.setattr(preparation, "assemble", None)
    parts = fitted(home, learner, dataset=rows)
    told = []
    monkeypatch.setattr(findings.Counter, "__call__", lambda _, what: told.append(what))
    done = train(home, FIRST, LAST, learner=learner, dataset=rows)
    assert [part["is_new"] for part in parts] == [True] * 3
    assert [part["fold"] for part in parts] == wanted[0]["folds"]
    assert not [what for what in told if what.startswith("fold ")]
    assert done["rank_ic"] == wanted[0]["rank_ic"]
    assert (metrics(home, done), artefacts(home, done)) == wanted[1:]


def test_a_fold_is_fitted_once(home, monkeypatch):
    (first,) = fitted(home, QUICK, [2])
    monkeypatch.setattr(LightGBM, "fit", None)
    (again,) = fitted(home, QUICK, [2])
    assert (first["is_new"], again["is_new"]) == (True, False)
    assert again == first | {"is_new": False, "seconds": again["seconds"]}
    assert json.loads(json.dumps(again)) == again


def test_every_fold_of_every_kind_is_counted_and_none_is_fitted(home, monkeypatch):
    monkeypatch.setattr(LightGBM, "fit", None)
    told = folds.of_run(home, FIRST, LAST, ["lightgbm", "linear"])
    assert told == {"folds": [{"model": m, "fold": n} for m in ("lightgbm", "linear") for n in (1, 2, 3)]}


def test_the_folds_of_mapped_rows_are_those_of_the_lake(home, rows):
    assert folds.of_run(home, FIRST, LAST, ["linear"], dataset=rows) == folds.of_run(home, FIRST, LAST, ["linear"])


def test_rows_that_are_there_are_built_without_an_engine(home, rows):
    again = dataset.build_rows(home, FIRST, LAST, engine=None)
    assert (again["name"], again["is_new"]) == (rows, False)


def test_rows_of_other_data_are_refused_and_nothing_is_assembled_in_their_place(home, rows):
    lake = Lake.of(home)
    with pytest.raises(OtherDataError, match=f"Dataset {rows} was asked for, of the 148 sessions .* It holds 149"):
        train(home, FIRST, DRAWN.sessions[-2], learner=QUICK, dataset=rows)
    frame, facts = lake.read("features", FIRST), lake.manifest("features", FIRST).facts
    changed = frame.with_columns(pl.col(frame.columns[2]) + 1)
    lake.publish("features", FIRST, changed, contract=features_contract(tuple(frame.columns[2:])), facts=facts)
    for refused in (train, lambda *asked, **how: folds.fit(*asked, 1, how)):
        with pytest.raises(
            OtherDataError, match=r"was made of other data\. Build it again, or train without --dataset"
        ):
            refused(home, FIRST, LAST, learner=QUICK, dataset=rows)


def test_rows_that_were_never_published_are_refused(home):
    with pytest.raises(PanelMissingError, match="No dataset 'rows' was published"):
        folds.of_run(home, FIRST, LAST, ["linear"], dataset="rows")


def test_a_fold_that_a_run_does_not_have_is_refused_with_those_that_it_has(home):
    with pytest.raises(NoSuchFoldError, match="Fold 4 was asked for; on this range the folds are 1 to 3"):
        fitted(home, QUICK, [4])


def test_a_range_too_short_for_a_fold_is_told_before_any_is_fitted(home):
    with pytest.raises(TooShortError, match="walk-forward needs at least"):
        folds.of_run(home, FIRST, DRAWN.sessions[100], ["lightgbm"])


def test_a_network_that_was_killed_in_a_fold_goes_on_to_the_same_bytes_and_leaves_no_checkpoint(
    home, whole, rows, monkeypatch
):
    wanted, told = whole(NETWORK), []

    def dies(_, what):
        told.append(what)
        if len(told) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(findings.Counter, "__call__", dies)
    with pytest.raises(KeyboardInterrupt):
        train(home, FIRST, LAST, learner=NETWORK, dataset=rows)
    checkpoints = Path(home.home) / "checkpoints"
    assert list(checkpoints.rglob("*.pt"))
    assert fitted(home, NETWORK, [2], dataset=rows)[0]["is_new"]
    assert told[3].startswith("fold 2, epoch 2")
    assert told[4] == told[3], "the epoch before was learnt twice"
    done = train(home, FIRST, LAST, learner=NETWORK)
    assert not set(told[5:]) & set(told[:5]), "a finished fold was learnt twice"
    assert (metrics(home, done), artefacts(home, done)) == wanted[1:]
    assert not list(checkpoints.rglob("*.pt"))
