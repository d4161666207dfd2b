"""Never more requests in a minute than a plan allows, whoever asks."""

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from services.jquants import KEY
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, plans
from tosho.ingest.pace import WINDOW_MS, Pace

WINDOW = WINDOW_MS / 1000


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now, self.lock = 1000.0, Lock()

    def sleep(self, seconds):
        with self.lock:
            self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def sent(pace, clock, endpoints, between=0.0):
    moments = []
    for endpoint in endpoints:
        pace.wait(endpoint)
        moments.append(clock.now)
        clock.now += between
    return moments


def most_in_a_window(moments):
    return max(sum(end - WINDOW < moment <= end for moment in moments) for end in moments)


def test_a_burst_then_the_rest_of_the_minute(clock):
    moments = sent(Pace(3, "plan test", clock.sleep, lambda: clock.now), clock, [plans.BARS] * 7, between=1.0)
    assert [round(moment - 1000, 1) for moment in moments] == [0, 1, 2, 60.5, 61.5, 62.5, 121.0]


@pytest.mark.parametrize("limit", [1, 5, 60])
def test_no_window_of_a_minute_holds_more(clock, limit):
    moments = sent(Pace(limit, "plan test", clock.sleep, lambda: clock.now), clock, [plans.BARS] * 5 * limit, 0.7)
    assert most_in_a_window(moments) == limit


def test_statements_are_held_to_their_own_limit_and_to_all(clock):
    pace = Pace(500, "plan premium", clock.sleep, lambda: clock.now)
    moments = sent(pace, clock, [plans.FINS, plans.FINS_DETAILS, plans.BARS] * 100)
    statements = [moment for n, moment in enumerate(moments) if n % 3 != 2]
    assert most_in_a_window(statements) == 60
    assert sent(pace, clock, [plans.BARS])  # there is room for others, where statements have none


def test_statements_do_not_come_on_top_of_all(clock):
    pace = Pace(60, "plan light", clock.sleep, lambda: clock.now)
    assert most_in_a_window(sent(pace, clock, [plans.FINS, plans.BARS] * 100)) == 60


def test_threads_share_the_minute(clock):
    pace, moments = Pace(10, "plan test", clock.sleep, lambda: clock.now), []

    def ask(_):
        pace.wait(plans.BARS)
        moments.append(clock.now)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(35)))
    assert len(moments) == 35
    assert clock.now >= 1000 + 3 * WINDOW


def test_no_limit_never_waits(clock):
    sent(Pace(None, "a test", clock.sleep, lambda: clock.now), clock, [plans.FINS] * 1000)
    assert clock.now == 1000.0


def test_a_long_wait_is_told_once(clock, caplog):
    caplog.set_level(logging.INFO, logger="tosho.ingest.pace")
    sent(Pace(2, "plan light", clock.sleep, lambda: clock.now), clock, [plans.BARS] * 3, between=9.0)
    assert caplog.messages == ["waiting 43 s for /equities/bars/daily: plan light allows 2 a minute"]


def test_a_short_wait_is_not_told(clock, caplog):
    caplog.set_level(logging.INFO, logger="tosho.ingest.pace")
    sent(Pace(2, "plan light", clock.sleep, lambda: clock.now), clock, [plans.BARS] * 3, between=28.0)
    assert not caplog.messages


def test_the_pace_is_the_plans_except_on_this_machine():
    far, near = JQuants("https://api.jquants.com/v2", KEY, "free"), JQuants("http://127.0.0.1:1/v2", KEY, "free")
    assert JQuantsClient(far).pace.limits(plans.BARS) == (5,)
    assert JQuantsClient(near).pace.limits(plans.BARS) == ()
    premium = JQuantsClient(JQuants(plan="premium")).pace
    assert (premium.limits(plans.BARS), premium.limits(plans.FINS_DETAILS)) == ((500,), (500, 60))
