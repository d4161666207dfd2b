"""Compiled loops: what one process compiled the next one finds, and nothing fails where it cannot be kept."""

import json
import logging
import os
import shutil
import subprocess
import sys
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import pytest

from tosho.config import caches
from tosho.config.caches import NoFolderError
from tosho.features import compiled as module
from tosho.features import kept_loops
from tosho.features.compiled import compiled

PROJECT = Path(__file__).parents[2]
PATHS = {"PYTHONPATH": f"{PROJECT / 'include'}{os.pathsep}{PROJECT / 'tests'}"}
LOOPS = """
from tosho.features.compiled import compiled

@compiled("int64(int64)")
def triangle(size):
    total = 0
    for k in range(size + 1):
        total += k
    return total

if __name__ == "__main__":
    import json
    stats = triangle.stats
    print(json.dumps([triangle(100), sum(stats.cache_hits.values()), sum(stats.cache_misses.values())]))
"""
IMPORTED = """
import json, sys
from tosho.features import row_loops

assert row_loops.__file__.startswith(sys.argv[1]), row_loops.__file__
stats = [loop.stats for loop in vars(row_loops).values() if hasattr(loop, "stats")]
print(json.dumps([sum(sum(s.cache_hits.values()) for s in stats), sum(sum(s.cache_misses.values()) for s in stats)]))
"""
IMPORTS = """
import sys
import tosho.features.local, tosho.features.processes, tosho.features.build, tosho.features.qlib
import tosho.features.spark.job
print(sorted({"numba", "llvmlite"} & set(sys.modules)))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Compiled code is kept in a folder of the test's own, and forgotten with it."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "compiled"))
    kept_loops.folder.cache_clear()
    yield tmp_path / "compiled"
    kept_loops.folder.cache_clear()


def doubled(value):
    return 2 * value


def told(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def started(tmp_path, count, **variables):
    (tmp_path / "loops.py").write_text(LOOPS)
    command = [sys.executable, str(tmp_path / "loops.py")]
    environment = os.environ | PATHS | variables
    return [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(count)]


def ended(process):
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return json.loads(out)


def test_of_two_that_begin_at_once_one_compiles_and_the_other_finds_it(tmp_path):
    found = [ended(process) for process in started(tmp_path, 2, NUMBA_CACHE_DIR=str(tmp_path / "kept"))]
    assert sorted(found) == [[5050, 0, 1], [5050, 1, 0]]


def test_it_is_kept_in_the_users_folder_of_caches(tmp_path):
    variables = {"XDG_CACHE_HOME": str(tmp_path / "caches"), "NUMBA_CACHE_DIR": ""}
    ended(*started(tmp_path, 1, **variables))
    (kept,) = (tmp_path / "caches" / "tosho" / "compiled").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700
    assert list(kept.rglob("*.nbc"))


def test_a_folder_that_cannot_be_made_is_told_once_and_nothing_fails(folder, caplog):
    folder.write_text("a file, where the folder would be")
    assert [compiled("int64(int64)")(doubled)(value) for value in (3, 4)] == [6, 8]
    assert [line.partition(";")[0] for line in told(caplog)] == ["Compiled loops are not kept"]


def test_code_is_not_run_from_a_folder_that_all_may_write_to(folder, caplog):
    kept = kept_loops.folder(repr(module._RULES))
    kept.chmod(0o777)
    kept_loops.folder.cache_clear()
    assert compiled("int64(int64)")(doubled)(3) == 6
    assert "with mode 777; what is there is believed" in told(caplog)[0]
    assert list(kept.iterdir()) == []


def test_nor_from_one_of_another_user(folder, monkeypatch):
    kept = kept_loops.folder(repr(module._RULES))
    os.chown(kept, 12345, -1) if os.geteuid() == 0 else monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(NoFolderError, match="must be this user's or root's"):
        caches.made_private(kept, "Name another")


def test_without_a_home_nothing_is_kept(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as of a user without a name and a HOME
    with pytest.raises(NoFolderError, match="has no home"):
        kept_loops.named()


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with the loops of one module, compiled by a process that read the package as files."""
    folder = tmp_path_factory.mktemp("compiled")
    assert imported(folder, PROJECT / "include") == [0, 3]
    return folder


def imported(folder, package):
    """Return how many loops of a module were found, and how many compiled, by a process that imports it."""
    environment = {**os.environ, "PYTHONPATH": str(package), "NUMBA_CACHE_DIR": str(folder)}
    command = [sys.executable, "-c", IMPORTED, str(package)]
    return json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)


def archive(tmp_path, changed=""):
    """Return a package in an archive; `changed` names a file to which a line is added."""
    shutil.copytree(PROJECT / "include" / "tosho", tmp_path / "in" / "tosho", ignore=shutil.ignore_patterns("*.pyc"))
    if changed:
        with (tmp_path / "in" / "tosho" / changed).open("a") as file:
            file.write("# changed\n")
    return shutil.make_archive(str(tmp_path / "tosho"), "zip", tmp_path / "in")


def test_a_package_in_an_archive_finds_what_was_compiled_of_the_same_sources(kept, tmp_path):
    assert imported(kept, archive(tmp_path)) == [3, 0]


def test_another_change_of_the_package_leaves_the_loops_found(kept, tmp_path):
    assert imported(kept, archive(tmp_path, "features/listing.py")) == [3, 0]


def test_a_change_of_any_loop_compiles_all_anew_as_they_are_compiled_into_one_another(kept, tmp_path):
    assert imported(kept, archive(tmp_path, "features/graph_gaps.py")) == [0, 3]


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_a_file_cut_short_is_told_and_compiled_anew(folder, suffix, caplog):
    compiled("int64(int64)")(doubled)
    (damaged,) = folder.rglob(f"*{suffix}")
    damaged.write_bytes(b"")
    assert compiled("int64(int64)")(doubled)(3) == 6
    (line,) = told(caplog)
    assert line.startswith("doubled was compiled anew")


def test_another_users_of_numba_keep_their_folder(folder):
    before = module.config.CACHE_DIR
    compiled("int64(int64)")(doubled)
    assert before == module.config.CACHE_DIR
    assert list(folder.rglob("*.nbc"))


def test_arrays_of_another_type_are_refused():
    with pytest.raises(TypeError, match="No matching definition"):
        compiled("int64(int64)")(doubled)("no number")


def test_definitions_and_engines_import_no_compiler():
    """It is had where a window is evaluated, not where one is named: the command line and Dags stay quick."""
    run = [sys.executable, "-c", IMPORTS]
    done = subprocess.run(run, env=os.environ | PATHS, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_who_waits_too_long_for_a_folder_goes_on_without_it(tmp_path, monkeypatch, caplog):
    """A process that is stopped while it compiles must not hold up all others for good."""
    monkeypatch.setattr(kept_loops, "PATIENCE", 0.05)
    with (tmp_path / "lock").open("a") as stopped, caplog.at_level(logging.WARNING):
        flock(stopped, LOCK_EX)
        with kept_loops.alone_in(tmp_path), kept_loops.alone_in(tmp_path):
            pass
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1  # it is not waited for again, nor told again
    assert str(tmp_path) in told[0]


def test_a_folder_is_one_processs_at_a_time(tmp_path):
    with kept_loops.alone_in(tmp_path), (tmp_path / "lock").open("a") as other, pytest.raises(BlockingIOError):
        flock(other, LOCK_EX | LOCK_NB)
