"""The whole suite, its groups beside each other, one pytest each: what `make test` runs.

Groups share no port and no folder: services take free ports, files lie in each test's own folder, and Docker data in a
folder that one daemon locks. Each group writes a log; here stands how far they are, each failure when it happens, and
at the end each group's own summary. Ctrl-C reaches every group once, so that each ends what it started.
"""

import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LOGS = PROJECT / ".tosho" / "test-logs"
GROUPS = {
    "chain": ["tests/e2e/test_chain.py"],
    "containers": ["tests/containers"],
    "services": ["tests/e2e/test_real_market.py", "tests/jobs", "tests/parity"],
    "models": ["tests/dataset", "tests/evaluation", "tests/models", "tests/steps"],
    "data": ["tests/ingest", "tests/quality", "tests/simulation"],
}
"""Long tests that wait for what they start, those that train, and those of data as it comes in, so that none is alone
on the machine in the end. All others, new ones among them, are group `rest`.

`containers` is short and by itself: it leaves its Docker data, with the image built, to the last tests of `chain`.
"""

INTERRUPTED = 130
TOLD_EVERY = 20  # seconds
ENDS_WITHIN = 180  # seconds: a scheduler, a Docker daemon and a Spark cluster may be running
_DONE = re.compile(r"^(\S.*?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)\b.*\[ *(\d+)/(\d+)\]$", re.MULTILINE)
_HEADING = re.compile(r"^=+ .* =+$", re.MULTILINE)


class Group:
    """One pytest process at work on some of the tests."""

    def __init__(self, name, arguments, logs):
        self.name, self.log, self._failures = name, logs / f"{name}.log", 0
        own = ["-vv", "-o", "console_output_style=count", "-o", f"cache_dir=.pytest_cache/{name}"]
        # An end of this process by kill -9 reaches the group as Ctrl-C would.
        command = ["setpriv", "--pdeathsig", "INT", sys.executable, "-m", "pytest", *own, *arguments]
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )

    def progress(self):
        """Return how many tests are done, of how many."""
        done = _DONE.findall(self._text())
        return f"{self.name} {done[-1][2]}/{done[-1][3]}" if done else f"{self.name} 0"

    def new_failures(self):
        """Return the failures that were not told yet."""
        failures = [f"{what} {test}" for test, what, *_ in _DONE.findall(self._text()) if what in ("FAILED", "ERROR")]
        told, self._failures = self._failures, len(failures)
        return failures[told:]

    def summary(self):
        """Return what pytest said after the last test: failures in full, the slowest tests, the counts."""
        text = self._text()
        headings = [heading.start() for heading in _HEADING.finditer(text)]
        return text[headings[1] if len(headings) > 1 else 0 :].rstrip()  # the first one opens the log

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def end(self):
        """Wait for an interrupted group to end what it started; force it in the end."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDS_WITHIN)
        self.process.kill()
        self.process.wait()

    def _text(self):
        return self.log.read_text(errors="replace")


def whole_suite():
    """Return the arguments of each group: together they hold every test once."""
    taken = [path for paths in GROUPS.values() for path in paths]
    return {**GROUPS, "rest": ["tests", *(f"--ignore={path}" for path in taken)]}


def run(suite, logs=LOGS):
    """Run groups beside each other and return 0 when all passed, else 1, or 130 after Ctrl-C."""
    logs.mkdir(parents=True, exist_ok=True)
    began, groups = time.monotonic(), []
    try:
        for name, arguments in suite.items():
            groups.append(Group(name, arguments, logs))
        _follow(groups, began)
    except KeyboardInterrupt:
        say("Interrupted: each group ends what it started.")
        for group in groups:
            group.interrupt()
        for group in groups:
            group.end()
        return INTERRUPTED
    for group in groups:
        say(f"\n{group.name}, exit status {group.process.returncode}, {group.log}\n{group.summary()}")
    say(f"\nAll groups together took {_clock(began)}.")
    return int(any(group.process.returncode for group in groups))


def heed_signals():
    """Make an end by either signal an interrupt; in a shell's background job the first would be ignored."""
    for ends in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ends, signal.default_int_handler)


def _follow(groups, began):
    told = began
    while any(group.process.poll() is None for group in groups):
        time.sleep(1)
        for failure in (failure for group in groups for failure in group.new_failures()):
            say(f"{_clock(began)}  {failure}")
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            say(f"{_clock(began)}  {'   '.join(group.progress() for group in groups)}")


def _clock(began):
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    return f"{minutes:3d}:{seconds:02d}"


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    heed_signals()
    sys.exit(run(whole_suite()))
