"""`make setup` on machines that lack something: what it says, and what it would install."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
TOOLS = ("bash", "cat", "dirname", "tr", "grep", "cut", "sha256sum", "env", "find", "touch", "tail")


@pytest.fixture
def machine(tmp_path):
    """A machine with the tools that every Debian has, nothing installed, and programs that note how they are called."""
    (tmp_path / "deploy").mkdir()
    for name in ("setup.sh", "debian-packages.txt"):
        shutil.copy(DEPLOY / name, tmp_path / "deploy")
    (tmp_path / "requirements.txt").write_text("")
    programs = tmp_path / "bin"
    programs.mkdir()
    for tool in TOOLS:
        (programs / tool).symlink_to(shutil.which(tool))
    return Machine(tmp_path, programs)


class Machine:
    def __init__(self, root, programs):
        self.root, self.programs = root, programs

    def has(self, name, script):
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return self

    def setup(self, wanted="test"):
        own = {"PATH": str(self.programs), "HOME": str(self.root), "CALLS": str(self.root / "calls")}
        command = [self.root / "deploy" / "setup.sh", wanted]
        return subprocess.run(command, env=own, capture_output=True, text=True, check=False, cwd=self.root)

    @property
    def calls(self):
        calls = self.root / "calls"
        return calls.read_text().splitlines() if calls.exists() else []


@pytest.fixture
def debian(machine):
    machine.has("dpkg-query", "exit 1")
    return machine.has("apt-get", 'echo "$@" >>"$CALLS"')


def packages(*groups):
    lines = [line.split() for line in (DEPLOY / "debian-packages.txt").read_text().splitlines()]
    return [line[0] for line in lines if line and line[0] != "#" and line[1] in groups]


def test_who_is_not_root_is_told_the_exact_command_and_nothing_is_done(debian):
    done = debian.has("id", "echo 1000").setup()
    assert done.returncode == 1
    command = (
        f"sudo apt-get update && sudo apt-get install -y --no-install-recommends {' '.join(packages('run', 'test'))}"
    )
    assert command in [line.strip() for line in done.stderr.splitlines()]
    assert debian.calls == []
    assert not (debian.root / ".venv").exists()


def test_root_gets_the_packages_of_the_list(debian):
    debian.has("id", "echo 0").setup()
    assert debian.calls == [
        "update -qq",
        f"install -y -qq --no-install-recommends {' '.join(packages('run', 'test'))}",
    ]


def test_the_demo_needs_fewer(debian):
    debian.has("id", "echo 0").setup("run")
    assert debian.calls[1].split()[4:] == packages("run")


def test_what_is_there_in_another_way_is_not_installed(debian):
    debian.has("java", "echo 'openjdk version \"21.0.1\"' >&2")
    debian.has("dockerd", "exit 0").has("id", "echo 0").setup()
    assert {"openjdk-17-jre-headless", "docker.io"}.isdisjoint(debian.calls[1].split())


def test_a_java_that_is_too_old_does_not_count(debian):
    debian.has("java", "echo 'openjdk version \"11.0.2\"' >&2").has("id", "echo 0").setup()
    assert "openjdk-17-jre-headless" in debian.calls[1].split()


def test_where_there_is_no_apt_the_packages_are_named(machine):
    done = machine.has("dpkg-query", "exit 1").has("id", "echo 0").setup("run")
    assert done.returncode == 1
    assert "This machine has no apt-get" in done.stderr
    assert "libgomp1" in done.stderr


def test_where_there_is_no_python_of_a_supported_version_it_says_so(machine):
    machine.has("dpkg-query", "echo install ok installed").has("id", "echo 1000")
    machine.has("python3", "exit 1")
    done = machine.setup()
    assert done.returncode == 1
    assert done.stderr == "No Python 3.11 or 3.12 with venv was found; set PYTHON to one.\n"


@pytest.mark.parametrize("version", ["python3.11", "python3.12"])
def test_either_python_is_taken(machine, version):
    machine.has("dpkg-query", "echo install ok installed").has("id", "echo 1000")
    machine.has(version, f'[ "$1" = -c ] || echo {version} "$@" >>"$CALLS"')
    machine.setup()
    assert f"{version} -m venv .venv" in machine.calls


@pytest.fixture
def installed(machine):
    """A machine on which nothing is missing."""
    machine.has("dpkg-query", "echo install ok installed").has("id", "echo 1000").has("python3.11", "exit 0")
    loops = machine.root / "include" / "tosho" / "features" / "graph_scan.py"
    loops.parent.mkdir(parents=True)
    loops.touch()
    python = machine.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\necho "$@" >>"$CALLS"\n')
    python.chmod(0o755)
    read = [machine.root / name for name in ("requirements.txt", "deploy/setup.sh")]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in read)).hexdigest()
    (machine.root / ".venv" / f".installed-{digest[:16]}").touch()
    return machine, loops


def test_loops_are_compiled_once_and_again_when_they_change(installed):
    machine, loops = installed
    sources, compiles = "-m compileall -q include plugins dags jobs", "-c import tosho.features.loops"
    assert [machine.setup().returncode for _ in range(2)] == [0, 0]
    assert machine.calls == [sources, compiles, sources]
    later = time.time() + 60
    os.utime(loops, (later, later))
    machine.setup()
    assert machine.calls == [sources, compiles, sources, sources, compiles]


@pytest.mark.parametrize("package", ["airflow", "mlflow", "numba", "pyspark", "tosho"])
def test_what_make_setup_left_is_compiled_so_that_no_process_does_it_anew(package):
    found = importlib.util.find_spec(package).origin
    assert Path(importlib.util.cache_from_source(found)).exists()


@pytest.fixture
def with_java(installed):
    """One that has Java, too, so that Spark's classes can be archived."""
    machine, _ = installed
    machine.has("java", """echo 'openjdk version "17.0.15"' >&2""").has("rm", "exit 0")
    (machine.root / ".venv" / ".compiled").touch()
    return machine


def spark_submit(machine, script):
    path = machine.root / ".venv" / "bin" / "spark-submit"
    path.write_text(f'#!/bin/sh\necho spark-submit "$SPARK_SUBMIT_OPTS" >>"$CALLS"\n{script}\n')
    path.chmod(0o755)


def archived(machine):
    asked = [call for call in machine.calls if "import ARCHIVING; print(ARCHIVING)" in call]
    submitted = [call for call in machine.calls if call.startswith("spark-submit")]
    assert len(asked) == len(submitted)
    return submitted


def test_the_classes_of_spark_are_archived_once_and_again_for_another_java(with_java):
    spark_submit(with_java, "exit 0")
    assert [with_java.setup().returncode for _ in range(2)] == [0, 0]
    assert len(archived(with_java)) == 1
    with_java.has("java", """echo 'openjdk version "21.0.1"' >&2""")
    with_java.setup()
    assert len(archived(with_java)) == 2


def test_where_spark_cannot_run_it_is_told_and_tried_again(with_java):
    spark_submit(with_java, "echo a sentence of Spark; exit 1")
    done = [with_java.setup() for _ in range(2)]
    assert [process.returncode for process in done] == [0, 0]
    assert all(process.stderr.endswith("it ended with:\na sentence of Spark\n") for process in done), done[0].stderr
    assert len(archived(with_java)) == 2
