import gzip
import io
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

import httpx
import polars as pl
import pytest

from services.jquants import COMMON, FIRST, KEY, LETTERS, SPLIT, SPLIT_ON, serving, write_market
from tosho.simulation.answers import BAD_KEY, NO_SUCH_PATH, NOT_IN_PLAN, ApiError
from tosho.simulation.limits import RateLimit
from tosho.simulation.market_folder import MarketFolderError, load_market
from tosho.simulation.server import create_app

BARS, MASTER, FINS = "/v2/equities/bars/daily", "/v2/equities/master", "/v2/fins/summary"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture
def service(folder):
    with ExitStack() as running:

        def start(folder=folder, **options):
            app = create_app(folder, api_key=KEY, **{"rate_per_minute": None, "plan": "light", **options})
            url = running.enter_context(serving(app))
            return running.enter_context(httpx.Client(base_url=url, headers={"x-api-key": KEY}))

        yield start


def at(year, month, day, hour=0, minute=0):
    """Return a clock that stands at a time in Japan."""
    moment = datetime(year, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=9)
    return lambda: moment


def codes(answer):
    assert answer.status_code == 200, answer.text
    return [row["Code"] for row in answer.json()["data"]]


@pytest.mark.parametrize("key", ["", "another", KEY + "x"])
def test_another_key_is_refused(service, key):
    answer = service().get(BARS, params={"date": "20181116"}, headers={"x-api-key": key})
    assert (answer.status_code, answer.json()) == (403, {"message": BAD_KEY})


@pytest.mark.parametrize("path", ["/v2/indices/bars/daily/topix", "/v2/bulk/list?endpoint=/equities/master"])
def test_the_free_plan_has_neither_topix_nor_files(service, path):
    answer = service(plan="free").get(path)
    assert (answer.status_code, answer.json()) == (403, {"message": NOT_IN_PLAN})


def test_a_path_that_does_not_exist_is_403_too(service):
    answer = service().get("/v2/equities/bar/daily")
    assert (answer.status_code, answer.json()) == (403, {"message": NO_SUCH_PATH})


def test_the_free_plan_waits_twelve_weeks(service):
    client = service(plan="free", clock=at(2019, 1, 30, 20))
    assert codes(client.get(BARS, params={"date": "20181107"}))
    refused = client.get(BARS, params={"date": "20181108"})
    assert refused.status_code == 400
    assert "covers the following dates: 2017-01-28 ~ 2018-11-07" in refused.json()["message"]


def test_dates_before_the_plan_are_refused(service):
    refused = service().get(BARS, params={"date": "20131001"})
    assert refused.status_code == 400
    assert "subscription covers" in refused.json()["message"]


def test_dates_in_the_future_are_empty(service):
    assert codes(service().get(BARS, params={"date": "20190104"})) == []


@pytest.mark.parametrize("query", [{}, {"from": "20181101"}, {"date": "2018-02-30"}, {"date": "1 May"}, {"code": "1"}])
def test_questions_that_cannot_be_answered_are_400_with_a_message(service, query):
    answer = service().get(BARS, params=query)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_pages_follow_one_another_and_their_keys_differ(service):
    client, query = service(page_rows=2), {"date": "20181116"}
    pages, keys = [], []
    while True:
        content = client.get(BARS, params=query).json()
        pages.append([row["Code"] for row in content["data"]])
        if "pagination_key" not in content:
            break
        keys.append(content["pagination_key"])
        query["pagination_key"] = content["pagination_key"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [code for page in pages for code in page] == codes(service().get(BARS, params={"date": "20181116"}))
    assert len(set(keys)) == 2


@pytest.mark.parametrize("change", [{"date": "20181115"}, {"pagination_key": "bm9uc2Vuc2U="}, {"pagination_key": "%%"}])
def test_a_pagination_key_fits_its_own_question_only(service, change):
    client, query = service(page_rows=2), {"date": "20181116"}
    query["pagination_key"] = client.get(BARS, params=query).json()["pagination_key"]
    assert client.get(BARS, params=query | change).status_code == 400


def test_too_many_requests_in_a_minute_are_429(service):
    client = service(rate_per_minute=3)
    answers = [client.get("/v2/markets/calendar", params={"from": "20181116", "to": "20181116"}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_the_plan_sets_the_limit(service):
    client = service(plan="free", rate_per_minute="plan")
    answers = [client.get("/v2/markets/calendar", params={"hol_div": "2"}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


def test_a_minute_later_requests_are_admitted_again():
    moment = [0.0]
    limit = RateLimit(2, now=lambda: moment[0])
    limit.admit()
    limit.admit()
    with pytest.raises(ApiError):
        limit.admit()
    moment[0] = 60.0
    limit.admit()


def test_bars_appear_at_half_past_four(service):
    assert codes(service(clock=at(2018, 11, 16, 16, 29)).get(BARS, params={"date": "20181116"})) == []
    assert codes(service(clock=at(2018, 11, 16, 16, 30)).get(BARS, params={"date": "20181116"}))


def test_a_split_is_unknown_before_its_day(service):
    before = service(clock=at(2018, 11, 7, 20)).get(BARS, params={"code": SPLIT, "date": "20181101"})
    after = service(clock=at(2018, 11, 8, 20)).get(BARS, params={"code": SPLIT, "date": "20181101"})
    assert before.json()["data"][0]["AdjC"] == before.json()["data"][0]["C"]
    assert after.json()["data"][0]["AdjC"] == after.json()["data"][0]["C"] / 2


def test_master_tells_of_the_next_session_in_the_evening_and_no_further(service):
    def day(clock, asked):
        return service(clock=clock).get(MASTER, params={"date": asked}).json()["data"][0]["Date"]

    assert day(at(2018, 11, 15, 17, 29), "20181130") == "2018-11-15"
    assert day(at(2018, 11, 15, 17, 30), "20181130") == "2018-11-16"


def test_statements_come_in_two_editions(service):
    def known(*clock):
        return codes(service(clock=at(*clock)).get(FINS, params={"date": "20181031"}))

    assert known(2018, 10, 31, 17, 59) == []
    assert known(2018, 10, 31, 18, 0) == [COMMON]
    assert known(2018, 11, 1, 0, 29) == [COMMON]
    assert known(2018, 11, 1, 0, 30) == [COMMON, LETTERS]


def test_the_premium_plan_alone_has_the_half_day_blocks(service):
    rows = {plan: service(plan=plan).get(BARS, params={"date": "20181116"}).json()["data"][0] for plan in
            ("light", "standard", "premium")}  # fmt: skip
    assert len(rows["light"]) == len(rows["standard"]) == 16
    assert len(rows["premium"]) == 42
    assert rows["premium"]["MC"] is None


def test_the_plans_standard_and_premium_alone_tell_margin_classes(service):
    rows = {plan: service(plan=plan).get(MASTER, params={"date": "20181116"}).json()["data"][0] for plan in
            ("light", "standard", "premium")}  # fmt: skip
    assert {plan: (row["Mrgn"], row["MrgnNm"]) for plan, row in rows.items()} == {
        "light": ("", ""), "standard": ("2", "貸借"), "premium": ("2", "貸借"),
    }  # fmt: skip


def test_a_bulk_address_needs_no_key_and_expires(service):
    key = "equities/bars/daily/historical/2018/equities_bars_daily_201810.csv.gz"
    for seconds, status in ((300, 200), (0, 403)):
        client = service(url_seconds=seconds)
        url = client.get("/v2/bulk/get", params={"key": key}).json()["url"]
        address = f"{urlsplit(url).path}?{urlsplit(url).query}"
        assert client.get(address, headers={"x-api-key": ""}).status_code == status
        assert client.get(address.replace("201810", "201811")).status_code == 403


def test_bulk_files_have_the_same_bytes_whoever_writes_them(service):
    def download():
        client = service()
        url = client.get("/v2/bulk/get", params={"endpoint": "/equities/master", "date": "201810"}).json()["url"]
        return client.get(f"{urlsplit(url).path}?{urlsplit(url).query}").content

    first = download()
    assert first == download()
    rows = pl.read_csv(io.BytesIO(gzip.decompress(first)), infer_schema=False)
    assert rows["Date"].min() == FIRST.isoformat()


def test_the_files_between_two_days(service):
    query = {"endpoint": "/indices/bars/daily/topix", "from": "20181114", "to": "20181115"}
    found = service().get("/v2/bulk/list", params=query).json()["data"]
    assert [row["Key"].rsplit("_", 1)[1] for row in found] == ["20181114.csv.gz", "20181115.csv.gz"]


def test_the_files_of_a_month_over_all_endpoints(service):
    found = service().get("/v2/bulk/list", params={"date": "2018-10"}).json()["data"]
    assert {row["Key"].split("/historical")[0] for row in found} == {
        "equities/master", "equities/bars/daily", "fins/summary", "indices/bars/daily/topix",
    }  # fmt: skip


def test_investor_types_are_empty_where_the_folder_has_none(service):
    assert service().get("/v2/equities/investor-types").json() == {"data": []}


def test_investor_types_by_section_and_publication(folder, tmp_path, service):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weeks = [("2018-11-08", "TSE1st", 5.0), ("2018-11-15", "TSE1st", 6.0), ("2018-11-15", "TSE2nd", 7.0)]
    flows = pl.DataFrame(weeks, schema=["PubDate", "Section", "FrgnBal"], orient="row")
    flows.with_columns(pl.col("PubDate").str.to_date()).write_parquet(tmp_path / "investor_types.parquet")
    query = {"section": "TSE1st", "from": "20181101", "to": "20181116"}

    def balances(**options):
        client = service(folder=tmp_path, **options)
        return [row["FrgnBal"] for row in client.get("/v2/equities/investor-types", params=query).json()["data"]]

    assert balances() == [5.0, 6.0]
    assert balances(clock=at(2018, 11, 15, 16, 29)) == [5.0]
    assert balances(clock=at(2018, 11, 15, 16, 30)) == [5.0, 6.0]


def test_a_folder_without_bars_is_no_market(tmp_path):
    with pytest.raises(MarketFolderError, match=r"holds no bars\.parquet"):
        load_market(tmp_path)


def test_a_column_that_lacks_in_the_bars_is_named(folder, tmp_path):
    pl.read_parquet(folder / "bars.parquet").drop("Va").write_parquet(tmp_path / "bars.parquet")
    with pytest.raises(MarketFolderError, match=r"lacks the column\(s\) \['Va'\]"):
        load_market(tmp_path)


def test_listing_falls_back_on_first_and_last_bar(folder, tmp_path):
    for name in ("bars", "topix"):
        pl.read_parquet(folder / f"{name}.parquet").write_parquet(tmp_path / f"{name}.parquet")
    master = pl.read_parquet(folder / "master.parquet").drop("ListedFrom", "ListedTo")
    master.write_parquet(tmp_path / "master.parquet")
    told, derived = load_market(folder), load_market(tmp_path)
    for day in (FIRST, date(2018, 11, 5), SPLIT_ON, date(2018, 11, 16)):
        assert derived.listed(day).equals(told.listed(day))
