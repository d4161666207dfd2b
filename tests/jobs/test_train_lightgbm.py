"""The command lines as a container runs them: a process, its exit status, its last line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from planted.market import draw, fill, settings_of
from tosho.models.registry import Registry

ROOT = Path(__file__).parents[2]
DRAWN = draw(codes=60)
FIRST, SECOND, LAST = (DRAWN.sessions[i].isoformat() for i in (0, 1, -1))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    fill(settings_of(folder), DRAWN)
    return folder


def start(job, home, *arguments):
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "include"), "TOSHO_HOME": str(home)}
    command = [sys.executable, str(ROOT / "jobs/train" / job), *arguments]
    return subprocess.Popen(command, env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home)


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1]), err


@pytest.fixture(scope="module")
def trained(home):
    return finish(start("train_lightgbm.py", home, "--first", FIRST, "--last", LAST))


def test_training_ends_with_a_line_of_json_and_tells_its_progress(trained):
    result, progress = trained
    assert result["model"] == "tosho-lightgbm"
    assert result["version"] == "1"
    assert "fold 3, horizon 20, seed 1: best rank IC" in progress
    assert "git" not in progress.lower()


LINEAR = ("--first", FIRST, "--last", LAST, "--model", "linear")


@pytest.fixture(scope="module")
def fitted(home, trained):
    return finish(start("fit.py", home, *LINEAR, "--fold", "2", "--tuned"))


@pytest.fixture(scope="module")
def linear(home, fitted):
    return finish(start("train.py", home, *LINEAR, "--ablate", "--trials", "2"))


def test_a_fold_is_fitted_by_a_process_of_its_own_and_training_takes_it(fitted, linear):
    result, progress = fitted
    assert (result["model"], result["fold"].split(":")[0], result["is_new"]) == ("linear", "fold 2", True)
    assert result["fold"] in linear[0]["folds"]
    assert "fold 2, horizon 20: best rank IC" in progress
    assert "Fold 2 of kind linear is finished already" in linear[1]
    assert "fold 2, horizon 20: best rank IC" not in linear[1]


def test_a_fold_that_there_is_not_is_one_sentence_and_status_3(home, fitted):
    status, err = failure(start("fit.py", home, *LINEAR, "--fold", "4"))
    assert (status, err.splitlines()[-1].split(";")[0]) == (3, "Fold 4 was asked for")


def test_another_kind_is_trained_under_its_own_name_and_leaves_the_champion(home, linear):
    result, progress = linear
    assert (result["model"], result["version"]) == ("tosho-linear", "1")
    assert "fold 3, horizon 20: best rank IC" in progress
    assert finish(start("score.py", home, "--session", LAST))[0]["model"] == "tosho-lightgbm"


def test_what_a_kind_does_not_have_is_said_and_it_is_trained_as_it_comes(linear):
    result, progress = linear
    assert "A model of kind linear has no blocks to leave out and is trained whole." in progress
    assert "A model of kind linear has no search space and is trained as it comes." in progress
    assert result["is_new"]
    assert "ablations" not in result


def test_a_kind_that_does_not_exist_is_refused(tmp_path):
    process = start("train.py", tmp_path, "--first", FIRST, "--last", LAST, "--model", "oracle")
    assert "invalid choice: 'oracle' (choose from" in process.communicate(timeout=60)[1]
    assert process.returncode == 2


def test_scoring_ends_with_a_line_of_json(home, trained):
    result, _ = finish(start("score.py", home, "--session", LAST, "--run-id", "manual__1"))
    assert result["rows"] == 4 * len(DRAWN.codes)
    assert result["session"] == LAST


def failure(process):
    out, err = process.communicate(timeout=300)
    assert out == ""
    return process.returncode, err


def test_what_another_try_would_not_change_is_one_sentence_and_status_3(tmp_path):
    status, err = failure(start("score.py", tmp_path, "--session", LAST))
    assert status == 3
    assert err.splitlines()[-1].endswith("Run the weekly training first.")
    assert "Traceback" not in err


def test_a_feature_set_that_does_not_exist_is_refused_by_name(tmp_path):
    asked = ("--first", FIRST, "--last", LAST, "--set", "absent")
    status, err = failure(start("train_lightgbm.py", tmp_path, *asked))
    assert status == 3
    known = "['alpha158', 'core', 'full', 'standard']"
    assert err.splitlines()[-1] == f"Feature set 'absent' was asked for; there are {known}."


FAILING = """
import sys
sys.path.insert(0, {folder!r})
import job
from tosho.models.bundle import BundleError
from tosho.storage.files import StorageError

def work():
    raise {error}

sys.exit(job.run(work))
"""


@pytest.mark.parametrize(
    ("error", "status", "last", "has_traceback"),
    [
        ("BundleError('Not what it was.\\nTrain again.')", 3, "Not what it was. Train again.", False),
        ("StorageError('The disk is full.')", 1, "The disk is full.", False),
        ("ConnectionError('refused')", 1, "ConnectionError: refused", False),
        ("KeyError('y_7')", 3, "KeyError: 'y_7'", True),
        ("ZeroDivisionError()", 1, "ZeroDivisionError", True),
    ],
)
def test_each_family_of_errors_has_its_status(error, status, last, has_traceback):
    script = FAILING.format(folder=str(ROOT / "jobs/train"), error=error)
    plain = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "include")}
    done = subprocess.run([sys.executable, "-c", script], env=plain, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (status, last)
    assert ("Traceback" in done.stderr) == has_traceback


def test_a_term_signal_ends_training_and_registers_nothing(home, trained):
    process = start("train_lightgbm.py", home, "--first", SECOND, "--last", LAST)
    for line in process.stderr:
        if "fold 1, horizon" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.communicate(timeout=60)
    assert process.returncode == 143
    result, _ = finish(start("score.py", home, "--session", LAST))
    assert result["version"] == "1"


def test_settings_are_searched_by_a_process_that_may_be_killed_and_then_trained_with(home, trained):
    asked = ("--first", FIRST, "--last", LAST)
    status, err = failure(start("train.py", home, *asked, "--tuned"))
    assert status == 3
    assert "Run tune.py for the same model, set, size and range first" in err.splitlines()[-1]
    process = start("tune.py", home, *asked, "--trials", "2")
    for line in process.stderr:
        if "Trial 1 of 2: rank IC" in line:
            process.kill()
            break
    assert process.communicate(timeout=60)[0] == ""
    study, progress = finish(start("tune.py", home, *asked, "--trials", "2"))
    assert (study["trials"], study["new"]) == (2, 1)
    assert "tune: 6 of 6, all trials" in progress
    result, _ = finish(start("train.py", home, *asked, "--trials", "2"))  # all of which are there
    logged = Registry(settings_of(home))._client.get_run(result["run_id"]).data.params
    assert logged["tried"] == "2"
    assert {name: logged[name] for name in study["settings"]} == {k: str(v) for k, v in study["settings"].items()}


def test_a_kind_whose_settings_are_not_searched_is_one_sentence_and_status_3(home):
    status, err = failure(
        start("tune.py", home, "--first", FIRST, "--last", LAST, "--model", "linear", "--trials", "2")
    )
    assert status == 3
    assert err.splitlines()[-1].startswith("Settings of a model of kind 'linear' were to be searched; there is")
