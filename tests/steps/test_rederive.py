"""Which features come from other data than is published now: exactly those, with the reason, and no other."""

import logging
from datetime import UTC, date, datetime

import polars as pl
import pytest

from tosho.calendar import offset
from tosho.contracts import features_contract
from tosho.features.inputs import FACT, Published, dependents, to_build
from tosho.steps import rederive
from tosho.storage import Files, Lake, layout

LAST = date(2024, 12, 30)
DAYS = [offset(LAST, n) for n in range(-39, 1)]
LOOKBACK = 10
CONTRACT = features_contract(("mom_5",))


def bars(session, close=100.0, factor=1.0):
    flags = dict.fromkeys(("upper_limit_hit", "lower_limit_hit"))
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    row = {"session": session, "code": "13010", **prices, "volume": 1.0, "turnover_yen": close, "adj_factor": factor}
    return pl.DataFrame([row | flags], schema_overrides=dict.fromkeys(flags, pl.Boolean))


def listing(session, sector="0050"):
    row = {"session": session, "code": "13010", "name": "Kyokuyo", "name_en": "", "sector17": "1", "sector33": sector}
    return pl.DataFrame([row | {"scale": "", "segment": "0111", "margin_class": "1", "product": "011"}])


def index(session):
    prices = dict.fromkeys(("open", "high", "low", "close"), 2500.0)
    return pl.DataFrame([{"session": session, "index_code": "0000", **prices}])


def statement(session, count=1e6):
    known = datetime(session.year, session.month, session.day, 6, tzinfo=UTC)
    return pl.DataFrame([{"session": session, "code": "13010", "known_at": known, "shares_outstanding": count}])


def build(lake, days):
    """Publish features as the job does, of no value that matters."""
    published = Published.of(lake, days[-1])
    for session in days:
        frame = pl.DataFrame({"session": [session], "code": ["13010"], "mom_5": [0.5]})
        facts = {"feature_set": "core", FACT: published.made_from(session, LOOKBACK)}
        lake.publish("features", session, frame, contract=CONTRACT, facts=facts)


@pytest.fixture
def lake(tmp_path):
    made = Lake(Files(f"file://{tmp_path}/lake"))
    for session in DAYS:
        made.publish("bars", session, bars(session))
        made.publish("securities", session, listing(session))
        made.publish("indices", session, index(session))
        made.publish("shares", session, statement(session).head(DAYS.index(session) % 7 == 0))
    build(made, DAYS)
    return made


def window_of(changed):
    """The sessions whose window holds a session: itself and as many later ones as the lookback has."""
    return DAYS[changed : changed + LOOKBACK + 1]


def test_features_of_what_is_published_are_not_stale(lake):
    assert rederive.stale(lake) == []


def test_a_repaired_bar_makes_its_own_and_the_following_windows_stale(lake):
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    assert rederive.stale(lake) == window_of(20)
    assert rederive.stale(lake, DAYS[25], DAYS[27]) == DAYS[25:28]


@pytest.mark.parametrize("table", ["securities", "indices"])
def test_another_listing_or_index_counts_in_the_window(lake, table):
    lake.files.delete_folder(layout.partition_path(table, DAYS[20]))
    assert rederive.stale(lake) == window_of(20)
    assert rederive.reasons(lake)[DAYS[20]].startswith(f"{table} of {DAYS[20]} was ")
    assert rederive.reasons(lake)[DAYS[20]].endswith("is nothing")


def test_a_bar_repaired_to_the_same_bytes_makes_nothing_stale(lake):
    lake.publish("bars", DAYS[20], bars(DAYS[20]))
    assert rederive.stale(lake) == []


def test_a_repair_taken_back_leaves_nothing_stale(lake):
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    lake.publish("bars", DAYS[20], bars(DAYS[20]))
    assert rederive.stale(lake) == []


def test_the_reason_names_the_partition_and_both_versions(lake):
    was = lake.manifest("bars", DAYS[20]).sha256[:8]
    now = lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0)).sha256[:8]
    lake.publish("bars", DAYS[22], bars(DAYS[22], close=101.0))
    told = rederive.reasons(lake)
    assert told[DAYS[20]] == f"bars of {DAYS[20]} was {was}, is {now}"
    assert told[DAYS[22]] == f"bars of {DAYS[20]} was {was}, is {now}, and 1 other partitions changed"


def test_a_split_that_changed_counts_in_every_later_session(lake):
    """The factor of before the window is part of every adjusted price in it."""
    lake.publish("bars", DAYS[5], bars(DAYS[5], factor=0.5))
    assert rederive.stale(lake) == DAYS[5:]


def test_a_split_whose_earlier_data_is_gone_may_have_changed(lake):
    was = lake.manifest("bars", DAYS[5])
    lake.publish("bars", DAYS[5], bars(DAYS[5], close=101.0))
    lake.forget_data("bars", DAYS[5], was.as_version())
    assert rederive.stale(lake) == DAYS[5:]


def test_a_statement_counts_in_every_later_session(lake):
    lake.publish("shares", DAYS[7], statement(DAYS[7], count=2e6))
    assert rederive.stale(lake) == DAYS[7:]


def test_a_partition_without_rows_is_as_good_as_none(lake):
    lake.files.delete_folder(layout.partition_path("shares", DAYS[8]))
    assert rederive.stale(lake) == []


def test_history_put_before_the_first_session_makes_the_short_windows_stale(lake):
    """Those behind the lookback have read nothing else than they would now: there was no split before."""
    before = offset(DAYS[0], -1)
    lake.publish("bars", before, bars(before))
    assert rederive.stale(lake) == DAYS[:LOOKBACK]
    lake.publish("bars", before, bars(before, factor=0.5))
    assert rederive.stale(lake) == DAYS


def test_features_that_do_not_tell_what_they_were_made_from_are_stale(lake):
    frame = lake.read("features", DAYS[3])
    lake.publish("features", DAYS[3], frame, contract=CONTRACT, facts={"feature_set": "core"})
    assert rederive.reasons(lake) == {DAYS[3]: "they do not tell what they were made from"}


def test_building_the_stale_ones_again_leaves_none(lake):
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    build(lake, rederive.stale(lake))
    assert rederive.stale(lake) == []


def test_an_evening_and_a_history_record_the_same(lake):
    whole = Published.of(lake, DAYS[-1]).made_from(DAYS[30], LOOKBACK)
    evening = Published.of(lake, DAYS[30], DAYS[30 - LOOKBACK]).made_from(DAYS[30], LOOKBACK)
    assert whole == evening


def test_what_is_to_be_built_is_stale_or_missing(lake):
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    lake.files.delete_folder(layout.partition_path("features", DAYS[36]))
    assert to_build(lake, DAYS) == [*window_of(20), DAYS[36]]
    assert to_build(lake, DAYS[:20]) == []


def test_features_of_another_set_are_to_be_built(lake):
    facts = {"number": 1, FACT: Published.of(lake, DAYS[-1]).made_from(DAYS[3], LOOKBACK)}
    lake.publish("features", DAYS[3], lake.read("features", DAYS[3]), contract=CONTRACT, facts=facts)
    assert to_build(lake, DAYS[3:4], number=1) == []
    assert to_build(lake, DAYS[3:4], number=2) == [DAYS[3]]


def as_set(lake, days, number):
    """Publish features that tell the number of their set."""
    published = Published.of(lake, days[-1])
    for session in days:
        facts = {"number": number, FACT: published.made_from(session, LOOKBACK)}
        lake.publish("features", session, lake.read("features", session), contract=CONTRACT, facts=facts)


def dependent(lake, session, number=1):
    return [found.session for found in dependents(lake, session, number)]


def test_what_depends_on_a_repaired_session_are_the_windows_that_hold_it(lake):
    as_set(lake, DAYS, 1)
    assert dependent(lake, DAYS[20]) == []
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    assert dependent(lake, DAYS[20]) == window_of(20)[1:]


def test_those_of_another_set_are_not_made_anew_by_this_one(lake):
    as_set(lake, DAYS[:25], 1)
    as_set(lake, DAYS[25:], 2)
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    assert dependent(lake, DAYS[20]) == DAYS[21:25]


def test_nor_those_behind_a_session_without_bars(lake):
    as_set(lake, DAYS, 1)
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    lake.files.delete_folder(layout.partition_path("bars", DAYS[24]))
    assert dependent(lake, DAYS[20]) == DAYS[21:24]


def test_a_session_taken_in_again_reports_the_later_ones(lake, caplog):
    lake.publish("bars", DAYS[20], bars(DAYS[20], close=101.0))
    with caplog.at_level(logging.WARNING):
        told = rederive.report_later(lake, DAYS[20])
    assert (told["sessions"], told["first"], told["last"]) == (LOOKBACK, str(DAYS[21]), str(DAYS[30]))
    assert f"Run the Dag `history` from {DAYS[21]} to {DAYS[30]} with build `stale`" in caplog.text


def test_of_the_newest_session_nothing_is_read(lake, monkeypatch):
    monkeypatch.setattr(Published, "of", None)
    assert rederive.report_later(lake, LAST) == {"sessions": 0}
