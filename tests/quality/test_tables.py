"""The gates on one table, each with the fault that it is for, on every table that it is asked of."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from quality.sound_lake import CODES, FLOWS_ON, LAST, MARGIN_ON, SESSIONS, rows_of
from tosho import calendar
from tosho.contracts import INGESTED
from tosho.ingest.sources import SOURCES
from tosho.ingest.sources.margin_interest import MARGIN_INTEREST
from tosho.quality.due import is_due
from tosho.quality.expectations import CORE, EXPECTED
from tosho.quality.filled import EMPTIED_FROM, Filled, may_be_empty
from tosho.quality.tables import Held, after_table

BEFORE = SESSIONS[-2]
NAMED = {expected.table: expected for expected in EXPECTED}
ON = {"margin_interest": MARGIN_ON, "investor_flows": FLOWS_ON}
"""Sessions on which the weekly tables have rows, and those of the week before."""

EARLIER = {"margin_interest": date(2024, 6, 25), "investor_flows": date(2024, 6, 20)}
AT_CUTOFF = pl.lit(calendar.cutoff(LAST)).cast(pl.Datetime("us", "UTC"))


def those(chosen):
    """Mark a test for every table of which something is expected."""
    return pytest.mark.parametrize("table", [expected.table for expected in EXPECTED if chosen(expected)])


def held(table, **changed):
    """Return what is held of a sound table on the session on which it has rows."""
    session = ON.get(table, LAST)
    frame = rows_of(table, session)
    previous = rows_of(table, EARLIER.get(table, BEFORE))
    return replace(Held(session, frame, session, [frame.height] * 3, previous, frozenset(CODES)), **changed)


def failed(table, **changed):
    return [v.gate.partition(".")[2] for v in after_table(NAMED[table], held(table, **changed)) if not v.passed]


def verdict(table, gate, **changed):
    [found] = [v for v in after_table(NAMED[table], held(table, **changed)) if v.gate == f"{table}.{gate}"]
    return found


def as_if_new(table, rows):
    """Return old rows under the session's name, as a source that serves an old file sends them."""
    own = rows_of(table, ON.get(table, LAST))
    dated = rows.drop("session", "known_at").with_columns(session=own["session"][0], known_at=own["known_at"][0])
    return dated.select(own.columns)


def test_every_table_that_is_taken_in_has_its_expectation():
    assert sorted(NAMED) == sorted(INGESTED)


@those(lambda e: True)
def test_a_sound_table_passes(table):
    assert failed(table) == []


@those(lambda e: True)
def test_a_table_that_was_there_and_is_lost(table):
    found = verdict(table, "lost", frame=None, newest=BEFORE)
    assert (found.passed, found.value) == (False, 1.0)
    assert found.stops == (table not in {"morning_bars", "earnings_calendar"})
    assert str(BEFORE) in found.detail


def test_margin_balances_are_lost_only_where_they_are_due():
    found = after_table(NAMED["margin_interest"], held("margin_interest", frame=None, session=LAST))
    assert [(v.gate, v.passed) for v in found] == [("margin_interest.age", True)]


@those(lambda e: True)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (lambda rows: rows.drop("known_at"), "known_at: absent"),
        (lambda rows: rows.with_columns(pl.col("known_at").dt.replace_time_zone(None)), "known_at: Datetime"),
        (lambda rows: rows.with_columns(note=pl.lit("x")), "note: unknown"),
        (lambda rows: rows.select(reversed(rows.columns)), "columns in the order"),
    ],
)
def test_a_file_that_is_not_as_its_contract_says_stops(table, fault, told):
    found = after_table(NAMED[table], held(table, frame=fault(held(table).frame)))
    assert [(v.gate, v.stops) for v in found if not v.passed] == [(f"{table}.schema", True)]
    assert told in found[-1].detail
    assert len(found) == 2


@those(lambda e: True)
@pytest.mark.parametrize("hours", [2, -24])
def test_a_row_that_was_not_known_in_time_stops(table, hours):
    moved = pl.when(pl.int_range(pl.len()) == 0).then(timedelta(hours=hours)).otherwise(timedelta(0))
    rows = held(table).frame.with_columns(known_at=pl.col("known_at") + moved)
    found = verdict(table, "known_in_time", frame=rows)
    assert (found.passed, found.value, found.stops) == (False, 1.0, True)


def test_the_cutoff_itself_is_in_time_and_that_of_the_session_before_is_not():
    rows = rows_of("bars", LAST)
    assert failed("bars", frame=rows.with_columns(known_at=AT_CUTOFF)) == []
    early = pl.lit(calendar.cutoff(BEFORE)).cast(pl.Datetime("us", "UTC"))
    assert failed("bars", frame=rows.with_columns(known_at=early)) == ["known_in_time"]


@pytest.mark.parametrize("column", ["known_at", "session"])
def test_a_row_that_does_not_say_when_it_was_known(column):
    rows = rows_of("bars", LAST)
    nothing = pl.when(pl.col("code") != CODES[0]).then(column)
    assert failed("bars", frame=rows.with_columns(nothing.alias(column))) == ["known_in_time"]


@those(lambda e: not e.age and not e.weekly)
def test_a_daily_table_without_a_row_is_old(table):
    found = verdict(table, "age", frame=INGESTED[table].empty(), newest=BEFORE)
    assert (found.passed, found.value, found.bound, found.stops) == (False, 1.0, 0.0, table in CORE)


@those(lambda e: e.age)
def test_what_does_not_come_every_day_is_old_after_its_season(table):
    empty = INGESTED[table].empty()
    newest = calendar.offset(LAST, -NAMED[table].age)
    assert failed(table, frame=empty, newest=newest) == []
    assert failed(table, frame=empty, newest=calendar.previous_session(newest)) == ["age"]


def test_age_is_not_measured_where_nothing_ever_came():
    assert failed("bars", frame=INGESTED["bars"].empty(), newest=None) == ["age"]


@pytest.mark.parametrize(
    ("table", "session", "bound"),
    [
        ("margin_interest", MARGIN_ON, 0),
        ("margin_interest", LAST, 1),
        ("margin_interest", calendar.previous_session(MARGIN_ON), 4),
        ("investor_flows", FLOWS_ON, 0),
        ("investor_flows", LAST, 4),
        ("margin_interest", date(2025, 1, 6), 0),  # of the week that ended on 2024-12-27
        ("margin_interest", date(2025, 1, 7), 1),  # of the next week, which had one session, nothing is published
        ("margin_interest", date(2026, 9, 24), 4),
        ("margin_interest", date(2026, 9, 28), 0),  # from here on they are those of the session before
    ],
)
def test_a_weekly_table_is_as_old_as_its_last_publication(table, session, bound):
    found = verdict(
        table, "age", session=session, newest=calendar.offset(session, -bound), frame=INGESTED[table].empty()
    )
    assert (found.passed, found.bound) == (True, bound)
    older = verdict(
        table, "age", session=session, newest=calendar.offset(session, -bound - 1), frame=INGESTED[table].empty()
    )
    assert not older.passed


def test_margin_balances_are_due_every_day_since_they_are_published_so():
    found = after_table(NAMED["margin_interest"], held("margin_interest", frame=None, session=date(2026, 9, 30)))
    assert [v.gate for v in found if not v.passed] == ["margin_interest.lost"]


def test_margin_balances_are_due_when_they_are_asked_for():
    days = calendar.sessions(date(2025, 12, 1), date(2026, 10, 30))
    assert [is_due(NAMED["margin_interest"], day) for day in days] == [MARGIN_INTEREST.is_due(day) for day in days]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.table)
def test_what_can_be_had_only_today_is_known_as_such(source):
    assert NAMED[source.table].of_the_moment == source.of_the_moment


def of_some_rows(table):
    """Return the columns of a table that a partition may lack, without those that the source has given up."""
    due = {c.name for c in INGESTED[table].columns if c.due(LAST, LAST)}
    return [name for name in may_be_empty(INGESTED[table]) if name in due - {NAMED[table].kind}]


def at_length(frame):
    """Return rows so many times that there are enough to tell."""
    return pl.concat([frame] * (1 + 2 * EMPTIED_FROM // frame.height))


def before(table, *frames):
    """Return how full some partitions were, as what is held of a table."""
    return lambda: [Filled.of(INGESTED[table], frame, NAMED[table].kind) for frame in frames]


def without(frame, *names):
    return frame.with_columns(pl.lit(None, frame.schema[name]).alias(name) for name in names)


@those(lambda e: of_some_rows(e.table))
def test_each_column_that_may_be_empty_and_was_filled_until_now_stops(table):
    sound = at_length(held(table).frame)
    for name in of_some_rows(table):
        found = verdict(table, "emptied", frame=without(sound, name), filled_before=before(table, sound, sound))
        assert (found.passed, found.value, found.stops) == (False, 1.0, True)
        assert name in found.detail


def test_what_too_few_rows_lack_to_be_refused_is_missed_when_it_goes_on():
    """A payload of four futures without a settlement is no proof; that of eight evenings in a row is."""
    rows = held("futures").frame
    lost = without(rows, "settlement")[:4]
    assert failed("futures", frame=lost, filled_before=before("futures", *[rows] * 5, *[lost] * 7))[-1] == "emptied"
    assert "emptied" not in failed("futures", frame=lost, filled_before=before("futures", *[rows] * 5, *[lost] * 6))


def test_a_column_that_the_source_has_given_up_is_not_missed():
    sound = held("futures").frame
    given_up = [c.name for c in INGESTED["futures"].columns if not c.due(LAST, LAST)]
    assert given_up == ["morning_open", "morning_high", "morning_low", "morning_close"]
    assert failed("futures", frame=without(sound, *given_up), filled_before=before("futures", sound)) == []


def test_a_season_is_not_judged_by_another():
    """After weeks of quarters an evening has nothing but years, which say nothing of this year."""
    year, quarter = (
        at_length(held("statements").frame).with_columns(document=pl.lit(kind))
        for kind in ("FYFinancialStatements_Consolidated_JP", "1QFinancialStatements_Consolidated_JP")
    )
    years, season = without(year, "forecast_sales"), before("statements", *[quarter] * 19)
    assert failed("statements", frame=years, filled_before=season) == []
    both = before("statements", *[pl.concat([quarter, years])] * 19)
    assert failed("statements", frame=years, filled_before=both) == []
    found = verdict("statements", "emptied", frame=without(years, "bps"), filled_before=both)
    assert "bps of FYFinancialStatements_Consolidated_JP" in found.detail


def test_what_one_row_in_eight_has_is_missed_among_many():
    rows = at_length(held("short_positions").frame).with_row_index()
    some = rows.with_columns(pl.when(pl.col("index") % 8 == 0).then("manager").alias("manager")).drop("index")
    lost, usual = without(some, "manager"), before("short_positions", *[some] * 5)
    assert failed("short_positions", frame=pl.concat([lost] * 2), filled_before=usual) == ["emptied"]
    assert failed("short_positions", frame=lost, filled_before=usual) == []  # too few to tell


def test_what_was_before_is_not_asked_where_every_column_has_a_value():
    def fail():
        raise AssertionError

    assert failed("securities", filled_before=fail) == []


def test_a_column_that_few_rows_had_or_few_rows_can_have_is_not_missed():
    rows, earlier = rows_of("bars", LAST), rows_of("bars", BEFORE)
    nothing = without(rows, "upper_limit_hit")
    most, fewer = (
        earlier.with_columns(pl.when(pl.int_range(pl.len()) < count).then("upper_limit_hit").alias("upper_limit_hit"))
        for count in (15, 14)  # of 40
    )
    assert failed("bars", frame=nothing, filled_before=before("bars", most)) == ["emptied"]
    assert failed("bars", frame=nothing, filled_before=before("bars", fewer)) == []
    for frame, previous in ((nothing[: EMPTIED_FROM - 1], most), (nothing, most[: EMPTIED_FROM - 1])):
        assert "emptied" not in failed("bars", frame=frame, filled_before=before("bars", previous))


def test_a_thin_partition_before_does_not_hide_a_lost_column():
    rows = rows_of("bars", LAST)
    lost = without(rows, "upper_limit_hit")
    assert failed("bars", frame=lost, filled_before=before("bars", rows, rows, lost[:5])) == ["emptied"]
    assert failed("bars", frame=lost, filled_before=before("bars", rows, rows, lost)) == ["emptied"]


def test_thin_partitions_in_a_row_count_together():
    rows = rows_of("bars", LAST)
    lost = without(rows, "upper_limit_hit")[: EMPTIED_FROM // 2]
    assert "emptied" in failed("bars", frame=lost, filled_before=before("bars", rows, rows, lost))
    assert "emptied" not in failed("bars", frame=lost, filled_before=before("bars", rows, rows))
    assert "emptied" not in failed("bars", frame=lost, filled_before=before("bars", rows, rows, rows[:5], lost[:5]))


def test_what_has_been_empty_for_half_of_the_partitions_is_usual():
    rows = rows_of("bars", LAST)
    lost = without(rows, "upper_limit_hit")
    assert failed("bars", frame=lost, filled_before=before("bars", *[rows] * 9, *[lost] * 10)) == []


@those(lambda e: e.of_usual)
def test_fewer_rows_than_usual(table):
    rows = held(table).frame
    usual = [10 * rows.height + 30] * 3
    found = verdict(table, "rows", rows_before=usual)
    assert (found.passed, found.value, found.stops) == (False, rows.height, table in CORE)
    assert "rows" not in failed(table, rows_before=usual[:2])  # nothing is usual yet


@those(lambda e: e.of_listing)
def test_fewer_codes_than_are_listed(table):
    found = verdict(table, "coverage", frame=held(table).frame.filter(pl.col("code") >= CODES[9]))
    assert (found.passed, found.value) == (False, 31 / 40)
    assert CODES[0] in found.detail


@those(lambda e: e.of_listing)
def test_coverage_cannot_pass_for_want_of_a_listing(table):
    assert failed(table, listed=frozenset()) == ["coverage"]


@those(lambda e: e.about_codes)
def test_codes_that_no_listing_had(table):
    unknown = frozenset(CODES[:3])
    found = verdict(table, "unknown", unknown=unknown)
    assert (found.passed, found.stops) == (False, False)
    assert ", ".join(sorted(unknown)) in found.detail


@those(lambda e: e.follows)
def test_what_the_partition_before_had_and_this_one_lacks(table):
    rows = held(table).frame
    more = [rows.head(1).with_columns(pl.lit(f"0X{n}").alias(NAMED[table].follows[0])) for n in range(6)]
    found = verdict(table, "gone", previous=pl.concat([rows, *more]))
    assert (found.passed, found.value) == (False, 6.0)
    assert "0X1" in found.detail


@those(lambda e: e.repeated is not None)
def test_an_old_file_under_a_new_name(table):
    assert failed(table, frame=as_if_new(table, held(table).previous)) == ["repeated"]


@those(lambda e: e.ends)
def test_a_contract_is_gone_before_its_last_day_and_not_after(table):
    rows, previous = held(table).frame, held(table).previous
    assert failed(table, frame=rows[:50]) == ["gone"]
    for last in (BEFORE, None):  # over, or not told
        ended = previous.with_columns(pl.lit(last, pl.Date).alias("last_trading_day"))
        assert "gone" not in failed(table, frame=rows[:50], previous=ended)


@those(lambda e: e.fixed)
def test_what_a_contract_is_does_not_change(table):
    rows = held(table).frame
    for name in NAMED[table].fixed:
        other = rows[1:2][name] if rows[1:2][name][0] != rows[0:1][name][0] else another(rows[0:1][name])
        changed = pl.concat([rows[:1].with_columns(other.alias(name)), rows[1:]])
        found = verdict(table, "changed", frame=changed)
        assert (found.passed, found.value, found.stops) == (False, 1.0, False)
        assert f": {rows['contract'][0]}: {name} {rows[name][0]} is {changed[name][0]}." in found.detail


def another(value):
    return value + timedelta(days=1) if value.dtype == pl.Date else value + "9"


def test_what_is_told_for_the_first_time_is_no_change():
    """As of the days of 2016-07-19, on which the last trading day of every contract was first told."""
    untold = without(held("futures").previous, "last_trading_day", "special_quotation_day")
    assert failed("futures", previous=untold) == []


def test_one_index_that_stands_still():
    old, rows = held("all_indices").previous, held("all_indices").frame
    still = as_if_new("all_indices", old.filter(pl.col("index_code") == "0028"))
    mixed = pl.concat([rows.filter(pl.col("index_code") != "0028"), still])
    found = verdict("all_indices", "repeated", frame=mixed)
    assert (found.passed, found.value) == (False, 1.0)
    assert "0028" in found.detail


def test_rows_of_nothing_are_no_repetition():
    nothing = {name: 0.0 for name, dtype in INGESTED["margin_interest"].schema.items() if dtype == pl.Float64}
    old = held("margin_interest").previous.with_columns(**nothing)
    assert failed("margin_interest", frame=as_if_new("margin_interest", old), previous=old) == []


def test_repetition_cannot_pass_where_nothing_can_be_compared():
    stranger = held("indices").previous.with_columns(index_code=pl.lit("0001"))
    assert failed("indices", previous=stranger) == ["gone", "repeated"]


def test_of_other_tables_only_loss_lost_columns_contract_and_knowledge_stop():
    for expected in EXPECTED:
        found = after_table(expected, held(expected.table, newest=None, listed=frozenset()))
        stopping = {v.gate.partition(".")[2] for v in found if v.stops}
        assert expected.core or stopping <= {"lost", "schema", "known_in_time", "emptied"}
