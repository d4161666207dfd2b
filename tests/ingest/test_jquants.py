"""The client against servers that misbehave, over real connections."""

import contextlib
import gzip
import http.server
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.jquants import KEY, free_port, serving
from tosho.config import JQuants
from tosho.ingest import (
    AccessRefusedError,
    JQuantsClient,
    KeyRefusedError,
    NotYetPublishedError,
    PayloadError,
    PlanTooSmallError,
    RequestRefusedError,
    ServiceUnavailableError,
    jquants,
    plans,
)
from tosho.ingest.line import Limits

QUERY = {"date": "2018-11-16"}
GOOD = b'{"data":[{"Code":"13010"}]}'


@pytest.fixture
def scripted(waits):
    """Return a client of a server that gives the answers of a list, one after another, then the last for ever."""
    running, seen = [], []

    def start(*answers, **options):
        left = list(answers)

        def answer(request):
            seen.append(request)
            status, body, headers = left.pop(0) if len(left) > 1 else left[0]
            return Response(body, status, headers)

        context = serving(Starlette(routes=[Route("/v2/{path:path}", answer)]))
        running.append(context)
        client = JQuantsClient(JQuants(f"{context.__enter__()}/v2", KEY, "light"), sleep=waits.append, **options)
        client.seen = seen
        return client

    yield start
    for context in running:
        context.__exit__(None, None, None)


def ok(body=GOOD):
    return 200, body, {}


def refused(status, message, **headers):
    return status, JSONResponse({"message": message}).body, headers


def ask(client):
    with client:
        return [row for page in client.pages(plans.BARS, **QUERY) for row in page.rows.to_dicts()]


def test_every_page_is_asked_with_the_same_question(client, tampering):
    pages = list(client.pages(plans.BARS, **QUERY))
    asked = [query.split("&pagination_key=")[0] for path, query in tampering.asked]
    assert [page.rows.height for page in pages] == [4, 1]
    assert asked == ["date=2018-11-16"] * 2


def test_a_wrong_key_is_told_as_such_and_not_repeated(url):
    with JQuantsClient(JQuants(url, "a-wrong-key", "light")) as client, pytest.raises(KeyRefusedError) as caught:
        list(client.pages(plans.BARS, **QUERY))
    assert "TOSHO_JQUANTS_API_KEY" in str(caught.value)
    assert "a-wrong-key" not in str(caught.value)


def test_the_key_is_in_no_log_and_no_repr(client, url, caplog):
    caplog.set_level(logging.DEBUG, logger="tosho")
    caplog.set_level(logging.DEBUG, logger="httpx")
    client.probe()
    assert KEY not in caplog.text + repr(client) + repr(JQuants(url, KEY, "light"))


def test_an_endpoint_outside_the_plan(free_client):
    with pytest.raises(PlanTooSmallError, match="plan 'free'"):
        list(free_client.pages(plans.TOPIX))


def test_dates_outside_the_plan(client):
    with pytest.raises(PlanTooSmallError, match="covers the following dates"):
        list(client.pages(plans.BARS, date="2010-01-04"))


def test_a_403_that_could_be_anything_says_so(scripted):
    with pytest.raises(AccessRefusedError, match="answers all three alike"):
        ask(scripted(refused(403, "Forbidden")))


def test_wrong_parameters(client):
    with pytest.raises(RequestRefusedError, match="requires at least 1 parameter"):
        list(client.pages(plans.BARS))


def test_status_210_means_not_yet(scripted):
    with pytest.raises(NotYetPublishedError):
        ask(scripted((210, b"", {})))


def test_500_then_ok(scripted, waits):
    assert ask(scripted(refused(500, "Unexpected error."), (503, b"<html>", {}), ok())) == [{"Code": "13010"}]
    assert len(waits) == 2
    assert waits[0] >= 1
    assert waits[1] >= 2


def test_429_waits_as_long_as_told(scripted, waits):
    assert ask(scripted(refused(429, "Too many", **{"Retry-After": "17"}), ok()))
    assert 17 <= waits[0] <= 22


def test_429_without_a_word_waits_a_minute(scripted, waits):
    assert ask(scripted(refused(429, "Too many"), ok()))
    assert 60 <= waits[0] <= 67


@pytest.mark.parametrize(("status", "told"), [(429, {"Retry-After": "17"}), (429, {}), (503, {})])
def test_two_who_are_turned_away_together_do_not_come_back_together(scripted, waits, status, told):
    for _ in range(2):
        assert ask(scripted(refused(status, "Busy", **told), ok()))
    assert len(set(waits)) == 2


def test_a_service_that_stays_away(scripted, waits):
    with pytest.raises(ServiceUnavailableError, match=r"in 6 attempts; the last: .*failed there \(500\)"):
        ask(scripted(refused(500, "Unexpected error.")))
    assert len(waits) == 5


def test_nobody_at_the_address(waits):
    client = JQuantsClient(JQuants(f"http://127.0.0.1:{free_port()}/v2", KEY), sleep=waits.append, attempts=2)
    with pytest.raises(ServiceUnavailableError, match="did not answer"):
        ask(client)


@pytest.mark.parametrize(
    "body", [GOOD[:-9], b"", b"<html>", b'{"message":"?"}', b'{"data":{}}', b'{"data":[1]}', b"[]"]
)
def test_an_answer_that_cannot_be_read(scripted, body):
    with pytest.raises(PayloadError, match=r"/equities/bars/daily"):
        ask(scripted(ok(body), attempts=2))


def test_a_truncated_answer_is_asked_for_again(scripted):
    assert ask(scripted(ok(GOOD[:-9]), ok())) == [{"Code": "13010"}]


def test_pages_without_end_are_noticed(scripted):
    endless = ok(b'{"data":[{"Code":"13010"}],"pagination_key":"again"}')
    with pytest.raises(PayloadError, match="never end"):
        ask(scripted(endless))


def test_numbers_arrive_as_they_were_written(scripted):
    sent = b'{"data":[{"a":0.1,"b":"0.1","c":null,"d":12345678901234567890,"e":true}]}'
    assert ask(scripted(ok(sent))) == [{"a": "0.1", "b": "0.1", "c": None, "d": "12345678901234567890", "e": "true"}]


def test_a_file_is_fetched_without_the_key(waits):
    headers = []

    def get(request):
        return JSONResponse({"url": str(request.url_for("file"))})

    def file(request):
        headers.append(dict(request.headers))
        return Response(gzip.compress(b"Code\n13010\n"))

    app = Starlette(routes=[Route("/v2/bulk/get", get), Route("/file", file, name="file")])
    with serving(app) as url, JQuantsClient(JQuants(f"{url}/v2", KEY), sleep=waits.append) as client:
        assert client.download("a/key") == b"Code\n13010\n"
    assert "x-api-key" not in headers[0]


def test_a_file_that_was_cut_short(waits):
    whole = gzip.compress(b"Code\n" + b"13010\n" * 999)

    def get(request):
        return JSONResponse({"url": str(request.url_for("file"))})

    app = Starlette(routes=[
        Route("/v2/bulk/get", get), Route("/file", lambda _: Response(whole[:-20]), name="file"),
    ])  # fmt: skip
    with serving(app) as url, pytest.raises(PayloadError, match="no complete gzip file"):
        JQuantsClient(JQuants(f"{url}/v2", KEY), sleep=waits.append, attempts=2).download("a/key")


@contextlib.contextmanager
def elsewhen(moment, *answers):
    """Serve answers one after another, then the last for ever, from a machine whose clock stands at a moment."""
    left = list(answers)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, body, headers = left.pop(0) if len(left) > 1 else left[0]
            self.send_response_only(status)
            sent = {"Date": format_datetime(moment, usegmt=True), "Content-Length": str(len(body))} | headers
            for name, value in sent.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield JQuants(f"http://127.0.0.1:{server.server_port}/v2", KEY)
        server.shutdown()
        thread.join()


def test_a_date_in_retry_after_counts_by_the_servers_clock(waits):
    there = datetime(2001, 1, 1, tzinfo=UTC)
    until = format_datetime(there + timedelta(seconds=90), usegmt=True)
    with elsewhen(there, refused(503, "Busy", **{"Retry-After": until}), ok()) as settings:
        assert ask(JQuantsClient(settings, sleep=waits.append))
    assert 90 <= waits[0] <= 95


@pytest.mark.parametrize("told", ["soon", "-5", "", "9" * 400, "Mon, 99 Foo 2001 00:00:00 GMT"])
def test_a_retry_after_that_means_nothing_is_no_fault(scripted, waits, told):
    assert ask(scripted(refused(429, "Too many", **{"Retry-After": told}), ok()))
    assert 1 <= waits[0] <= 305


def test_a_block_of_five_minutes_is_survived(scripted, waits):
    assert ask(scripted(*[refused(429, "Too many")] * 3, ok()))
    assert sum(waits) > 5 * 60


def test_a_block_without_end_is_not(scripted, waits):
    with pytest.raises(ServiceUnavailableError, match=r"asked too often \(429\)"):
        ask(scripted(refused(429, "Too many")))
    assert 6 * 60 < sum(waits) < 15 * 60


def test_being_told_off_does_not_use_up_the_attempts(scripted):
    answers = [refused(429, "Too many"), refused(500, "?"), refused(429, "Too many"), refused(500, "?")]
    assert ask(scripted(*answers, ok(), attempts=3))


def test_a_page_of_the_network_in_place_of_an_answer(scripted, waits):
    portal = (200, b"<html>Log in</html>", {"Content-Type": "text/html; charset=utf-8"})
    assert ask(scripted(portal, ok()))
    with pytest.raises(PayloadError, match="may have answered in its place"):
        ask(scripted(portal, attempts=2))
    with pytest.raises(PayloadError, match="status 302"):
        ask(scripted((302, b"", {"Location": "/login"}), attempts=2))


def test_a_path_that_is_none(scripted):
    with pytest.raises(AccessRefusedError, match="no such path"):
        ask(scripted(refused(404, "Not Found")))


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"data":[{"a":' + b"[" * 100_000, b'{"data":[{"a":"\xff"}]}', b'{"data":[{}]}', b"\x1f\x8b"],
)
def test_bytes_that_are_meant_to_hurt(scripted, body):
    with pytest.raises(PayloadError, match=r"/equities/bars/daily"):
        ask(scripted(ok(body), attempts=2))


def test_an_answer_that_is_packed_wrongly(scripted):
    packed = (200, b"no gzip at all", {"Content-Encoding": "gzip"})
    assert ask(scripted(packed, ok()))


def test_an_answer_larger_than_is_believed(scripted):
    with pytest.raises(ServiceUnavailableError, match="more than the 1,000 bytes"):
        ask(scripted(ok(b" " * 2_000 + GOOD), attempts=2, page_limits=Limits(60.0, 1_000)))


def page(n, key):
    return ok(b'{"data":[{"Code":"%d"}],"pagination_key":"%s"}' % (n, key))


def test_a_fault_on_a_later_page_asks_for_that_page_only(scripted):
    client = scripted(page(1, b"a"), page(2, b"b"), refused(500, "?"), ok(b"{"), page(3, b""))
    assert [row["Code"] for row in ask(client)] == ["1", "2", "3"]
    keys = [request.query_params.get("pagination_key") for request in client.seen]
    assert keys == [None, "a", "b", "b", "b"]
    assert {request.query_params["date"] for request in client.seen} == {QUERY["date"]}


def test_a_page_that_comes_twice_is_asked_for_again(scripted):
    assert [row["Code"] for row in ask(scripted(page(1, b"a"), page(1, b"b"), page(2, b"")))] == ["1", "2"]


def test_a_page_that_always_comes_twice_is_refused(scripted):
    with pytest.raises(PayloadError, match="the rows of an earlier page once more"):
        ask(scripted(page(1, b"a"), page(1, b"b"), attempts=3))


def test_pages_that_lead_back_are_refused(scripted):
    with pytest.raises(PayloadError, match="was there before"):
        ask(scripted(page(1, b"a"), page(2, b"b"), page(3, b"a"), attempts=2))


def test_empty_pages_between_others_are_no_repetition(scripted):
    def empty(key):
        return ok(b'{"data":[],"pagination_key":"%s"}' % key)

    assert [row["Code"] for row in ask(scripted(empty(b"a"), empty(b"b"), page(1, b"c"), empty(b"")))] == ["1"]


def test_more_pages_than_any_question_has(scripted, monkeypatch):
    monkeypatch.setattr(jquants, "MOST_PAGES", 3)
    with pytest.raises(PayloadError, match="more than 3 pages"):
        ask(scripted(*(page(n, b"%d" % n) for n in range(9))))


def test_a_clock_that_differs_is_told_once(caplog):
    behind = datetime.now(UTC) - timedelta(minutes=6)
    with elsewhen(behind, ok()) as settings, JQuantsClient(settings) as client:
        assert ask_once(client) == ask_once(client)
    told = [message for message in caplog.messages if "clock" in message]
    assert len(told) == 1
    assert behind.isoformat(timespec="seconds") in told[0]


@pytest.mark.parametrize("headers", [{}, {"Date": "no date"}])
def test_a_clock_that_agrees_or_says_nothing_is_not_told(caplog, headers):
    status, body, _ = ok()
    with elsewhen(datetime.now(UTC), (status, body, headers)) as settings, JQuantsClient(settings) as client:
        assert ask_once(client)
    assert not caplog.messages


class Dripping:
    """Sends a byte now and then and never ends; the headers too, where told."""

    def __init__(self, *, headers):
        self.headers, self.stop = headers, threading.Event()

    def __enter__(self):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/v2"

    def __exit__(self, *_):
        self.stop.set()
        self.listening.close()
        self.thread.join(10)

    def serve(self):
        while not self.stop.is_set():
            try:
                caller, _ = self.listening.accept()
            except OSError:
                return
            with caller, contextlib.suppress(OSError):
                caller.sendall(b"HTTP/1.1 200 OK\r\n" + (b"" if self.headers else b"\r\n"))
                while not self.stop.wait(0.02):
                    caller.sendall(b"a")


@pytest.mark.parametrize("headers", [True, False])
def test_a_drip_that_never_ends_is_given_up(waits, headers):
    with Dripping(headers=headers) as url:
        client = JQuantsClient(
            JQuants(url, KEY), sleep=waits.append, attempts=2, page_limits=Limits(seconds=0.3, size=1 << 20)
        )
        with pytest.raises(ServiceUnavailableError, match="had not finished its answer"):
            ask(client)
    assert len(waits) == 1


def test_no_more_requests_are_in_flight_than_allowed(waits):
    here, most, lock = 0, [], threading.Lock()

    def answer(_):
        nonlocal here
        with lock:
            here += 1
            most.append(here)
        time.sleep(0.02)
        with lock:
            here -= 1
        return Response(GOOD)

    with serving(Starlette(routes=[Route("/v2/{path:path}", answer)])) as url:
        client = JQuantsClient(JQuants(f"{url}/v2", KEY), sleep=waits.append)
        with client, ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda _: list(client.pages(plans.BARS, **QUERY)), range(30)))
    assert 1 < max(most) <= jquants.IN_FLIGHT
    assert len(most) == 30


def test_threads_hold_back_while_one_has_been_told_off():
    log, refuse = [], [True]

    def answer(_):
        if refuse:
            refuse.clear()
            log.append("refused")
            return JSONResponse({"message": "Too many"}, 429)
        log.append("answered")
        return Response(GOOD)

    waiting, go_on = threading.Event(), threading.Event()

    def sleep(_):
        waiting.set()
        go_on.wait(10)
        log.append("waited")

    with serving(Starlette(routes=[Route("/v2/{path:path}", answer)])) as url:
        client = JQuantsClient(JQuants(f"{url}/v2", KEY), sleep=sleep)
        with client, ThreadPoolExecutor(4) as pool:
            first = pool.submit(ask_once, client)
            waiting.wait(10)
            others = [pool.submit(ask_once, client) for _ in range(3)]
            time.sleep(0.2)  # in which they would have been answered
            held_back = log == ["refused"]
            go_on.set()
            assert all(one.result(10) for one in (first, *others))
    assert held_back
    assert log == ["refused", "waited", *["answered"] * 4]


def ask_once(client):
    return [row for page in client.pages(plans.BARS, **QUERY) for row in page.rows.to_dicts()]


@pytest.mark.parametrize("url", ["no address", "ftp://example.invalid/x", "http://[bad", "http://h:99999/", 5, ""])
def test_an_address_of_a_file_that_is_none(waits, url):
    app = Starlette(routes=[Route("/v2/bulk/get", lambda _: JSONResponse({"url": url}))])
    with serving(app) as there, pytest.raises((PayloadError, ServiceUnavailableError)):
        JQuantsClient(JQuants(f"{there}/v2", KEY), sleep=waits.append, attempts=2).download("a/key")


def test_an_expired_address_is_asked_for_anew(waits):
    asked = []

    def get(request):
        asked.append(request)
        return JSONResponse({"url": f"{request.base_url}file{len(asked)}"})

    app = Starlette(routes=[
        Route("/v2/bulk/get", get),
        Route("/file1", lambda _: Response("<Error>Request has expired</Error>", 403)),
        Route("/file2", lambda _: Response(gzip.compress(b"Code\n13010\n"))),
    ])  # fmt: skip
    with serving(app) as url, JQuantsClient(JQuants(f"{url}/v2", KEY), sleep=waits.append) as client:
        assert client.download("a/key") == b"Code\n13010\n"
    assert len(asked) == 2


def test_a_file_that_its_host_calls_packed_is_unpacked_once(waits):
    packed = Response(gzip.compress(b"Code\n13010\n"), headers={"Content-Encoding": "gzip"})
    app = Starlette(routes=[
        Route("/v2/bulk/get", lambda request: JSONResponse({"url": f"{request.base_url}file"})),
        Route("/file", lambda _: packed),
    ])  # fmt: skip
    with serving(app) as url, JQuantsClient(JQuants(f"{url}/v2", KEY), sleep=waits.append) as client:
        assert client.download("a/key") == b"Code\n13010\n"


def test_a_server_that_repeats_the_key_back_does_not_get_it_into_the_log(scripted):
    with pytest.raises(AccessRefusedError) as caught:
        ask(scripted(refused(403, f"Who is {KEY}?")))
    assert KEY not in str(caught.value)
