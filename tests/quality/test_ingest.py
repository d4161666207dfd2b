from datetime import date

import polars as pl
import pytest

from tosho.calendar import NotASessionError
from tosho.contracts import BARS
from tosho.quality import after_first_ingest, after_ingest


def failed(tables, **changed):
    return [v.gate for v in after_ingest(**(tables | changed)) if not v.passed]


def with_rows(frame, count, **columns):
    """Overwrite columns in the first rows."""
    place = pl.int_range(pl.len())
    return frame.with_columns(
        pl.when(place < count)
        .then(pl.lit(value) if not isinstance(value, pl.Expr) else value)
        .otherwise(pl.col(name))
        .alias(name)
        for name, value in columns.items()
    )


def test_a_sound_session_passes_every_gate(sound):
    assert failed(sound) == []


def test_a_listed_code_without_a_bar(sound):
    assert failed(sound, bars=sound["bars"][:290]) == ["ingest.coverage", "continuity.codes_lost"]


def test_the_missing_codes_are_named(sound):
    coverage = next(v for v in after_ingest(**(sound | {"bars": sound["bars"][10:]})) if v.gate == "ingest.coverage")
    assert "10 of 300 listed codes have no bar: 13010, 13040" in coverage.detail
    assert "and 2 more" in coverage.detail


def test_codes_outside_the_listing(sound):
    assert "ingest.unlisted" in failed(sound, securities=sound["securities"][:290])


def test_a_listing_of_another_session(sound):
    other = sound["securities"].with_columns(session=date(2018, 11, 15))
    assert failed(sound, securities=other) == ["ingest.other_sessions"]


def test_too_many_rows_in_quarantine(sound):
    assert failed(sound, quarantined={"high_is_highest": 3}) == ["ingest.rule_breaks"]


def test_bars_that_break_a_rule_unseen_by_the_contract(sound):
    assert failed(sound, bars=with_rows(sound["bars"], 3, high=1.0)) == ["ingest.rule_breaks"]


def test_a_key_twice(sound):
    assert failed(sound, bars=pl.concat([sound["bars"], sound["bars"][:1]])) == ["ingest.duplicates"]


@pytest.mark.parametrize("column", ["open", "close", "volume", "adj_factor", "turnover_yen"])
def test_a_column_without_a_value(sound, column):
    bars = sound["bars"].with_columns(pl.lit(None, pl.Float64).alias(column))
    assert "ingest.null_columns" in failed(sound, bars=bars)


def test_a_market_without_trades(sound):
    names = ("open", "high", "low", "close", "volume", "turnover_yen")
    nothing = sound["bars"].with_columns(pl.lit(None, pl.Float64).alias(name) for name in names)
    assert {"ingest.null_columns", "ingest.traded"} <= set(failed(sound, bars=nothing))


def test_a_fifth_of_the_market_without_trades(sound):
    empty = dict.fromkeys(("open", "high", "low", "close", "volume", "turnover_yen"))
    assert failed(sound, bars=with_rows(sound["bars"], 60, **empty)) == ["ingest.traded"]


def test_the_system_failure_of_2020_is_refused_by_name(sound):
    with pytest.raises(NotASessionError, match="system failure"):
        after_ingest(**(sound | {"session": date(2020, 10, 1)}))


def test_no_topix(sound):
    other = sound["indices"].with_columns(index_code=pl.lit("0028"))
    assert failed(sound, indices=other) == ["ingest.topix"]


@pytest.mark.parametrize("table", ["bars", "securities", "indices", "previous_bars"])
@pytest.mark.parametrize("empty", [False, True])
def test_a_table_that_is_missing_or_empty_never_passes(sound, table, empty):
    assert failed(sound, **{table: sound[table].clear() if empty else None}) != []


def test_nothing_passes_when_there_is_nothing(sound):
    nothing = dict.fromkeys(("bars", "securities", "indices", "previous_bars"))
    passed = {v.gate for v in after_ingest(**(sound | nothing)) if v.passed}
    assert passed == {"ingest.missing_columns", "ingest.other_sessions"}  # no column is absent, no row is foreign


def test_a_column_that_is_not_there_stops_before_the_other_gates(sound):
    [verdict] = after_ingest(**(sound | {"bars": sound["bars"].drop("close")}))
    assert not verdict.passed
    assert "bars.close" in verdict.detail


def test_the_first_session_of_a_lake_is_judged_without_one_before(sound):
    del sound["previous_bars"]
    assert all(v.passed for v in after_first_ingest(**sound))


def test_a_session_without_one_before_says_what_to_do(sound):
    [lost] = [v for v in after_ingest(**(sound | {"previous_bars": None})) if v.gate == "continuity.codes_lost"]
    assert not lost.passed
    assert "If there are none of 2018-11-15, ingest that session first" in lost.advice


def test_bars_of_an_older_session_are_not_the_ones_before(sound):
    older = sound["previous_bars"].with_columns(session=date(2018, 11, 14))
    assert "continuity.comparable" in failed(sound, previous_bars=older)


def test_a_file_served_twice(sound):
    again = sound["previous_bars"].with_columns(session=sound["session"])
    assert failed(sound, bars=again) == ["continuity.stale", "continuity.frozen"]


@pytest.mark.parametrize("column", ["close", "volume", "turnover_yen"])
def test_a_column_that_keeps_its_old_values(sound, column):
    old = sound["previous_bars"].select("code", pl.col(column).alias("old"))
    frozen = sound["bars"].join(old, on="code").with_columns(pl.col("old").alias(column)).drop("old")
    [verdict] = [v for v in after_ingest(**(sound | {"bars": frozen})) if v.gate == "continuity.frozen"]
    assert not verdict.passed
    assert f"{column} in 300" in verdict.detail


def test_a_few_rows_may_repeat(sound):
    again = sound["previous_bars"].with_columns(session=sound["session"])[:2]
    assert failed(sound, bars=pl.concat([again, sound["bars"][2:]])) == []


def test_splits_without_their_factor(sound):
    halved = {name: pl.col(name) / 2 for name in ("open", "high", "low", "close")}
    split = with_rows(sound["bars"], 3, **halved)
    assert failed(sound, bars=split) == ["continuity.beyond_price_limit"]
    assert failed(sound, bars=with_rows(split, 3, adj_factor=0.5)) == []


def test_a_moved_price_is_named_with_what_it_was(sound):
    bars = with_rows(sound["bars"], 3, close=5000.0, high=5001.0)
    [verdict] = [v for v in after_ingest(**(sound | {"bars": bars})) if not v.passed]
    base = sound["previous_bars"]["close"][0]
    assert f"13010 {base:g} -> 5000" in verdict.detail
    assert "AdjFactor" in verdict.advice


def test_two_sessions_in_one_table(sound):
    mixed = BARS.conform(pl.concat([sound["bars"], sound["previous_bars"]]))
    assert "ingest.other_sessions" in failed(sound, bars=mixed)
