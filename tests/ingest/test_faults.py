"""Every fault that the simulated service can make, against the real client over HTTP, and what comes of it."""

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from services.jquants import COMMON, KEY, LAST, serving
from services.official_rows import official_rows, page_of
from tosho.calendar import sessions
from tosho.config import JQuants
from tosho.contracts import ContractError
from tosho.ingest import (
    JQuantsClient,
    NotYetPublishedError,
    PayloadError,
    ServiceUnavailableError,
    ingest_history,
    ingest_session,
    jquants,
    payload,
    plans,
    quarantine,
)
from tosho.ingest.line import Limits
from tosho.ingest.sources import SOURCES
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
from tosho.simulation.fields import ADDED
from tosho.simulation.market import simulate
from tosho.simulation.server import create_app
from tosho.storage import Files, Lake, raw

PATIENCE = Limits(seconds=0.7, size=1 << 20)
SILENCE_S = 60.0
DAYS = sessions(date(2018, 10, 31), date(2018, 11, 5))  # of two months: one file, and one a day
THURSDAY = date(2025, 3, 27)  # the flows of investors are published
BARS_OF_OCTOBER = "equities/bars/daily/historical/2018/equities_bars_daily_201810.csv.gz"
SPRING = datetime(2019, 3, 1, 3, tzinfo=UTC)
CHANCE = transient(SILENCE_S, pause_s=0.0)


def silent(stage, done, of):
    pass


def history(lake, client):
    return ingest_history(DAYS[0], DAYS[-1], lake, client, silent)


def session(lake, client):
    return ingest_session(LAST, lake, client)


def every_table(lake, client):
    return ingest_session(THURSDAY, lake, client)


class Service:
    """A service whose faults are changed from test to test."""

    def __init__(self, plan, app):
        self.plan, self.honest, self.url = plan, app, ""
        self.faults = with_faults(app, Faults())

    async def __call__(self, scope, receive, send):
        await self.faults(scope, receive, send)

    def spoil(self, *planned, **options):
        self.faults = with_faults(self.honest, Faults(planned, **options))

    @property
    def struck(self):
        return [name for name, _ in self.faults.struck]

    def client(self, **options):
        return JQuantsClient(
            JQuants(f"{self.url}/v2", KEY, self.plan), sleep=lambda _: None, page_limits=PATIENCE, **options
        )


def served(service):
    with serving(service) as service.url:
        yield service


@pytest.fixture(scope="module")
def light_service(market):
    yield from served(Service("light", create_app(market, api_key=KEY, page_rows=4, rate_per_minute=None)))


@pytest.fixture(scope="module")
def free_service(market):
    app = create_app(market, api_key=KEY, plan="free", page_rows=4, rate_per_minute=None, clock=lambda: SPRING)
    yield from served(Service("free", app))


@pytest.fixture(scope="module")
def premium_service(tmp_path_factory):
    """A market with rows of every table."""
    folder = tmp_path_factory.mktemp("every-table")
    simulate(folder, codes=50, sessions=30, last=THURSDAY)
    app = create_app(folder, api_key=KEY, plan="premium", page_rows=20, rate_per_minute=None)
    yield from served(Service("premium", app))


@pytest.fixture(scope="module")
def services(light_service, free_service, premium_service):
    return {service.plan: service for service in (light_service, free_service, premium_service)}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """A file is waited for no longer than a page, so that a time-out does not last."""
    monkeypatch.setattr(jquants, "FILE", PATIENCE)


@pytest.fixture
def service(light_service):
    light_service.spoil()
    return light_service


@pytest.fixture
def client(service):
    with service.client() as client:
        yield client


def everything(lake):
    """Return all files of a lake, the times of arrival in payload records and manifests apart."""
    root = Path(lake.files.root.removeprefix("file://"))
    files = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
    return {path: re.sub(rb'("fetched_at": )"[^"]*"', rb'\1""', data) for path, data in files.items()}


WAYS: dict[str, tuple[str, Callable]] = {
    "history from files": ("light", history), "history day by day": ("free", history), "session": ("light", session),
    "session of every table": ("premium", every_table),
}  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(services, tmp_path_factory):
    """All files of a run without faults, by the way it goes."""
    left = {}
    for way, (plan, run) in WAYS.items():
        service = services[plan]
        service.spoil()
        lake = Lake(Files(f"file://{tmp_path_factory.mktemp('undisturbed')}"))
        with service.client() as client:
            run(lake, client)
        left[way] = everything(lake)
    return left


@pytest.mark.parametrize("way", WAYS)
def test_runs_under_random_faults_leave_the_same_bytes(way, undisturbed, services, tmp_path):
    plan, run = WAYS[way]
    service, struck = services[plan], Counter()
    for seed, share in enumerate([0.05, 0.05, 0.05, 0.3]):
        service.spoil(share=share, seed=seed, chance=CHANCE)
        lake = Lake(Files(f"file://{tmp_path}/{seed}"))
        with service.client() as client:
            run(lake, client)
        assert everything(lake) == undisturbed[way]
        struck += Counter(service.struck)
    assert len(struck) > 1, "hardly anything went wrong"


@pytest.mark.parametrize("fault", CHANCE, ids=str)
def test_a_fault_that_passes_leaves_no_trace(fault, undisturbed, service, lake):
    service.spoil((When("/equities/bars/daily", times=1), fault), (When("/fins/summary", times=1), fault))
    with service.client() as client:
        session(lake, client)
    assert service.struck
    assert everything(lake) == undisturbed["session"]


@pytest.mark.parametrize("path", ["/bulk/list", "/bulk/get", "equities_bars_daily_201810"])
def test_all_of_them_one_after_another_leave_no_trace_of_files(path, undisturbed, service, lake):
    fitting = [fault for fault in CHANCE if not isinstance(fault, (RepeatedPage, BrokenCompression))]
    wanted = {"/bulk/list": {"endpoint": plans.BARS}, "/bulk/get": {"key": BARS_OF_OCTOBER}}.get(path, {})
    service.spoil(*((When(path, wanted, first=n, times=1), fault) for n, fault in enumerate(fitting)))
    with service.client(attempts=len(CHANCE)) as client:
        history(lake, client)
    assert service.struck == [type(fault).__name__ for fault in fitting]
    assert everything(lake) == undisturbed["history from files"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(TooManyRequests(), ServiceUnavailableError), (TooManyRequests("100"), ServiceUnavailableError),
     (ServerError(), ServiceUnavailableError), (TimeOut(SILENCE_S), ServiceUnavailableError),
     (BrokenCompression(), ServiceUnavailableError), (Truncated(), PayloadError),
     (WrongContentType(), PayloadError), (RepeatedPage(), PayloadError)], ids=str,
)  # fmt: skip
def test_one_that_does_not_pass_stops_the_run_and_nothing_is_published(fault, error, service, lake):
    service.spoil((When("/equities/bars/daily"), fault))
    with service.client(attempts=2) as client, pytest.raises(error):
        session(lake, client)
    assert lake.tables() == []


def test_a_drip_that_outlasts_all_patience_is_a_time_out(service, lake):
    service.spoil((When("/equities/master"), SlowDrip(0.05)))
    with service.client(attempts=2) as client, pytest.raises(ServiceUnavailableError, match="had not finished"):
        session(lake, client)


WATCHED = [
    ("/equities/master", "S33", "sector33"), ("/equities/bars/daily", "Va", "turnover_yen"),
    ("/indices/bars/daily/topix", "C", "close"), ("/markets/calendar", "HolDiv", "division"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "name", "column"), WATCHED)
def test_a_column_that_goes_or_empties_stops_the_run_by_name_and_nothing_is_published(
    path, name, column, service, client, lake
):
    for fault, named in ((ColumnGone(name), name), (ColumnNull(name), column), (ColumnUnknown(), "Unheard")):
        service.spoil((When(path), fault))
        with pytest.raises(ContractError, match=f"'{named}'"):
            session(lake, client)
        assert lake.tables() == []


@pytest.mark.parametrize(
    ("fault", "named"), [(ColumnGone("Va"), "Va"), (ColumnNull("Va"), "turnover_yen"), (ColumnUnknown(), "Unheard")]
)
def test_a_column_that_goes_from_a_file_stops_the_history_by_name_and_no_bar_is_published(
    fault, named, service, client, lake
):
    service.spoil((When("equities_bars_daily_"), fault))
    with pytest.raises(ContractError, match=f"'{named}'"):
        history(lake, client)
    assert not {"bars", "securities", "indices"} & set(lake.tables())


def adjusted(name):
    """Tell whether a column is of prices that J-Quants has adjusted: the project does that for itself."""
    return "Adj" in name and name != "AdjFactor"


@pytest.mark.parametrize("endpoint", sorted({source.endpoint for source in SOURCES}))
def test_no_column_of_any_source_goes_unnoticed_nor_comes(endpoint):
    def read(rows):
        for source in SOURCES:
            if source.endpoint == endpoint:
                source.read(rows)

    rows = payload.rows_frame(payload.read_json(page_of(official_rows(endpoint)), "").rows)
    for name in rows.columns:
        if name not in ADDED.get(endpoint, ()) and not adjusted(name):
            with pytest.raises(ContractError, match=f"'{name}'"):
                read(rows.drop(name))
    with pytest.raises(ContractError, match="'Unheard'"):
        read(rows.with_columns(pl.lit("1").alias("Unheard")))


def test_types_that_change_change_nothing_in_any_table(undisturbed, premium_service, lake):
    premium_service.spoil((When(""), TypesChanged()))
    with premium_service.client() as client:
        every_table(lake, client)
    found = published(everything(lake))
    assert found == published(undisturbed["session of every table"])
    assert len(found) == len(SOURCES) - 2  # earnings to come are told of today only, margin interest on Tuesdays


def published(files):
    """Return the data files: payloads and manifests tell what was sent."""
    return {path: data for path, data in files.items() if path.endswith(".parquet")}


def test_rows_sent_twice_are_published_once_and_counted(undisturbed, service, client, lake):
    service.spoil((When("/equities/bars/daily"), RowsTwice()), (When("/equities/master"), RowsTwice()))
    report = session(lake, client)
    assert {table for table, told in report.items() if told.get("quarantined")} == {"bars", "securities"}
    assert report["bars"]["quarantined"] == {"repeated_row": 5}
    assert quarantine.read(lake, "bars", LAST).height == 5
    tables = {path: data for path, data in published(everything(lake)).items() if path.startswith("tables/")}
    assert tables == published(undisturbed["session"])


def volume(lake, day=LAST, code=COMMON):
    return lake.read("bars", day).filter(pl.col("code") == code)["volume"].item()


def test_a_late_correction_replaces_the_session_and_both_payloads_are_kept(service, client, lake):
    service.spoil((When("/equities/bars/daily"), LateCorrection({"Code": COMMON}, {"Vo": 7})))
    session(lake, client)
    before, first = volume(lake), lake.manifest("bars", LAST)
    session(lake, client)
    assert (before, volume(lake)) == (10_016.0, 7.0)
    second = lake.manifest("bars", LAST)
    assert first.sources[0] != second.sources[0]
    assert all(raw.payload(lake, "bars_daily", kept) for kept in (*first.sources, *second.sources))


def test_a_day_published_again_is_taken_in_by_the_next_history_and_the_other_days_stay(service, client, lake):
    history(lake, client)
    before, others = volume(lake, DAYS[-1]), lake.read_many("bars", DAYS[:-1])
    again = Republished(DAYS[-1], "Vo", 2.0)
    service.spoil((When("/bulk/list", {"endpoint": plans.BARS}), again), (When("equities_bars_daily_20181105"), again))
    assert history(lake, client)["from_files"] > 0
    assert volume(lake, DAYS[-1]) == 2 * before
    assert lake.read_many("bars", DAYS[:-1]).equals(others)


@pytest.mark.parametrize("path", ["/equities/bars/daily", "/equities/master", "/indices/bars/daily/topix"])
def test_an_empty_day_is_not_yet_published_and_nothing_is(path, undisturbed, service, client, lake):
    service.spoil((When(path), EmptyDay(LAST)))
    with pytest.raises(NotYetPublishedError, match="2018-11-16"):
        session(lake, client)
    assert lake.tables() == []
    service.spoil()
    session(lake, client)
    assert published(everything(lake)) == published(undisturbed["session"])


def test_a_day_that_a_file_lacks_is_asked_for_singly(undisturbed, service, client, lake):
    service.spoil((When("equities_bars_daily_201810"), EmptyDay(DAYS[0])))
    report = history(lake, client)
    assert (report["published"], report["from_files"]) == (4, 3)
    assert published(everything(lake)) == published(undisturbed["history from files"])


@pytest.mark.parametrize("hours", [-9, 9])
def test_a_server_with_a_wrong_clock_changes_nothing_that_is_published(hours, undisturbed, service, client, lake):
    service.spoil((When(""), ClockSkew(hours)))
    history(lake, client)
    assert published(everything(lake)) == published(undisturbed["history from files"])


def test_a_server_that_publishes_late_is_waited_for(market, undisturbed, lake):
    """At 17:45 all of the day is there; a server three hours behind has not even its bars."""
    evening = datetime(2018, 11, 16, 8, 45, tzinfo=UTC)
    for hours, there in ((-3, False), (0, True)):
        app = create_app(market, api_key=KEY, page_rows=4, rate_per_minute=None, clock=skewed(lambda: evening, hours))
        with serving(app) as url, JQuantsClient(JQuants(f"{url}/v2", KEY, "light")) as client:
            if there:
                session(lake, client)
                continue
            with pytest.raises(NotYetPublishedError):
                session(lake, client)
            assert lake.tables() == []
    bars = [path for path in published(everything(lake)) if path.startswith("tables/bars/")]
    assert {path: undisturbed["session"][path] for path in bars} == {path: everything(lake)[path] for path in bars}
