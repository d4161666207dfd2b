"""What each endpoint serves of a synthetic market: official fields, the vendor's questions, and no row too early."""

import asyncio
import gzip
import io
import json
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import polars as pl
import pytest

from services.jquants import KEY, write_market
from tosho.calendar import JST
from tosho.ingest import plans
from tosho.simulation.fields import BARS, FIELDS, HALF_DAY_BLOCKS
from tosho.simulation.server import create_app

DAY, FRIDAY = "2025-02-13", "2025-02-14"
QUESTIONS = {
    plans.MASTER: {"date": DAY},
    plans.BARS: {"date": DAY},
    plans.BARS_AM: {},
    plans.TOPIX: {},
    plans.INDICES: {"date": DAY},
    plans.INVESTORS: {},
    plans.FINS: {"date": DAY},
    plans.FINS_DETAILS: {"date": DAY},
    plans.DIVIDENDS: {"date": DAY},
    plans.EARNINGS_DATE: {"date": "2025-01-14"},
    plans.EARNINGS_CALENDAR: {},
    plans.CALENDAR: {"from": DAY, "to": DAY},
    plans.MARGIN_INTEREST: {"date": FRIDAY},
    plans.MARGIN_ALERT: {"date": DAY},
    plans.SHORT_RATIO: {"date": DAY},
    plans.SHORT_SALE_REPORT: {"disc_date": DAY},
    plans.BREAKDOWN: {"date": DAY},
    plans.OPTIONS_225: {"date": DAY},
    plans.FUTURES: {"date": DAY},
    plans.OPTIONS: {"date": DAY},
}
REPORTING = datetime(2025, 1, 30, 20, tzinfo=JST)


def at(year, month, day, hour, minute=0):
    moment = datetime(year, month, day, hour, minute, tzinfo=JST)
    return lambda: moment


@pytest.fixture(scope="module")
def ask(synthetic):
    """Ask a question of a service; one service a folder, clock and plan."""
    running = {}

    def get(endpoint, query, *, clock=None, plan="premium", folder=synthetic):
        place = folder, clock and clock(), plan
        if place not in running:
            running[place] = create_app(
                folder, api_key=KEY, plan=plan, page_rows=100_000, rate_per_minute=None, clock=clock
            )
        return asyncio.run(_get(running[place], endpoint, query))

    return get


async def _get(app, endpoint, query):
    path = endpoint if endpoint.startswith("/bulk-files") else f"/v2{endpoint}"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers={"x-api-key": KEY}) as client:
        return await client.get(path, params=query)


@pytest.fixture(scope="module")
def rows(ask):
    def get(endpoint, query, **options):
        answer = ask(endpoint, query, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    return get


@pytest.mark.parametrize("endpoint", QUESTIONS)
def test_rows_have_exactly_the_official_fields(rows, endpoint):
    clock = (lambda: REPORTING) if endpoint == plans.EARNINGS_CALENDAR else None
    found = rows(endpoint, QUESTIONS[endpoint], clock=clock)
    assert found
    names = [*BARS, *HALF_DAY_BLOCKS] if endpoint == plans.BARS else list(FIELDS[endpoint])
    assert {tuple(row) for row in found} == {tuple(names)}


@pytest.mark.parametrize("endpoint", [path for path in QUESTIONS if path != plans.CALENDAR])
def test_beside_other_data_nothing_is_invented(rows, tmp_path, endpoint):
    folder = write_market(tmp_path)
    own = {plans.MASTER, plans.BARS, plans.TOPIX, plans.FINS, plans.BARS_AM}
    if endpoint not in own:
        assert (
            rows(endpoint, {**QUESTIONS[endpoint], **dict.fromkeys(QUESTIONS[endpoint], "2018-11-16")}, folder=folder)
            == []
        )


@pytest.mark.parametrize(
    ("endpoint", "query"),
    [
        (plans.INDICES, {}),
        (plans.INDICES, {"from": DAY}),
        (plans.MARGIN_INTEREST, {}),
        (plans.MARGIN_INTEREST, {"from": DAY, "to": FRIDAY}),
        (plans.MARGIN_INTEREST, {"published_date": FRIDAY, "date": DAY}),
        (plans.MARGIN_ALERT, {"from": DAY}),
        (plans.SHORT_RATIO, {"code": "13010"}),
        (plans.SHORT_RATIO, {"from": DAY, "date": ""}),
        (plans.SHORT_SALE_REPORT, {}),
        (plans.SHORT_SALE_REPORT, {"disc_date_from": DAY, "disc_date_to": DAY}),
        (plans.EARNINGS_DATE, {}),
        (plans.EARNINGS_DATE, {"date": DAY, "scheduled_date": DAY}),
        (plans.OPTIONS_225, {}),
        (plans.FUTURES, {"category": "NK225F"}),
        (plans.FINS_DETAILS, {}),
        (plans.BREAKDOWN, {"from": DAY}),
        (plans.SHORT_RATIO, {"date": "1 May"}),
        (plans.MARGIN_ALERT, {"date": "1999-01-04"}),
    ],
)
def test_questions_that_the_vendor_refuses_are_400(ask, endpoint, query):
    answer = ask(endpoint, query)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_code_and_days_choose_rows(rows, read):
    code = read("margin_interest")["Code"][0]
    weeks = rows(plans.MARGIN_INTEREST, {"code": code[:4], "from": "2025-02-01", "to": "2025-02-28"})
    assert [row["Date"] for row in weeks] == ["2025-02-07", "2025-02-14", "2025-02-21", "2025-02-28"]
    assert {row["Code"] for row in weeks} == {code}


def test_short_positions_can_be_asked_by_day_of_calculation(rows):
    found = rows(plans.SHORT_SALE_REPORT, {"calc_date": DAY})
    assert {row["CalcDate"] for row in found} == {DAY}
    assert {row["DiscDate"] for row in found} == {"2025-02-17"}


def test_short_ratio_of_a_sector(rows):
    found = rows(plans.SHORT_RATIO, {"s33": "3650", "from": "2025-02-03", "to": "2025-02-07"})
    assert [(row["Date"][-2:], row["S33"]) for row in found] == [(f"0{n}", "3650") for n in range(3, 8)]


def test_futures_by_kind_and_central_month(rows):
    found = rows(plans.FUTURES, {"date": DAY, "category": "TOPIXF", "contract_flag": "1"})
    assert [(row["ProdCat"], row["CM"]) for row in found] == [("TOPIXF", "2025-03")]


def test_a_scheduled_day_is_found_where_it_is_in_force_only(rows, read):
    told = read("earnings_date")
    first = told.filter(pl.len().over("Code", "FYE", "FQName") > 1, pl.col("SchDate") != "").row(0, named=True)
    moved = told.filter(
        (pl.col("Code") == first["Code"]) & (pl.col("FYE") == first["FYE"]) & (pl.col("FQName") == first["FQName"])
    )
    here = rows(plans.EARNINGS_DATE, {"scheduled_date": moved["SchDate"][-1]})
    assert first["Code"] in [row["Code"] for row in here]
    if (before := moved["SchDate"][0]) and before != moved["SchDate"][-1]:
        still = rows(plans.EARNINGS_DATE, {"scheduled_date": before})
        assert (first["Code"], first["FQName"]) not in [(row["Code"], row["FQName"]) for row in still]


# --- publication


@pytest.mark.parametrize(
    ("endpoint", "query", "early", "late"),
    [
        (plans.INDICES, {"date": DAY}, at(2025, 2, 13, 16, 29), at(2025, 2, 13, 16, 30)),
        (plans.SHORT_RATIO, {"date": DAY}, at(2025, 2, 13, 16, 29), at(2025, 2, 13, 16, 30)),
        (plans.MARGIN_ALERT, {"date": DAY}, at(2025, 2, 13, 16, 29), at(2025, 2, 13, 16, 30)),
        (plans.SHORT_SALE_REPORT, {"disc_date": DAY}, at(2025, 2, 13, 17, 29), at(2025, 2, 13, 17, 30)),
        (plans.BREAKDOWN, {"date": DAY}, at(2025, 2, 13, 17, 59), at(2025, 2, 13, 18)),
        (plans.OPTIONS_225, {"date": DAY}, at(2025, 2, 14, 2, 59), at(2025, 2, 14, 3)),
        (plans.MARGIN_INTEREST, {"date": FRIDAY}, at(2025, 2, 18, 16, 29), at(2025, 2, 18, 16, 30)),
        (plans.EARNINGS_DATE, {"date": "2025-01-14"}, at(2025, 1, 14, 10, 4), at(2025, 1, 14, 10, 5)),
        (plans.INVESTORS, {"from": "2025-02-06"}, at(2025, 2, 6, 16, 29), at(2025, 2, 6, 16, 30)),
    ],
)
def test_rows_appear_when_they_are_published(rows, endpoint, query, early, late):
    assert rows(endpoint, query, clock=early) == []
    assert rows(endpoint, query, clock=late)


def test_dividends_come_at_the_next_full_hour(rows, read):
    told = read("dividends").filter(pl.col("PubTime") == "15:30").row(-1, named=True)
    day, query = told["PubDate"], {"code": told["Code"], "date": str(told["PubDate"])}
    clocks = [at(day.year, day.month, day.day, *time) for time in ((15, 59), (16, 0))]
    assert [len(rows(plans.DIVIDENDS, query, clock=clock)) for clock in clocks] == [0, 1]


def test_the_calendar_of_earnings_tells_of_the_next_session_as_it_is_known(rows):
    found = rows(plans.EARNINGS_CALENDAR, {}, clock=lambda: REPORTING)
    assert {row["Date"] for row in found} == {"2025-01-31"}
    assert {row["FY"] for row in found} <= {"3月31日", "9月30日"}
    reported = {row["Code"] for row in rows(plans.FINS, {"date": "2025-01-31"})}
    assert {row["Code"] for row in found} & reported
    before = rows(plans.EARNINGS_CALENDAR, {}, clock=lambda: REPORTING - timedelta(hours=2))
    assert {row["Date"] for row in before} == {"2025-01-30"}


@pytest.mark.parametrize(
    ("clock", "status"),
    [(at(2025, 2, 13, 11, 59), 210), (at(2025, 2, 13, 12), 200), (at(2025, 2, 14, 5, 59), 200),
     (at(2025, 2, 14, 6), 210), (at(2025, 2, 15, 13), 210)],
)  # fmt: skip
def test_the_morning_can_be_had_from_noon_until_six(ask, clock, status):
    answer = ask(plans.BARS_AM, {}, clock=clock)
    assert answer.status_code == status
    if status == 200:
        assert {row["Date"] for row in answer.json()["data"]} == {DAY}


# --- plans and files


@pytest.mark.parametrize("plan", plans.PLANS)
def test_a_plan_has_its_endpoints_and_no_others(ask, plan):
    clock = at(2025, 7, 1, 20)  # the free plan's twelve weeks have passed
    served = {
        path for path in QUESTIONS if ask(path, QUESTIONS[path], plan=plan, clock=clock).status_code in (200, 210)
    }
    assert served == plans.PLANS[plan].endpoints - {plans.BULK_LIST, plans.BULK_GET}


@pytest.mark.parametrize("endpoint", [plans.MARGIN_ALERT, plans.OPTIONS_225, plans.FINS_DETAILS, plans.EARNINGS_DATE])
def test_files_hold_what_the_answers_hold(ask, rows, endpoint):
    day = QUESTIONS[endpoint]["date"]
    key = {"endpoint": endpoint, "date": day[:7]}
    url = urlsplit(ask(plans.BULK_GET, key).json()["url"])
    packed = ask(url.path, dict(parse_qsl(url.query)))
    table = pl.read_csv(io.BytesIO(gzip.decompress(packed.content)), infer_schema=False)
    assert tuple(table.columns) == FIELDS[endpoint]
    dated = next(name for name in ("PubDate", "DiscDate", "Date") if name in table.columns)
    in_file = table.filter(pl.col(dated) == day)
    answered = rows(endpoint, QUESTIONS[endpoint])
    assert in_file["Code"].to_list() == [row["Code"] for row in answered]
    if "PubReason" in table.columns:
        assert [json.loads(text) for text in in_file["PubReason"]] == [row["PubReason"] for row in answered]


def test_endpoints_without_files_and_those_of_other_plans_are_not_listed(ask):
    for endpoint, plan in ((plans.EARNINGS_CALENDAR, "premium"), (plans.BREAKDOWN, "standard")):
        assert ask(plans.BULK_LIST, {"endpoint": endpoint}, plan=plan).status_code == 400


# --- 2020-10-01


def test_the_day_without_trading_is_a_day_of_nulls(rows, failure):
    options = {"folder": failure, "plan": "premium"}
    bars = rows(plans.BARS, {"date": "2020-10-01"}, **options)
    assert len(bars) > 50
    assert {row[name] for row in bars for name in ("O", "C", "Vo", "Va", "MC", "AVo")} == {None}
    assert rows(plans.CALENDAR, {"from": "2020-10-01", "to": "2020-10-01"}, **options)[0]["HolDiv"] == "1"


def test_on_that_day_indices_carry_the_close_and_other_tables_are_missing(rows, failure):
    options = {"folder": failure, "plan": "premium"}
    for endpoint in (plans.TOPIX, plans.INDICES):
        query = {"from": "2020-09-30", "to": "2020-10-01"} | ({} if endpoint == plans.TOPIX else {"code": "0070"})
        before, then = rows(endpoint, query, **options)
        assert [then[name] for name in "OHLC"] == [before["C"]] * 4
    for endpoint in (plans.SHORT_RATIO, plans.BREAKDOWN):
        assert rows(endpoint, {"date": "2020-10-01"}, **options) == []


def test_a_code_s_bars_run_through_that_day(rows, failure):
    code = pl.read_parquet(failure / "bars.parquet")["Code"][0]
    found = rows(plans.BARS, {"code": code, "from": "2020-09-30", "to": "2020-10-02"}, folder=failure)
    assert [row["Date"] for row in found] == [str(date(2020, 9, 30)), "2020-10-01", "2020-10-02"]
