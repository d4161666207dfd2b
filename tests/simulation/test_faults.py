"""What each fault sends: asked without HTTP, so that the answer is seen as it leaves."""

import asyncio
import gzip
import json
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from typer.testing import CliRunner

from services.jquants import KEY, write_market
from tosho.commands.simulate import app as command
from tosho.simulation.faults import (
    BrokenCompression,
    ClockSkew,
    ColumnGone,
    ColumnNull,
    ColumnUnknown,
    EmptyDay,
    Faults,
    LateCorrection,
    RepeatedPage,
    Republished,
    Request,
    RowsTwice,
    ServerError,
    SlowDrip,
    TimeOut,
    TooManyRequests,
    Truncated,
    TypesChanged,
    When,
    WrongContentType,
    skewed,
    transient,
    with_faults,
)

ROW = {"Date": "2018-11-16", "Code": "13010", "C": 1.5, "UL": "0", "S33": "0050", "Note": None, "Name": ""}
PAGES = {"": "two", "two": "three", "three": ""}


def page(request):
    if "wrong" in request.query_params:
        return JSONResponse({"message": "no"}, 400)
    here = request.query_params.get("pagination_key", "")
    more = {"pagination_key": PAGES[here]} if PAGES[here] else {}
    return JSONResponse({"data": [ROW | {"Page": here}], **more})


def listed(request):
    return JSONResponse({"data": [{"Key": "a", "LastModified": "2018-12-01T00:00:00Z"}]})


def file(request):
    return Response(gzip.compress(b"Date,C\n2018-11-15,1\n2018-11-16,2\n"), media_type="application/gzip")


HONEST = Starlette(routes=[
    Route("/v2/rows", page), Route("/v2/bulk/list", listed), Route("/bulk-files/{key:path}", file)])  # fmt: skip


def ask(app, *addresses):
    """Return the answers to some questions, put one after another."""

    async def all_of_them():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulated") as client:
            return [await client.get(address) for address in addresses]

    return asyncio.run(all_of_them())


def spoiled(fault, address="/v2/rows", times=1, **when):
    return ask(with_faults(HONEST, Faults([(When(address.partition("?")[0], **when), fault)])), *[address] * times)[-1]


def rows(answer):
    return answer.json()["data"]


def test_without_faults_the_app_answers_itself():
    honest, wrapped = (ask(app, "/v2/rows")[0] for app in (HONEST, with_faults(HONEST, Faults())))
    assert (honest.content, honest.headers) == (wrapped.content, wrapped.headers)


def test_429_with_and_without_a_word_on_when_to_come_back():
    assert "retry-after" not in spoiled(TooManyRequests()).headers
    told = spoiled(TooManyRequests("17"))
    assert (told.status_code, told.headers["retry-after"]) == (429, "17")
    assert "Rate limit" in told.json()["message"]


def test_500():
    assert spoiled(ServerError()).status_code == 500


def test_a_late_answer_comes_when_nobody_hangs_up():
    assert rows(spoiled(TimeOut(0.01))) == [ROW | {"Page": ""}]


def test_a_truncated_answer_is_no_json():
    answer = spoiled(Truncated())
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_a_web_page():
    answer = spoiled(WrongContentType())
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")


def test_an_answer_that_is_not_packed_as_it_says():
    with pytest.raises(httpx.DecodingError):
        spoiled(BrokenCompression())


def test_a_slow_drip_is_the_whole_answer():
    assert rows(spoiled(SlowDrip(0.0))) == [ROW | {"Page": ""}]


def test_a_slow_drip_sends_bytes_one_at_a_time():
    sent = []

    async def receive():
        await asyncio.Event().wait()

    async def send(message):
        sent.append(len(message.get("body", b"")))

    app = with_faults(HONEST, Faults([(When("/rows"), SlowDrip(0.0))]))
    scope = {"type": "http", "method": "GET", "path": "/v2/rows", "query_string": b"", "headers": []}
    asyncio.run(app(scope, receive, send))
    assert len(sent) > 100
    assert max(sent) == 1


@pytest.mark.parametrize(("key", "page_before"), [("two", ""), ("three", "two")])
def test_a_page_that_repeats_is_the_one_that_led_here(key, page_before):
    answer = spoiled(RepeatedPage(), f"/v2/rows?pagination_key={key}")
    assert rows(answer) == [ROW | {"Page": page_before}]
    assert answer.json()["pagination_key"] == key


def test_the_first_page_cannot_repeat():
    assert rows(spoiled(RepeatedPage())) == [ROW | {"Page": ""}]


def test_rows_twice():
    assert len(rows(spoiled(RowsTwice()))) == 2


def test_columns_gone_null_and_unknown():
    assert "C" not in rows(spoiled(ColumnGone("C")))[0]
    assert rows(spoiled(ColumnNull("C")))[0]["C"] is None
    assert "Unheard" in rows(spoiled(ColumnUnknown()))[0]


def test_types_change_where_nothing_is_lost():
    assert rows(spoiled(TypesChanged()))[0] == {
        "Date": "2018-11-16", "Code": 13010, "C": "1.5", "UL": 0, "S33": "0050", "Note": "", "Name": None, "Page": None,
    }  # fmt: skip


def test_a_correction_comes_with_the_second_asking():
    corrected = LateCorrection({"Code": "13010"}, {"C": 2.5})
    assert rows(spoiled(corrected))[0]["C"] == 1.5
    assert rows(spoiled(corrected, times=2))[0]["C"] == 2.5


def test_a_day_published_again_and_its_file_with_it():
    again = Republished(date(2018, 11, 16), "C", 3.0)
    assert rows(spoiled(again))[0]["C"] == 4.5
    assert gzip.decompress(spoiled(again, "/bulk-files/a").content) == b"Date,C\n2018-11-15,1\n2018-11-16,6.0\n"
    assert rows(spoiled(again, "/v2/bulk/list"))[0]["LastModified"] == "2999-01-01T00:00:00Z"


def test_an_empty_day_on_a_page_and_in_a_file():
    empty = EmptyDay(date(2018, 11, 16))
    assert rows(spoiled(empty)) == []
    assert gzip.decompress(spoiled(empty, "/bulk-files/a").content) == b"Date,C\n2018-11-15,1\n"


def test_a_file_left_without_a_row_keeps_its_header():
    class Nothing(EmptyDay):
        def spoiled(self, rows, request):
            return []

    assert gzip.decompress(spoiled(Nothing(date.min), "/bulk-files/a").content) == b"Date,C\n"


def test_a_skewed_clock_dates_answers_and_files():
    answer = spoiled(ClockSkew(-7), "/v2/bulk/list")
    off = parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)
    assert round(off.total_seconds() / 3600) == -7
    assert rows(answer)[0]["LastModified"] == "2018-11-30T17:00:00+00:00"
    noon = datetime(2018, 11, 16, 3, tzinfo=UTC)
    assert skewed(lambda: noon, -7)().hour == 20


def test_a_refusal_stays_as_it_is():
    assert spoiled(ColumnGone("C"), "/v2/rows?wrong=1").json() == {"message": "no"}


class TestWhen:
    def test_a_plan_counts_askings_of_the_same_question(self):
        app = with_faults(HONEST, Faults([(When("/rows", first=1, times=2), ServerError())]))
        answers = ask(app, *["/v2/rows?a=1"] * 4, "/v2/rows?a=2")
        assert [answer.status_code for answer in answers] == [200, 500, 500, 200, 200]

    def test_a_plan_for_one_question_only(self):
        app = with_faults(HONEST, Faults([(When("/rows", {"a": "1"}), ServerError())]))
        assert [answer.status_code for answer in ask(app, "/v2/rows?a=1&b=2", "/v2/rows?a=2")] == [500, 200]

    def test_what_struck_is_told(self):
        app = with_faults(HONEST, Faults([(When("/rows"), ServerError())]))
        ask(app, "/v2/rows", "/v2/bulk/list")
        assert app.struck == [("ServerError", "/v2/rows")]


class TestChance:
    def test_the_share_is_kept_and_the_seed_repeats_it(self):
        questions = [Request(f"/v2/rows{n}") for n in range(4_000)]

        def struck(seed):
            return {request for request in questions if Faults(share=0.05, seed=seed).of(request)}

        assert 150 <= len(struck(1)) <= 250
        assert struck(1) == struck(1)
        assert struck(1) != struck(2)

    def test_the_same_question_asked_again_is_another_chance(self):
        faults = Faults(share=0.5)
        assert {faults.of(Request("/v2/rows", before=n)) is None for n in range(20)} == {True, False}

    def test_each_kind_of_fault_comes_up(self):
        faults = Faults(share=1.0)
        pages = [Request("/v2/rows", (("pagination_key", "a"),), before=n) for n in range(500)]
        assert {faults.of(page) for page in pages} == set(transient())

    def test_a_share_that_is_none(self):
        with pytest.raises(ValueError, match="from 0 to 1"):
            Faults(share=5)


@pytest.mark.parametrize(
    ("options", "faults"),
    [((), Faults()), (("--faults", "0.05", "--fault-seed", "1"), Faults(share=0.05, seed=1))],
)
def test_the_command_serves_with_the_faults_it_is_told(options, faults, tmp_path, monkeypatch):
    served = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **_: served.append(app))
    monkeypatch.setenv("TOSHO_JQUANTS_API_KEY", KEY)
    told = CliRunner().invoke(command, ["serve", str(write_market(tmp_path / "market")), *options])
    assert told.exit_code == 0, told.output
    assert [app.faults for app in served] == [faults]
