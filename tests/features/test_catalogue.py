"""docs/features.md: what the registry holds, as a reader on GitHub sees it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from markdown_it import MarkdownIt

from parity import market
from tosho.calendar import offset
from tosho.contracts import features_contract
from tosho.features.catalogue import Family, catalogue
from tosho.features.listing import describe
from tosho.features.nulls import Market, NotMeasurableError, NullShares, measure
from tosho.features.sets import feature_set
from tosho.features.spec import features

PROJECT = Path(__file__).parents[2]
PAGE, NULLS = PROJECT / "docs" / "features.md", PROJECT / "docs" / "feature_nulls.json"
MARKET = Market(7, 200, 900)


@pytest.fixture(scope="module")
def entries():
    return describe(feature_set("standard"))


@pytest.fixture(scope="module")
def tables():
    """The page's tables as they are rendered: lists of rows, a row the texts of its cells."""
    return rendered(PAGE.read_text(encoding="utf-8"))


def rendered(page):
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(page)
    found = []
    for token, inside in pairwise(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in {"td_open", "th_open"}:
            found[-1][-1].append("".join(child.content for child in inside.children))
    return found


def test_the_page_is_what_the_features_are_now():
    assert PAGE.read_text(encoding="utf-8") == catalogue(NullShares.read(NULLS)), "run `tosho features docs`"


def test_nulls_were_measured_of_every_feature_of_the_largest_set_and_of_no_other():
    found, wanted = NullShares.read(NULLS), feature_set("standard")
    assert (found.feature_set, found.number) == (wanted.name, wanted.number)
    assert tuple(found.shares) == wanted.names, "measure again: `tosho features nulls`"
    assert all(0 <= share <= 1 for share in found.shares.values())


def test_the_largest_set_holds_every_feature(entries):
    assert {entry["name"] for entry in entries} == {name for name, f in features().items() if f.published}


def test_every_feature_is_a_row_that_reads_as_it_was_written(tables, entries):
    rows = {row[0]: row[1:] for table in tables for row in table if table[0][0] == "feature" and row is not table[0]}
    nulls = NullShares.read(NULLS).shares
    assert set(rows) == {entry["name"] for entry in entries}
    for entry in entries:
        scope, lookback, inputs, plan, sets, null, formula = rows[entry["name"]]
        assert (scope, lookback, plan) == (entry["scope"], str(entry["lookback"]), entry["plan"])
        assert (inputs, sets) == (", ".join(entry["inputs"]), ", ".join(entry["sets"]))
        assert formula == entry["summary"].replace("`", "")
        assert abs(float(null.rstrip("%")) / 100 - nulls[entry["name"]]) <= 0.0005


def test_the_contents_lead_to_every_family(tables, entries):
    page = PAGE.read_text(encoding="utf-8")
    contents = next(table for table in tables if "source" in table[0])[1:]
    links = re.findall(r"\]\(#([^)]+)\)", page)
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    slugs = [re.sub(r"[^a-z0-9_\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    assert links == slugs[2:]  # after the sets and the contents themselves
    assert sum(int(row[2]) for row in contents) == len(entries)
    assert [row[0] for row in contents if row[0]] == list("ABCDEFGHIJKLMNOPQR")
    assert all(row[3] for row in contents)


def test_the_modules_named_are_there():
    linked = re.findall(r"\]\((\.\./[^)]+)\)", PAGE.read_text(encoding="utf-8"))
    assert len(linked) == 21
    assert all((PAGE.parent / path).exists() for path in linked)


def test_the_page_is_small_enough_for_github_to_show():
    assert PAGE.stat().st_size < 300_000


def test_a_feature_that_was_not_measured_has_an_empty_cell_and_one_without_nulls_a_zero():
    found = NullShares.read(NULLS)
    shares = {name: 0.0 if name == "ret_2" else share for name, share in found.shares.items() if name != "ret_1"}
    page = catalogue(replace(found, shares=shares))
    assert re.search(r"^\| `ret_1` \|.* core, full, standard \|  \| Return", page, re.MULTILINE)
    assert re.search(r"^\| `ret_2` \|.* core, full, standard \| 0% \| Return", page, re.MULTILINE)


def test_a_family_is_introduced_by_its_docstring():
    found = Family.of("volatility")
    assert (found.heading, found.anchor) == ("C. Volatility", "c-volatility")
    assert found.about.startswith("how much a code's price moves.")
    assert found.source.startswith("FEATURES.md, 37-56; Parkinson (1980)")
    assert found.source.endswith("Wilder (1978)")


def publish(lake, session, values, name="core"):
    frame = pl.DataFrame({"session": [session] * 4, "code": list("1234"), "ret_1": values, "ret_2": [1.0] * 4})
    facts = {"feature_set": name, "number": feature_set(name).number}
    lake.publish("features", session, frame, contract=features_contract(("ret_1", "ret_2")), facts=facts)


def test_shares_are_of_the_newest_sessions_rows(tmp_path):
    lake = market.new_lake(tmp_path)
    for back, values in ((2, [None] * 4), (1, [0.1, None, None, None]), (0, [0.1] * 4)):
        publish(lake, offset(market.LAST, -back), values)
    found = measure(lake, 2, MARKET)
    assert found.shares == {"ret_1": 3 / 8, "ret_2": 0.0}
    assert (found.first, found.last, found.sessions, found.rows) == ("2024-12-27", "2024-12-30", 2, 8)
    found.write(tmp_path / "nulls.json")
    assert NullShares.read(tmp_path / "nulls.json") == found


def test_fewer_sessions_than_asked_for_or_several_sets_are_refused(tmp_path):
    lake = market.new_lake(tmp_path)
    publish(lake, market.LAST, [0.1] * 4)
    with pytest.raises(NotMeasurableError, match=r"newest 2 sessions .* has 1\."):
        measure(lake, 2, MARKET)
    publish(lake, offset(market.LAST, -1), [0.1] * 4, "full")
    with pytest.raises(NotMeasurableError, match=r"of the sets \[\('core', 1\), \('full', 3\)\]; one is needed"):
        measure(lake, 2, MARKET)


def test_a_file_that_is_not_there_is_told_with_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="python -m tosho features nulls"):
        NullShares.read(tmp_path / "nulls.json")
