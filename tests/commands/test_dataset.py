"""`tosho dataset`: a lake's sessions become a dataset, and the dataset files in a folder."""

import json

import pytest
from typer.testing import CliRunner

from planted.market import draw, fill, settings_of
from tosho.__main__ import app
from tosho.commands import dataset
from tosho.dataset.tensors import Panel
from tosho.features.sets import feature_set
from tosho.steps.dataset import dataset_plan

DRAWN = draw(codes=40, length=156)
RANGE = ("--first", DRAWN.sessions[0].isoformat(), "--last", DRAWN.sessions[-1].isoformat())


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    fill(settings_of(folder), DRAWN)
    return folder


@pytest.fixture(autouse=True)
def _at_home(home, monkeypatch):
    monkeypatch.setenv("TOSHO_HOME", str(home))
    monkeypatch.delenv("TOSHO_LAKE", raising=False)


def run(*arguments, status=0):
    told = CliRunner().invoke(app, ["dataset", *arguments])
    assert told.exit_code == status, told.output
    return json.loads(told.stdout.splitlines()[-1]) if not status else told.output + str(told.exception or "")


@pytest.fixture(scope="module")
def built(home):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOSHO_HOME", str(home))
        patch.delenv("TOSHO_LAKE", raising=False)
        return run("build", "--set", "core", *RANGE, "--precision", "bfloat16")


def test_a_dataset_that_was_built_is_fetched_and_mapped(built, tmp_path):
    told = run("fetch", str(tmp_path / "core"))
    panel = Panel.open(tmp_path / "core")
    assert (len(panel.sessions), len(panel.codes)) == (told["sessions"], told["codes"]) == (156, 40)
    assert panel.manifest.precision == "bfloat16"
    assert {**told, "is_new": True} == {**built, "folder": str(tmp_path / "core")}


def test_scalers_that_knew_more_than_the_training_are_refused(built, tmp_path):
    fitted = built["fitted"][0].rpartition(" ")[2]
    run("fetch", str(tmp_path / "core"), "--until", fitted)
    earlier = DRAWN.sessions[10].isoformat()
    told = run("fetch", str(tmp_path / "other"), "--until", earlier, status=1)
    assert f"may be fitted up to {earlier}" in told
    assert not (tmp_path / "other").exists()


def test_a_dataset_that_there_is_not_is_told_with_those_that_there_are(built, tmp_path):
    assert "No dataset 'full' was published" in run("fetch", str(tmp_path / "full"), "--name", "full", status=1)


def test_what_all_codes_share_is_scaled_through_time_whatever_it_is_made_of():
    shared = dataset_plan(feature_set("full")).shared
    assert {"mkt_ret_1", "breadth_up", "mkt_mean_ret_1"} <= set(shared)
    assert not {"ret_1", "sec_ret_1", "csr_ret_1"} & set(shared)


def test_engine_spark_is_spark_s_own():
    assert dataset._maker(dataset.Engine.SPARK).func.__module__ == "tosho.dataset.spark"
