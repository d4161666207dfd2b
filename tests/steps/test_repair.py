"""A code of a past session is fetched again: both versions are told, and so is what became stale."""

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from services.jquants import COMMON, KEY, SPLIT, Tampering, serving, write_market
from tosho.config import JQuants, Settings
from tosho.contracts import features_contract
from tosho.features.inputs import FACT, Published
from tosho.simulation.server import create_app
from tosho.steps import daily
from tosho.storage import Lake, look

DAYS = [date(2018, 11, 14), date(2018, 11, 15), date(2018, 11, 16)]
BARS = "/v2/equities/bars/daily"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = write_market(tmp_path_factory.mktemp("market"))
    between = Tampering(create_app(folder, api_key=KEY, plan="light", page_rows=1000, rate_per_minute=None))
    with serving(between) as address:
        yield between, f"{address}/v2"


@pytest.fixture
def settings(server, tmp_path):
    """An installation that has taken three sessions in and made their features."""
    server[0].honest()
    made = replace(Settings.from_environment({"TOSHO_HOME": str(tmp_path)}), jquants=JQuants(server[1], KEY, "light"))
    lake = Lake.of(made)
    for session in DAYS:
        assert daily.ingest(session, made)["stale"] == {"sessions": 0}
    published = Published.of(lake, DAYS[-1])
    for session in DAYS:
        frame = pl.DataFrame({"session": [session], "code": [COMMON], "mom_5": [0.5]})
        facts = {FACT: published.made_from(session, 2)}
        lake.publish("features", session, frame, contract=features_contract(("mom_5",)), facts=facts)
    return made


def correct(rows_of_path):
    def tamper(path, rows):
        return [row | {"C": row["C"] + 1} if row["Code"] == COMMON else row for row in rows] if path == BARS else rows

    rows_of_path.rows = tamper


def test_a_correction_of_one_code_is_merged_told_and_what_is_stale_is_named(server, settings):
    lake = Lake.of(settings)
    before = lake.manifest("bars", DAYS[0])
    correct(server[0])
    told = daily.ingest(DAYS[0], settings, [COMMON[:4]])
    after = lake.manifest("bars", DAYS[0])
    assert after.superseded == (before.as_version(),)
    assert set(before.sources) < set(after.sources)
    was, now = (lake.read_version("bars", DAYS[0], version.sha256) for version in after.versions())
    changed = was.join(now, on=was.columns, how="anti", nulls_equal=True)
    assert changed["code"].to_list() == [COMMON]
    assert (told["stale"]["sessions"], told["stale"]["first"], told["stale"]["last"]) == (2, "2018-11-15", "2018-11-16")
    assert told["stale"]["why"].startswith("bars of 2018-11-14 was ")
    assert [fault for looked in look(lake, lake.tables()) for fault in looked.faults] == []


def test_a_code_fetched_again_as_it_was_makes_no_version_and_nothing_stale(settings):
    told = daily.ingest(DAYS[0], settings, [SPLIT])
    assert told["stale"] == {"sessions": 0}
    assert Lake.of(settings).manifest("bars", DAYS[0]).superseded == ()
