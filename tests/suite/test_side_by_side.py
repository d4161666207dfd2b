"""What `make test` promises: every test once, a failure fails the run, and Ctrl-C ends all groups in order."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import side_by_side

TESTS = Path(side_by_side.__file__).parent
PASSES = "def test_passes(): pass\n"
FAILS = "def test_fails(): assert 1 == 2, 'planted'\n"
WAITS = """
import pathlib, time, pytest

@pytest.fixture(scope="session")
def service():
    pathlib.Path({folder!r}, "{name}-started").touch()
    yield
    pathlib.Path({folder!r}, "{name}-ended").touch()

def test_waits(service):
    time.sleep(300)
"""


@pytest.fixture
def group(tmp_path, monkeypatch):
    """Write a test and return the arguments of a group that holds it alone."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # quick to start

    def write(name, text):
        (tmp_path / f"test_{name}.py").write_text(text.format(folder=str(tmp_path), name=name))
        return [str(tmp_path / f"test_{name}.py"), f"--rootdir={tmp_path}"]

    return write


def test_each_test_file_is_in_one_group():
    suite = side_by_side.whole_suite()
    of_groups = [side_by_side.PROJECT / path for name in side_by_side.GROUPS for path in suite[name]]
    assert all(path.exists() for path in of_groups)
    assert not any(a != b and a.is_relative_to(b) for a in of_groups for b in of_groups)
    assert suite["rest"] == ["tests", *(f"--ignore={path.relative_to(TESTS.parent)}" for path in of_groups)]


def test_all_pass_and_each_group_is_summed_up(group, tmp_path, capsys):
    assert side_by_side.run({"a": group("a", PASSES), "b": group("b", PASSES)}, tmp_path) == 0
    told = capsys.readouterr().out
    assert told.count("= 1 passed in ") == 2
    assert "a, exit status 0, " in told


def test_a_failure_in_one_group_fails_the_run_and_is_shown(group, tmp_path, capsys):
    assert side_by_side.run({"a": group("a", FAILS), "b": group("b", PASSES)}, tmp_path) == 1
    assert "AssertionError: planted" in capsys.readouterr().out


def test_a_group_without_a_test_fails_the_run(group, tmp_path):
    assert side_by_side.run({"a": group("a", "\n"), "b": group("b", PASSES)}, tmp_path) == 1


def test_progress_and_failures_are_read_from_the_log(group, tmp_path, capsys):
    working = side_by_side.Group("a", group("a", PASSES + FAILS), tmp_path)
    working.process.wait()
    assert working.progress() == "a 2/2"
    assert [failure.rpartition("::")[2] for failure in working.new_failures()] == ["test_fails"]
    assert working.new_failures() == []


@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_lets_each_group_end_what_it_started(group, tmp_path, ends):
    suite = {name: group(name, WAITS) for name in ("a", "b")}
    script = "import pathlib, side_by_side as s; s.heed_signals(); raise SystemExit(s.run({}, pathlib.Path({!r})))"
    script = script.format(suite, str(tmp_path))
    runner = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(TESTS)})
    while len(list(tmp_path.glob("*-started"))) < 2:
        assert runner.poll() is None
        time.sleep(0.05)
    runner.send_signal(ends)
    assert runner.wait() == 130
    assert sorted(path.name for path in tmp_path.glob("*-ended")) == ["a-ended", "b-ended"]
