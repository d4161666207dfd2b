"""The client against servers that misbehave, over real connections."""

import gzip
import logging

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
    plans,
)

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
