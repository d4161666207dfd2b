"""One key, one pace: processes that ask at once stay together within the plan's limit, and none is ever refused."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from starlette.responses import JSONResponse

from services.jquants import KEY, serving
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, plans
from tosho.ingest.pace import WINDOW_MS, Pace
from tosho.ingest.sent import RequestsSent
from tosho.simulation.answers import ApiError
from tosho.simulation.limits import RateLimit
from tosho.simulation.server import create_app

ROOT = Path(__file__).parents[2]
SPEED = 6
"""How much faster than the day's the clocks of these processes go. All is as it is in a minute, in ten seconds."""

SPARE = 1.1
"""The server's minute is a little shorter, so that a machine which is busy elsewhere is not taken for haste."""

RATE, EACH = 12, 9
"""Requests a minute, and those of each process: together half as many again."""

CHILD = """
import sys, time
from pathlib import Path
from tosho.config import JQuants
from tosho.ingest import JQuantsClient
from tosho.ingest.pace import Pace
from tosho.ingest.sent import RequestsSent

url, key, home, rate, each, speed = sys.argv[1:]
speed = float(speed)
def now(): return time.monotonic() * speed
def sleep(seconds): time.sleep(seconds / speed)
with JQuantsClient(JQuants(url, key, "light"), per_minute=int(rate), sleep=sleep) as client:
    if home:
        client.pace = Pace(int(rate), "a test", sleep, now, RequestsSent(Path(home), client.account, now))
    else:
        client.pace = Pace(int(rate), "a test", sleep, now)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(int(each)):
        list(client.pages("/markets/calendar", **{"from": "2018-11-16", "to": "2018-11-16"}))
"""


class Limited:
    """The simulated service with its own limit switched on, which notes what it answers."""

    def __init__(self, app):
        self.app, self.limit, self.answers = app, RateLimit(RATE, lambda: time.monotonic() * SPEED * SPARE), Counter()

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self.limit.admit()
        except ApiError as refused:
            self.answers[refused.status] += 1
            await JSONResponse({"message": refused.message}, refused.status)(scope, receive, send)
            return
        self.answers[200] += 1
        await self.app(scope, receive, send)


@pytest.fixture
def service(market):
    limited = Limited(create_app(market, api_key=KEY, plan="light", rate_per_minute=None))
    with serving(limited) as limited.url:
        yield limited


def ask_at_once(url, home):
    command = [sys.executable, "-c", CHILD, f"{url}/v2", KEY, str(home), str(RATE), str(EACH), str(SPEED)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    runs = [subprocess.Popen(command, env=environment, text=True, **pipes) for _ in range(2)]
    assert [run.stdout.readline() for run in runs] == ["ready\n"] * 2
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    told = [run.communicate(timeout=300)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told


def test_two_processes_with_one_home_are_never_refused(service, tmp_path):
    ask_at_once(service.url, tmp_path)
    assert service.answers == {200: 2 * EACH}


def test_two_that_do_not_know_of_each_other_are(service):
    """What the file is for: without it the same two exceed the limit."""
    ask_at_once(service.url, "")
    assert service.answers[429]


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, at=1000.0):
        self.at = at

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


def pace_of(folder, clock, rate=5, account="one"):
    return Pace(rate, "plan test", clock.sleep, clock.now, RequestsSent(folder, account, clock.now))


def test_what_one_has_sent_another_waits_for(tmp_path):
    clock = Clock()
    one, other = pace_of(tmp_path, clock), pace_of(tmp_path, clock)
    for pace in (one, other, one, other, one):
        pace.wait(plans.BARS)
    assert clock.at == 1000.0
    other.wait(plans.BARS)
    assert clock.at > 1000.0 + WINDOW_MS / 1000


def test_statements_are_held_to_their_own_limit_together(tmp_path):
    clock = Clock()
    one, other = pace_of(tmp_path, clock, 500), pace_of(tmp_path, clock, 500)
    for _ in range(30):
        one.wait(plans.FINS)
        other.wait(plans.FINS_DETAILS)
    one.wait(plans.BARS)
    assert clock.at == 1000.0
    other.wait(plans.FINS)
    assert clock.at > 1060.0


def test_another_key_has_a_pace_of_its_own(tmp_path):
    clock = Clock()
    one, other = pace_of(tmp_path, clock), pace_of(tmp_path, clock, account="another")
    for _ in range(5):
        one.wait(plans.BARS)
        other.wait(plans.BARS)
    assert clock.at == 1000.0


def test_what_was_sent_before_the_machine_was_started_is_forgotten(tmp_path):
    for at in (9_000.0, 10.0):
        clock = Clock(at)
        pace = pace_of(tmp_path, clock)
        for _ in range(5):
            pace.wait(plans.BARS)
        assert clock.at == at


HOLD = """
import sys, time
from pathlib import Path
from tosho.ingest import plans
from tosho.ingest.pace import Pace
from tosho.ingest.sent import RequestsSent

sent = RequestsSent(Path(sys.argv[1]), "one")
pace = Pace(5, "a test", sent=sent)
for _ in range(3):
    pace.wait(plans.BARS)
with sent.alone():
    pace._buckets[5].conn.execute("BEGIN IMMEDIATE")
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_process_that_is_killed_holds_nobody_up_and_what_it_sent_counts(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE) as run:
        assert run.stdout.readline() == "held\n"
        run.send_signal(signal.SIGKILL)
    waited = []

    class EnoughError(Exception):
        pass

    def sleep(seconds):
        waited.append(seconds)
        raise EnoughError

    pace = Pace(5, "a test", sleep, sent=RequestsSent(tmp_path, "one"))
    pace.wait(plans.BARS)
    pace.wait(plans.BARS)
    with pytest.raises(EnoughError):
        pace.wait(plans.BARS)
    assert waited[0] > 1


def counted(home):
    [file] = Path(home, "jquants").glob("requests-*.sqlite")
    with sqlite3.connect(file) as read:
        return read.execute("SELECT COUNT(*) FROM of_5").fetchone()[0]


def test_clients_of_one_home_count_in_one_file_whose_name_is_not_the_key(tmp_path):
    far = JQuants("https://api.jquants.com/v2", KEY, "free")
    for _ in range(2):
        with JQuantsClient(far, home=str(tmp_path)) as client:
            client.pace.wait(plans.BARS)
    assert counted(tmp_path) == 2
    assert not list(Path(tmp_path).rglob(f"*{KEY}*"))


def test_where_there_is_no_limit_nothing_is_counted(tmp_path):
    with JQuantsClient(JQuants("http://127.0.0.1:1/v2", KEY, "free"), home=str(tmp_path)) as client:
        client.pace.wait(plans.BARS)
    assert list(tmp_path.iterdir()) == []
