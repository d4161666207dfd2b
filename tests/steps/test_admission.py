"""Both runs that ask J-Quants say at their start what the key fills, and end there with one that fills too little."""

import json
import sqlite3
from dataclasses import replace

import pytest

from services.jquants import KEY, LAST, Tampering, serving, write_market
from tosho.calendar import offset
from tosho.config import JQuants, Settings
from tosho.ingest import KeyRefusedError, PlanTooSmallError, plans
from tosho.simulation.server import create_app
from tosho.steps import daily, history
from tosho.storage import Lake

CALENDAR = f"/v2{plans.CALENDAR}"


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return write_market(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def server(market):
    between = Tampering(create_app(market, api_key=KEY, plan="light", page_rows=1000, rate_per_minute=None))
    with serving(between) as address:
        between.url = f"{address}/v2"
        yield between


@pytest.fixture
def settings(server, tmp_path):
    server.honest()
    made = Settings.from_environment({"TOSHO_HOME": str(tmp_path)})
    return replace(made, jquants=JQuants(server.url, KEY, "light"))


def evening(settings, session=LAST):
    return daily.ingest(session, settings)


def years(settings):
    return history.ingest(offset(LAST, -1), LAST, settings)


RUNS = pytest.mark.parametrize("run", [evening, years])


def asked(server):
    """Return the endpoints that were asked, and forget them."""
    found = [path.removeprefix("/v2") for path, _ in server.asked]
    server.asked.clear()
    return found


def declaring(settings, **changes):
    return replace(settings, jquants=replace(settings.jquants, **changes))


@RUNS
def test_a_run_says_which_tables_the_key_fills(run, settings, caplog):
    caplog.set_level("INFO", logger="tosho.ingest")
    run(settings)
    assert "plan light: the key fills" in caplog.text
    assert "investor_flows" in caplog.text


@RUNS
def test_a_wrong_key_ends_it_at_its_first_question(run, settings, server):
    with pytest.raises(KeyRefusedError, match="TOSHO_JQUANTS_API_KEY"):
        run(declaring(settings, api_key="another"))
    assert asked(server) == [plans.CALENDAR]
    assert Lake.of(settings).tables() == []


@RUNS
def test_a_plan_too_small_is_told_and_its_tables_skipped(run, settings, caplog):
    assert run(declaring(settings, plan="standard"))["rows"]
    assert "is refused /equities" not in caplog.text
    assert "The settings declare plan 'standard'" in caplog.text
    assert "/markets/margin-interest" in caplog.text


@RUNS
def test_a_plan_too_small_for_the_feature_set_ends_it(run, settings, server):
    small = replace(declaring(settings, plan="standard"), feature_set="standard")
    with pytest.raises(PlanTooSmallError, match=r"'standard' needs margin_alerts.*the key is refused"):
        run(small)
    assert Lake.of(settings).tables() == []


def test_an_evening_asks_once_in_a_week_and_a_history_always(settings, server):
    evening(settings)
    assert {plans.BULK_LIST, plans.BULK_GET} <= set(asked(server))
    evening(settings)
    assert not {plans.BULK_LIST, plans.BULK_GET} & set(asked(server))
    years(settings)
    assert plans.BULK_GET in asked(server)


@pytest.mark.parametrize(
    ("kept", "value"), [("on", "2020-01-06"), ("on", "2999-01-06"), ("account", "another"), ("plan", "free")]
)
def test_what_is_old_or_of_another_account_is_asked_again(settings, server, tmp_path, kept, value):
    evening(settings)
    file = tmp_path / "jquants/admitted.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {kept: value}))
    asked(server)
    evening(settings)
    assert plans.BULK_GET in asked(server)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tables": 1, "on": "2020-01-06"}'])
def test_what_cannot_be_read_is_asked_again(settings, server, tmp_path, content):
    evening(settings)
    (tmp_path / "jquants/admitted.json").write_text(content)
    asked(server)
    evening(settings)
    assert plans.BULK_GET in asked(server)


def test_neither_key_nor_a_part_of_it_is_kept(settings, tmp_path):
    evening(settings)
    assert KEY not in (tmp_path / "jquants/admitted.json").read_text()


def test_a_key_that_is_revoked_within_the_week_is_told_from_a_small_plan(settings, server, market):
    """J-Quants answers "Forbidden" alike to key and plan; every plan has the calendar, which is asked first."""
    evening(settings)
    server.refuse = lambda path: True
    with pytest.raises(KeyRefusedError, match="Every plan has the calendar"):
        evening(settings)


def test_a_table_that_is_refused_within_the_week_has_the_next_evening_ask(settings, server, tmp_path):
    evening(settings)
    server.refuse = lambda path: path == f"/v2{plans.FINS}"
    assert "skipped" in evening(settings)["tables"]["statements"]
    assert not (tmp_path / "jquants/admitted.json").exists()


def test_both_runs_count_their_requests_in_one_file(market, tmp_path):
    """Of a service that is not on this machine's own address, whose pace is therefore kept."""
    between = Tampering(create_app(market, api_key=KEY, plan="light", page_rows=1000, rate_per_minute=None))
    with serving(between, "127.0.0.2") as address:
        made = Settings.from_environment({"TOSHO_HOME": str(tmp_path)})
        settings = replace(made, jquants=JQuants(f"{address}/v2", KEY, "light"))
        evening(settings, offset(LAST, -1))
        years(settings)
    [file] = (tmp_path / "jquants").glob("requests-*.sqlite")
    with sqlite3.connect(file) as read:
        counted = read.execute("SELECT COUNT(*) FROM of_60").fetchone()[0]
    assert counted == sum(path.startswith("/v2") for path, _ in between.asked)
