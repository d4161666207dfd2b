"""The images' files: pins, lint, and that no secret or address of a registry is in them."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
IMAGES = PROJECT / "deploy" / "images"
DOCKERFILES = sorted(IMAGES.glob("*.Dockerfile"))
MODULES_OF_TRAINING = {"lightgbm", "mlflow", "polars", "pyarrow", "numpy", "scikit-learn", "matplotlib", "statsd"}


@pytest.fixture(scope="session")
def train_pins():
    return runpy.run_path(str(IMAGES / "train_pins.py"))


def test_there_are_dockerfiles():
    assert {f.name for f in DOCKERFILES} == {"airflow.Dockerfile", "train.Dockerfile"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda f: f.name)
def test_hadolint_is_content(dockerfile):
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [linter, "--failure-threshold", "style", dockerfile], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_training_image_has_the_projects_own_pins(train_pins):
    assert (IMAGES / "train.requirements.txt").read_text() == train_pins["text"]()


def test_the_training_image_has_what_training_imports(train_pins):
    pinned = train_pins["pins"]((IMAGES / "train.requirements.txt").read_text())
    assert set(pinned) >= MODULES_OF_TRAINING | {"exchange-calendars", "sqlalchemy", "pandas"}


def test_the_closure_is_closed(train_pins):
    pinned = train_pins["pins"]((IMAGES / "train.requirements.txt").read_text())
    assert train_pins["closure"](tuple(pinned)) == set(pinned)


def test_a_package_without_a_pin_is_an_error(train_pins, tmp_path):
    (tmp_path / "deploy" / "images").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("lightgbm==1.0\n")
    planted = dict(train_pins["text"].__globals__, HERE=tmp_path / "deploy" / "images")
    text = type(train_pins["text"])(train_pins["text"].__code__, planted)
    with pytest.raises(KeyError, match=r"which requirements\.txt does not pin"):
        text()


@pytest.mark.parametrize("script", sorted(PROJECT.glob("deploy/**/*.sh")), ids=lambda f: f.name)
def test_scripts_are_shell_and_executable(script):
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    assert script.stat().st_mode & 0o100


def test_build_of_an_unknown_image_says_so():
    done = subprocess.run([IMAGES / "build.sh", "nothing"], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (
        2,
        "There is no image 'nothing': deploy/images/nothing.Dockerfile does not exist.\n",
    )
