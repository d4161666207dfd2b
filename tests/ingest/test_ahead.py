"""A history without files has several requests under way, from a server that is far away, and is what it was before."""

import asyncio
import threading
from datetime import date

import pytest

from services.jquants import FIRST, KEY, LAST, Tampering, serving
from tosho.calendar import sessions
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, ServiceUnavailableError, ingest_history, ingest_session, jquants, plans
from tosho.ingest.ahead import AHEAD
from tosho.ingest.pace import LOOK_UP_S, Pace, StoppedError
from tosho.simulation.faults import Faults, ServerError, TooManyRequests, Truncated, with_faults
from tosho.simulation.server import create_app

ALL = sessions(FIRST, LAST)[:9]
BARS = "/v2/equities/bars/daily"


def silent(stage, done, of):
    pass


class Far:
    """A server a few milliseconds away that notes who is under way, and may refuse the bars of a session."""

    def __init__(self, app):
        self.app, self.here, self.most, self.asked, self.spoilt = app, 0, 0, [], ""

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        query = scope["query_string"].decode()
        self.asked.append((scope["path"], query))
        self.here += 1
        self.most = max(self.most, self.here)
        await asyncio.sleep(0.01)
        if self.spoilt and scope["path"] == BARS and self.spoilt in query:
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body", "body": b""})
        else:
            await self.app(scope, receive, send)
        self.here -= 1

    def days(self, path):
        """The days that a path was asked about."""
        return sorted(date.fromisoformat(query[5:15]) for where, query in self.asked if where == path)


@pytest.fixture
def server(market):
    """The market without a list of files, so that a history goes session by session."""
    without = Tampering(create_app(market, api_key=KEY, plan="light", page_rows=1000, rate_per_minute=None))
    without.rows = lambda path, rows: [] if path == "/v2/bulk/list" else rows
    far = Far(without)
    with serving(far) as address:
        far.url = f"{address}/v2"
        yield far


@pytest.fixture
def near(server):
    with JQuantsClient(JQuants(server.url, KEY, "light"), sleep=lambda _: None, attempts=2) as client:
        yield client


def test_several_requests_are_under_way_and_no_more_than_there_are_lines(server, near, lake):
    ingest_history(FIRST, ALL[-1], lake, near, silent)
    assert 1 < server.most <= jquants.IN_FLIGHT


def test_no_more_than_the_plan_allows(server, lake, monkeypatch):
    monkeypatch.setattr(Pace, "limits", lambda *_: ())  # as if the minute had room for all
    with JQuantsClient(JQuants(server.url, KEY, "light"), per_minute=2) as client:
        ingest_history(FIRST, ALL[2], lake, client, silent)
    assert server.most == 2


def test_it_makes_the_data_of_sessions_taken_in_one_by_one(near, lake, other_lake, data_files):
    report = ingest_history(FIRST, ALL[-1], lake, near, silent)
    for session in ALL:
        ingest_session(session, other_lake, near)
    assert (report["published"], report["from_files"]) == (len(ALL), 0)
    assert data_files(lake) == data_files(other_lake)


def test_sessions_are_done_in_order_and_few_are_asked_about_before_their_turn(server, near, lake):
    told = []

    def note(stage, done, of):
        if " of " not in stage:  # of the tables that go together, bars among them
            told.append((date.fromisoformat(stage), server.days(BARS)[-1]))

    ingest_history(FIRST, ALL[-1], lake, near, note)
    assert [session for session, _ in told] == ALL
    assert all(asked <= ALL[min(place + AHEAD, len(ALL) - 1)] for place, (_, asked) in enumerate(told))
    assert any(asked > session for session, asked in told)


def test_a_question_that_two_sessions_have_is_asked_once(server, near, lake):
    ingest_history(FIRST, ALL[-1], lake, near, silent)
    statements = [query for path, query in server.asked if path == "/v2/fins/summary"]
    assert len(statements) == len(set(statements)) > len(ALL)


def test_faults_that_pass_leave_no_trace(market, near, lake, other_lake, data_files):
    ingest_history(FIRST, ALL[-1], other_lake, near, silent)
    app = create_app(market, api_key=KEY, plan="light", page_rows=1000, rate_per_minute=None)
    without = Tampering(app)
    without.rows = lambda path, rows: [] if path == "/v2/bulk/list" else rows
    faulty = with_faults(without, Faults(share=0.2, chance=(ServerError(), TooManyRequests(), Truncated()), seed=5))
    with serving(faulty) as url:
        client = JQuantsClient(JQuants(f"{url}/v2", KEY, "light"), sleep=lambda _: None, attempts=12)
        ingest_history(FIRST, ALL[-1], lake, client, silent)
        client.close()
    assert len(faulty.struck) > 10
    assert data_files(lake) == data_files(other_lake)


def test_a_session_that_fails_ends_it_when_its_turn_comes_and_it_goes_on_from_there(
    server, near, lake, other_lake, data_files
):
    server.spoilt = ALL[4].isoformat()
    with pytest.raises(ServiceUnavailableError, match=f"{plans.BARS}.*{ALL[4]}"):
        ingest_history(FIRST, ALL[-1], lake, near, silent)
    assert lake.sessions("bars") == ALL[:4]
    server.spoilt = ""
    ingest_history(FIRST, ALL[-1], lake, near, silent)
    ingest_history(FIRST, ALL[-1], other_lake, near, silent)
    assert data_files(lake) == data_files(other_lake)


def test_who_interrupts_it_leaves_nobody_asking_and_nothing_half_done(server, near, lake, other_lake, data_files):
    def interrupt(stage, done, of):
        if stage == ALL[2].isoformat():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest_history(FIRST, ALL[-1], lake, near, interrupt)
    asked = len(server.asked)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]
    assert server.here == 0
    assert server.days(BARS)[-1] <= ALL[2 + AHEAD]
    assert lake.sessions("bars") == ALL[:3]
    assert len(server.asked) == asked
    ingest_history(FIRST, ALL[-1], lake, near, silent)
    ingest_history(FIRST, ALL[-1], other_lake, near, silent)
    assert data_files(lake) == data_files(other_lake)


def test_a_wait_for_the_pace_ends_when_nobody_wants_it_any_more():
    over, slept = threading.Event(), []

    def sleep(seconds):
        slept.append(seconds)
        over.set()

    pace = Pace(1, "plan test", sleep, lambda: 0.0).until(over)
    pace.wait(plans.BARS)
    with pytest.raises(StoppedError):
        pace.wait(plans.BARS)
    assert slept == [LOOK_UP_S]


def test_those_who_ask_ahead_count_in_the_same_minute():
    pace = Pace(2, "plan test", lambda _: pytest.fail("it had to wait"), lambda: 0.0)
    pace.until(threading.Event()).wait(plans.BARS)
    pace.wait(plans.BARS)
    with pytest.raises(pytest.fail.Exception, match="had to wait"):
        pace.wait(plans.BARS)
