"""What a command costs: wall seconds, CPU seconds and memory of every process that it starts, however it starts them.

    python -m bench.meter REPORT COMMAND...

Each measurement has a process of its own that adopts whatever is left behind (workers of a pool, Spark's daemons) and
waits for it, so that the operating system's count of its children's CPU seconds has them. Five times a second, less
often where a look takes long, it looks at all of them: at memory, as proportional set size, in which pages that several
processes share count once; and at the CPU seconds of those whose parent does not want to know of their end (Spark's
Python workers), which nobody counts: of these the last look counts.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
EVERY = 0.2  # seconds between two looks
BURDEN = 30  # times a look's own seconds that pass before the next: a worker that is looked at waits for its memory
ENDS_WITHIN = 20  # seconds that processes left behind have to end by themselves
TAIL = 60  # lines of a failed part's log that are told
LINE = "TOSHO_BENCH_METER"
"""Variable with the number of the descriptor by which a part asks its meter for the CPU seconds so far."""
_GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


class PartFailedError(RuntimeError):
    """A measured command ended with an error."""


class NoMeterError(RuntimeError):
    """A piece of work is to be measured in a process that no meter started."""


def measured(arguments: Sequence[str], scratch: Path, environment: Mapping[str, str]) -> dict[str, Any]:
    """Run a command and return what it cost, and what it said of itself in its last line, as JSON.

    Args:
        arguments: The command.
        scratch: A folder for its log and report.
        environment: Variables beside those of this process.

    Raises:
        PartFailedError: It ended with an error; the end of its log is in the message.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    report, log = scratch / "cost.json", scratch / "log"
    command = [sys.executable, "-m", "bench.meter", str(report), *arguments]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "PYSPARK_PYTHON": sys.executable, **environment}
    with log.open("wb") as out:
        done = subprocess.run(
            command, check=False, cwd=ROOT, stdout=subprocess.PIPE, stderr=out, text=True, env=variables
        )
    if done.returncode:
        tail = "\n".join([*log.read_text(errors="replace").splitlines()[-TAIL:], *done.stdout.splitlines()[-5:]])
        raise PartFailedError(f"{' '.join(arguments)[:300]} ended with {done.returncode}. Its log ends:\n{tail}")
    return {**json.loads(report.read_text()), **json.loads(done.stdout.splitlines()[-1])}


@dataclass
class Work:
    """What a piece of work cost: `work_s` and `work_cpu_s`, once it is done."""

    told: dict[str, float] = field(default_factory=dict)


@contextmanager
def work() -> Iterator[Work]:
    """Measure the block, of this process and all below it: what imports and starts cost is left out.

    Raises:
        NoMeterError: This process was not started by a meter.
    """
    done = Work()
    cpu, began = _cpu_so_far(), time.perf_counter()
    yield done
    wall = time.perf_counter() - began
    done.told = {"work_s": round(wall, 3), "work_cpu_s": round(_cpu_so_far() - cpu, 2)}


def _cpu_so_far() -> float:
    if LINE not in os.environ:
        raise NoMeterError("This process was not started by bench.meter, which counts the CPU seconds: run it by that.")
    with socket.socket(fileno=os.dup(int(os.environ[LINE]))) as line:
        line.sendall(b"?")
        return float(line.recv(64))


class Family:
    """All processes below this one, which it adopts when they lose their parent."""

    def __init__(self) -> None:
        """Become the parent of orphans.

        Raises:
            OSError: The kernel has no such thing.
        """
        if ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "This kernel does not let a process adopt orphans; measure on Linux.")
        self.peak = self.looks = 0
        self._uncounted: dict[int, float] = {}
        self._lock = threading.Lock()

    def look(self) -> None:
        """Look at the memory of all, and at the CPU seconds of those that nobody counts."""
        members = _below()
        memory = sum(_memory(process) for process in members)
        with self._lock:
            self._note(members)
            self.peak, self.looks = max(self.peak, memory), self.looks + 1

    def cpu(self) -> float:
        """Return user and system seconds of all, of the living and of the ended."""
        with self._lock:
            members = _below()
            self._note(members)
            living = {process.pid for process in members}
            lost = sum(seconds for pid, seconds in self._uncounted.items() if pid not in living)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            return used.ru_utime + used.ru_stime + lost + sum(_cpu(process) for process in members)

    def end(self) -> None:
        """Wait for those that were left behind, and end those that do not go by themselves."""
        if not self._reap(time.monotonic() + ENDS_WITHIN):
            for process in _below():
                with suppress(*_GONE):
                    process.send_signal(signal.SIGKILL)
            self._reap(time.monotonic() + ENDS_WITHIN)

    def _note(self, members: Sequence[psutil.Process]) -> None:
        for process in members:
            with suppress(*_GONE):
                if _ignores_children(process.ppid()):
                    self._uncounted[process.pid] = max(_cpu(process), self._uncounted.get(process.pid, 0.0))

    def _reap(self, until: float) -> bool:
        """Wait for what was left behind; tell whether it is all gone."""
        while time.monotonic() < until:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid:
                with self._lock:
                    self._uncounted.pop(pid, None)  # counted after all
            else:
                time.sleep(0.05)
        return False


def _below() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _cpu(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])  # user, system, and those of children that it has waited for
    except _GONE:
        return 0.0


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    except _GONE:
        return 0


def _ignores_children(pid: int) -> bool:
    """Tell whether a process ignores SIGCHLD: then nobody waits for its children."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    ignored = next((int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:")), 0)
    return bool(ignored >> (signal.SIGCHLD - 1) & 1)


def _busy() -> float:
    """Return the seconds that all cores of this machine have worked since it started, for whomever."""
    times = psutil.cpu_times()
    return sum(times[:8]) - times.idle - getattr(times, "iowait", 0.0)


def _watch(family: Family, ended: threading.Event) -> None:
    pause = EVERY
    while not ended.wait(pause):
        began = time.thread_time()  # of this thread: on a busy machine a look takes long, and burdens nobody more
        family.look()
        pause = max(EVERY, BURDEN * (time.thread_time() - began))


def _answer(family: Family, line: socket.socket) -> None:
    while line.recv(1):
        line.sendall(f"{family.cpu():.3f}".encode())


def main(report: str, *command: str) -> int:
    """Run the command, write what it cost, and return its exit status."""
    family, ended = Family(), threading.Event()
    ours, theirs = socket.socketpair()
    watching = threading.Thread(target=_watch, args=(family, ended), daemon=True)
    threading.Thread(target=_answer, args=(family, ours), daemon=True).start()
    busy, began = _busy(), time.perf_counter()
    watching.start()
    process = subprocess.Popen(command, env={**os.environ, LINE: str(theirs.fileno())}, pass_fds=[theirs.fileno()])
    process.wait()
    family.end()
    wall = time.perf_counter() - began
    ended.set()
    watching.join()
    cpu = family.cpu()
    cost = {
        "wall_s": round(wall, 3), "cpu_s": round(cpu, 2), "peak_mib": round(family.peak / 2**20),
        "looks": family.looks, "others_cpu_s": round(max(_busy() - busy - cpu, 0.0), 1),
    }  # fmt: skip
    Path(report).write_text(json.dumps(cost) + "\n")
    return process.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
