import os
import signal
import sys

import psutil
import pytest

from services.processes import alive
from tosho.local import processes as module
from tosho.local.environment import write_whole
from tosho.local.processes import ProcessDiedError, Processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
FAMILY = [sys.executable, "-c", CHILD]


@pytest.fixture
def processes(tmp_path):
    made = Processes(tmp_path / "processes")
    yield made
    made.stop_all()


def test_a_process_runs_until_it_is_stopped(processes, tmp_path):
    processes.start("one", SLEEP, os.environ, tmp_path / "log")
    pid = processes.running("one").pid
    assert processes.stop_all() == ["one"]
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    assert processes.names() == []


def test_starting_again_starts_nothing(processes, tmp_path):
    processes.start("one", SLEEP, os.environ, tmp_path / "log")
    first = processes.running("one").pid
    processes.start("one", SLEEP, os.environ, tmp_path / "log")
    assert processes.running("one").pid == first


def test_children_go_with_their_parent(processes, tmp_path):
    log = tmp_path / "log"
    processes.start("family", FAMILY, os.environ, log)
    processes.wait("family", lambda: log.read_text().strip() != "", seconds=20)
    child = int(log.read_text())
    processes.stop("family")
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_children_that_a_killed_process_has_left_are_ended_though_nothing_marks_them(processes, tmp_path):
    log = tmp_path / "log"
    processes.start("family", FAMILY, os.environ, log)
    processes.wait("family", lambda: log.read_text().strip() != "", seconds=20)
    child = psutil.Process(int(log.read_text()))
    parent = processes.running("family")
    parent.kill()
    parent.wait(20)
    assert processes.stop_all() == []
    assert alive([child]) == []


def test_another_process_with_a_recorded_pid_is_not_ours(processes, tmp_path):
    processes.start("one", SLEEP, os.environ, tmp_path / "log")
    ours, stranger = processes.running("one"), os.getppid()
    record = processes.folder / "one.json"
    record.write_text(record.read_text().replace(str(ours.pid), str(stranger)))
    assert processes.running("one") is None
    processes.stop("one")
    assert psutil.pid_exists(stranger)
    ours.kill()


def test_a_process_that_dies_says_so_with_its_log(processes, tmp_path):
    processes.start(
        "short", [sys.executable, "-c", "print('no room'); raise SystemExit(3)"], os.environ, tmp_path / "l"
    )
    with pytest.raises(ProcessDiedError, match=r"'short' was not ready[\s\S]*no room"):
        processes.wait("short", lambda: False, seconds=20)


def test_memory_is_counted(processes, tmp_path):
    """A process just born has hardly a page of its own: it is asked again until it has."""
    processes.start("one", SLEEP, os.environ, tmp_path / "log")
    processes.wait("one", lambda: processes.memory() > 1_000_000, seconds=20)


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def ending(request):
    """A signal that ends the demo, handled as the demo does."""
    before = signal.signal(request.param, signal.default_int_handler)
    yield request.param
    signal.signal(request.param, before)


def test_what_is_interrupted_while_it_starts_is_known_and_can_be_ended(processes, tmp_path, monkeypatch, ending):
    def interrupted(path, text):
        signal.raise_signal(ending)
        write_whole(path, text)

    monkeypatch.setattr(module, "write_whole", interrupted)
    with pytest.raises(KeyboardInterrupt):
        processes.start("one", SLEEP, os.environ, tmp_path / "log")
    assert processes.stop_all() == ["one"]


def test_an_interrupt_while_stopping_waits_until_all_are_ended(processes, tmp_path, monkeypatch, ending):
    for name in ("one", "two"):
        processes.start(name, SLEEP, os.environ, tmp_path / "log")
    pids = [processes.running(name).pid for name in ("one", "two")]
    end = Processes._end

    def interrupted(self, names):
        signal.raise_signal(ending)
        end(self, names)

    monkeypatch.setattr(Processes, "_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        processes.stop_all()
    monkeypatch.undo()
    assert processes.names() == []
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)
