"""Processes of the local installation, each known by its PID and start time, so that only ours are ever ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tosho.local.environment import write_whole
from tosho.local.interrupts import ENDING
from tosho.observability.progress import VARIABLE as MARK


class ProcessDiedError(RuntimeError):
    """A process of the local installation ended before it was ready."""


@dataclass(frozen=True)
class Processes:
    """The processes recorded in `folder`, one JSON file each."""

    folder: Path

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start a process, unless it runs already with this command. What it prints is appended to `log`."""
        if self.running(name) and self._record(name).get("command") == list(command):
            return
        self.stop(name)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out, _uninterrupted():  # else an interrupt leaves a process that nobody knows
            process = subprocess.Popen(  # noqa: S603 - our own command lines
                command, env=dict(environment), stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True
            )
            born = psutil.Process(process.pid).create_time()
            record = {"pid": process.pid, "born": born, "log": str(log), "command": list(command)}
            write_whole(self.folder / f"{name}.json", json.dumps(record))

    def running(self, name: str) -> psutil.Process | None:
        """Return a recorded process that is alive and still the one that was started."""
        record = self._record(name)
        if not record:
            return None
        try:
            process = psutil.Process(int(record["pid"]))
            same = abs(process.create_time() - float(record["born"])) < 1
            return process if same and _lives(process) else None
        except psutil.NoSuchProcess:
            return None

    def wait(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until `ready()`.

        Raises:
            ProcessDiedError: The process ended, or was not ready in time; the end of its log is in the message.
        """
        until = time.monotonic() + seconds
        while not ready():
            if not self.running(name) or time.monotonic() > until:
                raise ProcessDiedError(
                    f"The process {name!r} was not ready within {seconds:.0f} s. Its log ends:\n{self._tail(name)}"
                )
            time.sleep(0.3)

    def names(self) -> list[str]:
        """Return the names of the recorded processes."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def stop(self, name: str) -> None:
        """End a process and all its children: asked first, forced after ten seconds."""
        self._end([name])

    def stop_all(self) -> list[str]:
        """End every recorded process, and what they left behind, and return the names of those that ran."""
        with _uninterrupted():
            ran = [name for name in self.names() if self.running(name)]
            self._end(self.names())
            self._sweep()
        return ran

    def _end(self, names: Sequence[str]) -> None:
        """End families at once: a server takes its time while others still hold connections to it."""
        members = [member for name in names for member in self._family(name)]  # a parent first: it starts no new child
        for member in members:
            _quietly(member.terminate)
        alive = _alive_after(10, members)
        for member in alive:
            _quietly(member.kill)
        _alive_after(5, alive)
        for name in names:
            (self.folder / f"{name}.json").unlink(missing_ok=True)

    def _sweep(self) -> None:
        """End processes that carry this installation's mark and whose parents are gone: a killed task's job."""
        others = (process for process in psutil.process_iter() if process.pid != os.getpid())
        left = [process for process in others if _environment(process).get(MARK) == str(self.mark)]
        for process in left:
            _quietly(process.kill)
        _alive_after(5, left)

    @property
    def mark(self) -> Path:
        """The value of MARK in the environment of every process of this installation."""
        return self.folder.parent / "progress.json"

    def memory(self) -> int:
        """Return the bytes that all recorded processes and their children hold (proportional set size)."""
        return sum(_memory(member) for name in self.names() for member in self._family(name))

    def _family(self, name: str) -> list[psutil.Process]:
        """Return a process, its children and theirs, and what a killed one has left: members of its session."""
        record, process = self._record(name), self.running(name)
        if not record or (process is None and _lives_as(int(record["pid"]))):  # the PID has become somebody else's
            return []
        python = Path(record["command"][0]).resolve()  # a title may have hidden the mark in their environment
        session = [each for each in psutil.process_iter() if _of_session(each, int(record["pid"]), python)]
        return list(dict.fromkeys([*(_with_children(process) if process else []), *session]))

    def _record(self, name: str) -> dict[str, Any]:
        path = self.folder / f"{name}.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def _tail(self, name: str) -> str:
        log = Path(self._record(name).get("log", "/nonexistent"))
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else "(no log)"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C and its like back for a moment; they come when the block is done.

    A terminal that is closed hangs up more than once: the kernel does, and the shell.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {number: signal.signal(number, lambda number, _: held.append(number)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if held:
        signal.raise_signal(held[0])


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return {}


def _quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except psutil.NoSuchProcess:
        return  # it went by itself, which is what was wanted


def _alive_after(seconds: float, members: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Wait until processes have ended, and return those that have not.

    A zombie has: where the first process of a container takes no orphan's status, it stays.
    """
    until = time.monotonic() + seconds
    while (alive := [member for member in members if _lives(member)]) and time.monotonic() < until:
        time.sleep(0.05)
    psutil.wait_procs(members, timeout=0)  # takes the status of those that are this process's own children
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _lives_as(pid: int) -> bool:
    try:
        return _lives(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def _with_children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _of_session(process: psutil.Process, leader: int, program: Path) -> bool:
    try:
        return os.getsid(process.pid) == leader and Path(process.exe()) == program
    except (OSError, psutil.Error):  # it has ended, or is somebody else's
        return False


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))  # shared pages counted once
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
