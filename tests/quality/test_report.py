"""The page of a session: what it shows, that it stands alone, and that equal content gives equal bytes."""

import re
from dataclasses import replace

import polars as pl
import pytest

from quality.sound_lake import LAST, RECENT, fill, rows_of
from tosho.contracts import RULE
from tosho.quality import write_report
from tosho.quality.sparkline import sparkline
from tosho.quality.verdict import NOT_MEASURED, at_least, at_most
from tosho.storage import Files, Lake, Source, layout, purge

PASSED = at_least("bars.rows", 40, 38, "bars usually has 40 rows.", "Fetch again.")
STOPS = at_most("bars.schema", 1, 0, "open: <Int64>, not Float64.", "Ingest the session again.")
WARNS = replace(at_most("breakdown.age", NOT_MEASURED, 0, "Nothing came.", "Look at the source."), stops=False)


@pytest.fixture
def lake(tmp_path):
    return fill(Lake(Files(f"file://{tmp_path}")), RECENT, ("bars", "securities", "margin_interest"))


def page(lake, *verdicts):
    assert write_report(lake, LAST, verdicts) == lake.files.uri("reports/session=2024-07-03/quality.html")
    return lake.files.read(layout.report_path(LAST)).decode()


def rows(text, heading):
    """Return the cells of a section's table as text, row by row."""
    section = text.split(f"<h2>{heading}</h2>")[1].split("<h2>")[0].split("<details>")[0]
    found = [re.findall(r"<td>(.*?)</td>", row) for row in section.split("<tr>")[2:]]
    return [[re.sub(r"<svg.*?</svg>", "trend", cell) for cell in row] for row in found]


def test_what_failed_is_told_with_value_bound_and_what_to_do_stops_first(lake):
    text = page(lake, PASSED, WARNS, STOPS)
    assert [row[:3] for row in rows(text, "Gates that failed")] == [
        ["bars.schema", "1", "at most 0"],
        ["breakdown.age", "not measured", "at most 0"],
    ]
    assert "Ingest the session again." in text
    assert "open: &lt;Int64&gt;, not Float64." in text
    assert "bars usually has 40 rows." in text.split("Gates that are passed")[1]


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [([PASSED], "Every gate is passed"), ([PASSED, WARNS], "The run goes on"), ([WARNS, STOPS], "The run was stopped")],
)
def test_the_page_begins_with_what_came_of_it(lake, verdicts, told):
    assert told in page(lake, *verdicts)


def test_every_table_has_its_rows_trend_and_age(lake):
    assert rows(page(lake, PASSED), "Tables") == [
        ["bars", "40", "40", "trend", "2024-07-03", "0", "0", "0"],
        ["securities", "40", "40", "trend", "2024-07-03", "0", "0", "0"],
        ["margin_interest", "no partition", "40", "trend", "2024-07-02", "1", "", ""],
    ]


def test_quarantined_rows_are_shown_by_rule_with_examples(lake):
    bad = rows_of("bars", LAST).head(5).with_columns(pl.lit("high_is_highest").alias(RULE))
    lake.quarantine("bars", LAST, bad)
    lake.publish("bars", LAST, rows_of("bars", LAST), quarantined={"high_is_highest": 5, "code_<form>": 1})
    kept, told = rows(page(lake, PASSED), "Quarantined rows")[::-1]
    assert kept[:3] == ["bars", "high_is_highest", "5"]
    assert kept[3].count("<br>") == 2
    assert "code 13010, open" in kept[3]
    assert told == ["bars", "code_&lt;form&gt;", "1", "not kept"]


def test_versions_that_were_replaced_are_named_with_their_payloads(lake):
    source = Source("date=2024-07-03,page=1", "ab" * 32, "2024-07-03T08:00:00Z")
    lake.publish("bars", LAST, rows_of("bars", LAST)[1:], sources=[source])
    before = lake.manifest("bars", LAST)
    lake.publish("bars", LAST, rows_of("bars", LAST))
    newest, first = rows(page(lake, PASSED), "What took the place of what")
    assert newest == ["bars", before.sha256[:16], "39", f"{before.size:,}", "date=2024-07-03,page=1 abababababab"]
    assert first[2] == "40"


def test_the_page_stands_alone(lake):
    text = page(lake, PASSED, STOPS)
    assert not re.search(r"(src|href)=|url\(|https?://|<script", text)


def test_the_same_lake_gives_the_same_bytes(lake, tmp_path):
    other = fill(Lake(Files(f"file://{tmp_path}/other")), RECENT, ("bars", "securities", "margin_interest"))
    assert page(lake, PASSED, WARNS) == page(other, PASSED, WARNS)


def test_the_page_is_vendor_data_and_goes_with_it(lake):
    page(lake, PASSED)
    purge.purge(lake, purge.of_vendor(purge.parts(lake)), lambda *_: None)
    assert lake.files.tree("") == []


def test_a_trend_runs_from_nothing_to_its_largest():
    drawn = sparkline([(RECENT[0], 0), (RECENT[1], 50), (RECENT[2], 100)])
    assert '<polyline points="3.0,25.0 90.0,14.0 177.0,3.0"/>' in drawn
    assert "2024-06-28 to 2024-07-02: 0 to 100 rows" in drawn


def test_a_single_count_and_no_rows_at_all_are_drawn():
    assert 'points="177.0,25.0"' in sparkline([(LAST, 0)])


def test_the_page_of_a_lake_without_a_table_has_its_verdicts(tmp_path):
    text = page(Lake(Files(f"file://{tmp_path}/none")), STOPS)
    assert rows(text, "Tables") == []
    assert "bars.schema" in text
