"""The images' files: pins, lint, and that no secret or address of a registry is in them."""

import re
import runpy
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
IMAGES = PROJECT / "deploy" / "images"
DOCKERFILES = sorted(IMAGES.glob("*.Dockerfile"))
MODULES_OF_TRAINING = {
    "lightgbm",
    "mlflow",
    "polars",
    "pyarrow",
    "numpy",
    "scikit-learn",
    "matplotlib",
    "statsd",
    "purgedcv",
    "optuna",
}


@pytest.fixture(scope="session")
def pins():
    return runpy.run_path(str(IMAGES / "pins.py"))


def test_there_are_dockerfiles():
    assert {f.name for f in DOCKERFILES} == {"airflow.Dockerfile", "train.Dockerfile"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda f: f.name)
def test_hadolint_is_content(dockerfile):
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [linter, "--failure-threshold", "style", dockerfile], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["train", "networks", "airflow"])
def test_an_image_has_the_projects_own_pins(pins, name):
    """Stale? `python deploy/images/pins.py NAME > deploy/images/NAME.requirements.txt`."""
    assert (IMAGES / f"{name}.requirements.txt").read_text() == pins["text"](name)


def test_the_training_image_has_what_training_imports(pins):
    pinned = pins["pins"]((IMAGES / "train.requirements.txt").read_text())
    assert set(pinned) >= MODULES_OF_TRAINING | {"exchange-calendars", "sqlalchemy", "pandas"}


def test_what_is_left_out_of_airflows_image_is_for_tests_and_networks(pins):
    ours, _, _ = (PROJECT / "requirements.in").read_text().partition("# --- tests and checks")
    asked = set(re.findall(r"^[a-z][\w-]*", ours, re.MULTILINE))
    pinned = set(pins["pins"]((IMAGES / "airflow.requirements.txt").read_text()))
    assert asked - pinned == {"torch", "torch-geometric"}


@pytest.mark.parametrize("name", ["train", "networks", "airflow"])
def test_the_pins_need_nothing_beyond_themselves(pins, name):
    pinned = pins["pins"]((IMAGES / f"{name}.requirements.txt").read_text())
    ours = set(pinned) - set(pins["EXTRA"][name])
    assert pins["closure"](tuple(ours)) == ours


def test_networks_add_torch_to_what_training_has(pins):
    with_torch, without = (pins["pins"]((IMAGES / f"{n}.requirements.txt").read_text()) for n in ("networks", "train"))
    assert without.items() < with_torch.items()
    assert {"torch", "torch-geometric"} <= set(with_torch) - set(without)


def test_every_pin_installs_on_debians_python(pins):
    """Debian 12 has 3.11.2, and some packages want a later 3.11."""
    pinned = pins["pins"]((PROJECT / "requirements.txt").read_text())
    installed = {canonicalize_name(d.name): d for d in distributions()}
    assert set(pinned) <= set(installed)
    offenders = [
        f"{name} {version} wants Python {wanted}"
        for name, version in pinned.items()
        if installed[name].version == version and (wanted := installed[name].metadata.get("Requires-Python"))
        for python in pins["PYTHONS"]
        if python not in SpecifierSet(wanted)
    ]
    assert offenders == []


def test_a_package_without_a_pin_is_an_error(pins, tmp_path):
    (tmp_path / "deploy" / "images").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("lightgbm==1.0\n")
    pins["text"].__globals__["HERE"] = tmp_path / "deploy" / "images"
    with pytest.raises(KeyError, match=r"The train image needs .* which requirements\.txt does not pin"):
        pins["text"]("train")
    pins["text"].__globals__["HERE"] = IMAGES


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
