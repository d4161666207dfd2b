"""What a lake holds of a session: which tables are judged, and what is judged beside what came before."""

import shutil
from datetime import date
from os import link
from pathlib import Path

import polars as pl
import pytest

from quality.sound_lake import CODES, LAST, MARGIN_ON, RECENT, SESSIONS, fill, rows_of
from tosho import calendar
from tosho.calendar import NotASessionError
from tosho.contracts import INGESTED
from tosho.quality import DataJudge
from tosho.quality.expectations import CORE
from tosho.quality.tables import NEVER_ANY_AT_MOST
from tosho.storage import Files, Lake, PartitionMissingError


@pytest.fixture(scope="module")
def sound_lake(tmp_path_factory):
    return fill(Lake(Files(f"file://{tmp_path_factory.mktemp('sound')}")))


@pytest.fixture
def lake(sound_lake, tmp_path):
    """A lake of the test's own; files are replaced whole, so that those of the sound one may be shared."""
    shutil.copytree(Path(sound_lake.files.root.removeprefix("file://")), tmp_path / "lake", copy_function=link)
    return Lake(Files(f"file://{tmp_path}/lake"))


def failed(lake, session=LAST, *, stopping=(True, False)):
    return [v.gate for v in DataJudge(lake).judge(session) if not v.passed and v.stops in stopping]


def verdict(lake, gate, session=LAST):
    [found] = [v for v in DataJudge(lake).judge(session) if v.gate == gate]
    return found


def change(lake, table, session=LAST, **columns):
    """Publish a session's rows with other columns."""
    lake.publish(table, session, rows_of(table, session).with_columns(**columns))


def put(lake, table, frame, session=LAST):
    """Put a file in the place of the published one that no contract has seen, with a manifest that fits it."""

    class Foreign:
        is_wide = False

        def conform(self, frame):
            return frame

    lake.publish(table, session, frame, contract=Foreign())


def only(code, **values):
    """Return columns in which one code has other values."""
    return {name: pl.when(pl.col("code") == code).then(value).otherwise(pl.col(name)) for name, value in values.items()}


def test_a_sound_lake_passes_every_gate_from_its_first_session_on(sound_lake):
    judge = DataJudge(sound_lake)
    found = {session: judge.judge(session) for session in SESSIONS}
    assert [str(v) for verdicts in found.values() for v in verdicts if not v.passed] == []
    assert found[LAST] == DataJudge(sound_lake).judge(LAST)  # alone as after the others


def test_a_table_that_the_lake_never_had_rows_of_is_not_judged(tmp_path):
    lake = fill(Lake(Files(f"file://{tmp_path}")), RECENT[:2], CORE)
    lake.publish("statements", RECENT[1], INGESTED["statements"].empty())
    gates = {v.gate.partition(".")[0] for v in DataJudge(lake).judge(RECENT[1])}
    assert gates == {*CORE, "ingest", "continuity"}


def test_a_table_that_never_had_a_row_is_told_in_the_end(lake):
    lake.files.delete_folder("tables/short_positions")
    nothing = INGESTED["short_positions"].empty()
    for session in calendar.sessions(date(2024, 1, 4), LAST)[: NEVER_ANY_AT_MOST - 1]:
        lake.publish("short_positions", session, nothing)
    assert failed(lake) == []
    lake.publish("short_positions", LAST, nothing)
    found = verdict(lake, "short_positions.never_any")
    assert (found.passed, found.stops, found.value) == (False, False, NEVER_ANY_AT_MOST)


def test_every_table_that_was_there_is_missed(lake):
    lost = set(INGESTED) - CORE - {"margin_interest"}
    for table in lost:
        lake.files.delete_folder(f"tables/{table}/session={LAST}")
    assert {f"{table}.lost" for table in lost} == set(failed(lake))


def test_a_table_that_went_long_ago_is_missed_still(lake):
    for session in RECENT[1:]:
        lake.files.delete_folder(f"tables/breakdown/session={session}")
    assert failed(lake) == ["breakdown.lost"]
    assert verdict(lake, "breakdown.lost").stops


@pytest.mark.parametrize("table", sorted(CORE - {"bars"}))
def test_a_core_table_that_is_gone_stops(lake, table):
    lake.files.delete_folder(f"tables/{table}/session={LAST}")
    assert f"{table}.lost" in failed(lake, stopping=[True])


def test_a_session_without_bars_cannot_be_judged(lake):
    lake.files.delete_folder(f"tables/bars/session={LAST}")
    with pytest.raises(PartitionMissingError, match="Ingest or compute it first"):
        DataJudge(lake).judge(LAST)


def test_a_day_that_is_no_session_is_refused(lake):
    with pytest.raises(NotASessionError):
        DataJudge(lake).judge(date(2024, 6, 30))


def test_partitions_of_an_older_version_stop_and_break_nothing(lake):
    for table in sorted(set(INGESTED) - {"margin_interest"}):
        put(lake, table, rows_of(table, LAST).drop("known_at"))
    assert {f"{table}.schema" for table in set(INGESTED) - {"margin_interest"}} == set(failed(lake, stopping=[True]))


def test_a_partition_of_an_older_version_is_not_compared_with(lake):
    for table in ("breakdown", "bars", "securities"):
        put(lake, table, rows_of(table, RECENT[-2]).drop("known_at"), RECENT[-2])
    assert failed(lake) == []


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("bars", "upper_limit_hit"),
        ("securities", "margin_class"),
        ("options_225", "night_open"),
        ("dividends", "payable_on"),
    ],
)
def test_a_column_that_a_source_no_longer_fills_stops_by_name(lake, table, column):
    change(lake, table, **{column: pl.when(pl.lit(value=False)).then(column)})
    found = verdict(lake, f"{table}.emptied")
    assert (found.passed, found.stops) == (False, True)
    assert column in found.detail


@pytest.mark.parametrize("rows", [5, 40])
def test_a_column_lost_in_two_partitions_in_a_row_is_named_in_both(lake, rows):
    """By an evening each, and by a history that judges all sessions: one partition of before would hide it."""
    for session in RECENT[-2:]:
        lost = rows_of("securities", session).with_columns(pl.lit(None, pl.String).alias("margin_class"))
        lake.publish("securities", session, lost.head(rows if session == RECENT[-2] else 40))
    history = DataJudge(lake)
    told = {session: {v.gate: v.passed for v in history.judge(session)} for session in SESSIONS}
    assert not told[LAST]["securities.emptied"]
    assert told[RECENT[-2]]["securities.emptied"] == (rows == 5)  # too few to tell by themselves
    assert all(told[session]["securities.emptied"] for session in SESSIONS[:-2])
    assert not verdict(lake, "securities.emptied").passed


def test_codes_that_were_delisted_are_known(lake):
    gone = CODES[:3]
    for session in RECENT:
        listing = rows_of("securities", session).filter(~pl.col("code").is_in(gone))
        lake.publish("securities", session, listing)
    assert verdict(lake, "statements.unknown").passed


def test_codes_that_no_listing_had_are_not(lake):
    rows = rows_of("statements", LAST)
    strangers = rows.with_columns(code=pl.Series(["99970", "99980", "99990"]))
    lake.publish("statements", LAST, pl.concat([rows, strangers]))
    found = verdict(lake, "statements.unknown")
    assert (found.passed, found.value) == (False, 3.0)
    assert "99970, 99980, 99990" in found.detail


def test_a_week_without_margin_balances_is_seen_on_its_day_and_after(lake):
    lake.publish("margin_interest", MARGIN_ON, INGESTED["margin_interest"].empty())
    assert [(v.value, v.bound) for s in (MARGIN_ON, LAST) for v in [verdict(lake, "margin_interest.age", s)]] == [
        (5.0, 0.0),
        (6.0, 1.0),
    ]


def test_codes_whose_bars_never_change(lake):
    prices = dict.fromkeys(("open", "high", "low", "close", "volume"), 1000.0)
    still = pl.col("code").is_in(CODES[:3])
    columns = {name: pl.when(still).then(price).otherwise(pl.col(name)) for name, price in prices.items()}
    for session in SESSIONS:
        change(lake, "bars", session, **columns)
    assert verdict(lake, "bars.constant_run", SESSIONS[9]).passed  # ten sessions the same
    found = verdict(lake, "bars.constant_run", SESSIONS[10])
    assert (found.passed, found.value) == (False, 3.0)
    assert CODES[0] in found.detail
    judge = DataJudge(lake)
    assert [judge.judge(session) for session in SESSIONS][10] == DataJudge(lake).judge(SESSIONS[10])


def test_a_code_without_trades_stands_still_for_as_long_as_it_likes(lake):
    for session in SESSIONS:
        change(lake, "bars", session, **only(CODES[0], **dict.fromkeys(("open", "high", "low", "close", "volume"))))
    assert failed(lake) == []


def test_two_tables_that_disagree_on_topix_are_a_warning(lake):
    change(lake, "all_indices", high=pl.col("high") + 1)
    found = verdict(lake, "indices.agree")
    assert (found.passed, found.value, found.stops) == (False, 1.0, False)
    assert "high" in found.detail


def test_topix_that_one_table_lacks_is_no_agreement(lake):
    lake.publish("all_indices", LAST, rows_of("all_indices", LAST).filter(pl.col("index_code") != "0000"))
    assert not verdict(lake, "indices.agree").passed


def test_a_calendar_that_disagrees_stops(lake):
    change(lake, "trading_days", division=pl.lit("3"))
    assert failed(lake, stopping=[True]) == ["trading_days.calendar"]
