"""What the bench of ingest makes of what it measured; and the whole of it once, on a tiny market."""

import doctest
import json
from collections import Counter

import pytest
from bench.ingest import __main__ as bench
from bench.ingest import evening, memory, pacing, verdicts
from bench.ingest.pacing import Taken, TooFewRequestsError, described, sessions_needed

from tosho.ingest.sources import SOURCES

BARS, FINS = "/equities/bars/daily", "/fins/summary"


def taken(sessions, wall_s, **asked):
    return Taken(sessions, Counter({f"/{name.replace('_', '/')}": count for name, count in asked.items()}), wall_s, 1)


@pytest.mark.parametrize("module", [pacing, memory])
def test_the_examples_hold(module):
    found = doctest.testmod(module)
    assert (found.failed, found.attempted > 0) == (0, True)


def test_a_history_that_goes_in_the_first_minute_has_no_ratio():
    with pytest.raises(TooFewRequestsError, match="120 requests for 6 sessions"):
        described(taken(6, 9.0, bars=120), taken(6, 9.0, bars=120), 120)


def test_the_ratio_is_of_full_minutes():
    told = described(taken(4, 8.0, bars=80), taken(13, 135.0, bars=260), 120)
    assert (told["bound_s"], told["ratio"]) == (120, 1.125)


def test_ten_years_take_what_the_pace_takes():
    told = described(taken(4, 8.0, bars=80), taken(13, 135.0, bars=260), 120)["ten_years"]
    assert (told["requests"], told["bound_s"]) == (49_000, 408 * 60)
    assert told["ratio"] == pytest.approx(60.5 / 60, abs=1e-3)


def test_or_what_the_work_takes_where_it_is_slower():
    told = described(taken(4, 80.0, bars=80), taken(13, 270.0, bars=260), 120)["ten_years"]
    assert told["wall_s"] == 49_000
    assert told["ratio"] > verdicts.OVER_PACE


def test_as_many_sessions_as_the_pace_holds_up():
    tried = taken(4, 8.0, bars=80)
    assert [sessions_needed(tried, 120, windows) for windows in (1, 2)] == [7, 13]


def test_statements_hold_it_up_where_the_plan_is_large():
    assert sessions_needed(taken(4, 8.0, bars=80, fins_summary=32), 500, 1) == 8


def test_a_market_that_is_too_small_is_refused():
    with pytest.raises(TooFewRequestsError, match="not held up 50 times"):
        sessions_needed(taken(4, 8.0, bars=80), 120, 50)


def test_memory_that_grows_is_no_flat_one():
    told = {"sessions": 2_500, "codes": 300, "peak_mib": 900}
    growing = memory.slope({part: 300 + 4 * part for part in range(20)}, 2_500)
    flat = memory.slope({part: 300 + part % 2 for part in range(20)}, 2_500)
    for found, holds in ((growing, False), (flat, True)):
        rows = verdicts.of("memory", {**told, "slope_mib_per_1000_sessions": found})
        assert [row.holds for row in rows] == [None, holds]


def test_a_table_without_rows_does_not_hold():
    told = {
        "session": "2026-10-29", "codes": 50, "tables": 2, "requests": 3, "walls_s": [1.0, 2.0],
        "rows": {"bars": 9, "investor_flows": 0}, "without_rows": ["investor_flows"],
    }  # fmt: skip
    assert "tables without a row on 2026-10-29" in [row.name for row in verdicts.of("session", told) if not row.holds]


def test_every_table_has_rows_on_the_session_that_is_measured():
    told = evening.session(codes=300, times=1)
    assert told["without_rows"] == []
    assert set(told["rows"]) == {source.table for source in SOURCES}


def test_the_command_prints_figures_with_verdicts_and_keeps_them_beside_others(tmp_path, capsys, monkeypatch):
    def parse(**_):
        return {"rows_per_s": 1, "rows_per_s_at_best": 2}

    monkeypatch.setitem(bench.MEASURED, "parse", parse)
    bench.keep(tmp_path / "ingest.json", "memory", {"peak_mib": 1})
    assert bench.main(["--out", str(tmp_path), "parse"]) == 1
    assert "at least 300,000    DOES NOT HOLD" in capsys.readouterr().out
    kept = json.loads((tmp_path / "ingest.json").read_text())
    assert (list(kept), kept["parse"]["rows_per_s"]) == (["memory", "parse"], 1)
