"""The job as it is submitted: a dataset with the bytes of this machine's own engine, and an exit status."""

from __future__ import annotations

import importlib.util
import json

import pytest

from planted.market import draw, fill, settings_of
from services.spark import ROOT, submit
from tosho.dataset.engines import processes
from tosho.dataset.panel_store import PanelStore
from tosho.steps import dataset
from tosho.storage import Lake

JOB = "jobs/spark/build_dataset.py"
DRAWN = draw(codes=40, length=156)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
ASKED = ("--first", FIRST.isoformat(), "--last", LAST.isoformat())


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = settings_of(tmp_path_factory.mktemp("home"))
    fill(made, DRAWN)
    return made


@pytest.fixture(scope="module")
def expected(settings):
    """What this machine's processes make, under a name of their own."""
    return dataset.build(settings, FIRST, LAST, engine=processes(1), name="locally")


@pytest.fixture
def job():
    """The command line, called in this process: for what ends before Spark starts."""
    spec = importlib.util.spec_from_file_location("build_dataset", ROOT / JOB)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def bytes_of(settings, name):
    files = Lake.of(settings).files
    found = {entry.path: files.read(entry.path) for entry in files.tree(f"datasets/{name}")}
    return {path.removeprefix(f"datasets/{name}/"): data for path, data in found.items()}


def test_spark_publishes_the_bytes_of_this_machines_processes(settings, expected, tmp_path):
    done = submit("local[2]", JOB, *ASKED, env=settings.to_environment())
    assert done.returncode == 0, done.stdout[-3000:]
    assert bytes_of(settings, "core") == bytes_of(settings, "locally")
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"name"')))
    assert told == expected | {"name": "core"}
    assert "sessions written" in done.stdout
    _maps(settings, tmp_path / "panel")


def test_spark_publishes_the_rows_that_training_maps_with_the_bytes_of_this_machines_processes(settings):
    wanted = dataset.build_rows(settings, FIRST, LAST, engine=processes(1), name="rows-locally")
    done = submit("local[2]", JOB, *ASKED, "--as", "rows", env=settings.to_environment())
    assert done.returncode == 0, done.stdout[-3000:]
    assert bytes_of(settings, "training-core") == bytes_of(settings, "rows-locally")
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"name"')))
    assert told == wanted | {"name": "training-core"}


def test_rows_of_a_range_without_features_are_refused(job, settings, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", settings.lake)
    assert job(["--first", "2020-01-06", "--last", "2020-02-07", "--as", "rows"]) == 1
    assert "NothingToTrainOnError: From 2020-01-06" in capsys.readouterr().err


def _maps(settings, folder):
    from tosho.dataset.tensors import Panel

    told = dataset.fetch(settings, folder)
    panel = Panel.open(folder)
    assert (told["sessions"], told["codes"]) == (len(panel.sessions), len(panel.codes)) == (156, 40)
    panel.batch(100, 60).check()


def test_the_scaler_knew_the_first_folds_training_and_no_more(settings, expected):
    manifest = PanelStore(Lake.of(settings).files, "locally").manifest()
    (fitted,) = manifest.fitted
    assert fitted.first == FIRST
    assert fitted.sessions < len(DRAWN.sessions) / 2
    assert set(manifest.scaler) <= set(manifest.columns.names)
    assert expected["fitted"] == [f"{fitted.what}: {fitted.first} to {fitted.last}"]


def test_no_label_beyond_the_last_session_is_in(settings, expected):
    assert expected["labelled"] == DRAWN.sessions[-22].isoformat()


def test_a_range_without_features_is_refused(job, settings, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", settings.lake)
    assert job(["--first", "2020-01-06", "--last", "2020-02-07"]) == 1
    assert "NoFeaturesError: No session from 2020-01-06" in capsys.readouterr().err


def test_a_range_too_short_for_a_fold_is_refused(job, settings, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", settings.lake)
    assert job(["--first", FIRST.isoformat(), "--last", DRAWN.sessions[60].isoformat()]) == 1
    assert "TooShortError" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [("--universe", "some"), ("--method", "none"), ("--precision", "int8")])
def test_what_there_is_not_is_refused_by_name(job, wrong, capsys):
    with pytest.raises(SystemExit):
        job([*ASKED, *wrong])
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.parametrize("given", [("--universe", "prime"), ("--method", "robust_z"), ("--precision", "bfloat16")])
def test_rows_take_nothing_that_is_a_panels(job, given, capsys):
    with pytest.raises(SystemExit):
        job([*ASKED, "--as", "rows", *given])
    assert "are a panel's; rows are of all codes, as they are" in capsys.readouterr().err
