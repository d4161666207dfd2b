"""CPU seconds and memory of all processes, whoever their parent is and whether anybody waits for them."""

import sys

import pytest
from bench.meter import NoMeterError, PartFailedError, measured, work

BURN = "import time\nend = time.process_time() + 0.6\nwhile time.process_time() < end: pass\n"
SAY = "print('{}')"


def cost(tmp_path, code):
    return measured([sys.executable, "-c", f"{code}\n{SAY}"], tmp_path, {})


def test_a_childs_cpu_seconds_count(tmp_path):
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {BURN!r}])"

    assert cost(tmp_path, code)["cpu_s"] >= 0.6


def test_those_of_an_orphan_count(tmp_path):
    left = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {BURN!r}])"
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {left!r}])"

    assert cost(tmp_path, code)["cpu_s"] >= 0.6


def test_those_of_a_child_that_nobody_waits_for_count(tmp_path):
    """As Spark's daemon has it: the kernel forgets such a child's seconds when it ends."""
    wait = "import signal, subprocess, sys\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    seen = f"{BURN}\nimport time\ntime.sleep(1)"  # until the meter has looked
    code = f"{wait}subprocess.Popen([sys.executable, '-c', {seen!r}]).wait()"

    assert cost(tmp_path, code)["cpu_s"] >= 0.6


def test_memory_of_processes_that_live_at_once_is_added(tmp_path):
    hold = "import time\nx = bytearray(b'1' * 60_000_000)\ntime.sleep(3)"
    code = (
        "import subprocess, sys\n"
        f"all = [subprocess.Popen([sys.executable, '-c', {hold!r}]) for _ in range(2)]\n"
        "[one.wait() for one in all]"
    )

    assert cost(tmp_path, code)["peak_mib"] >= 120


def test_the_work_is_told_apart_from_the_start(tmp_path):
    told = "from bench.meter import work\nwith work() as done:\n    pass\nimport json\nprint(json.dumps(done.told))"
    found = measured([sys.executable, "-c", f"{BURN}\n{told}"], tmp_path, {})

    assert found["work_cpu_s"] < 0.3 < found["cpu_s"]


def test_a_failed_command_is_an_error_with_the_end_of_its_log(tmp_path):
    with pytest.raises(PartFailedError, match="no such market"):
        measured([sys.executable, "-c", "raise SystemExit('no such market')"], tmp_path, {})


def test_work_outside_a_meter_is_refused():
    with pytest.raises(NoMeterError), work():
        pass
