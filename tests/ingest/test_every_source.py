"""What holds for each source: it reads what J-Quants sends, and stops with a name at what it never sent before."""

import json
from datetime import UTC, date, datetime

import polars as pl
import pytest

from ingest.official import OFFICIAL, ROWS, USUAL, official_fields
from tosho.calendar import cutoff, previous_session
from tosho.contracts import INGESTED, ContractError
from tosho.ingest.payload import read_json, rows_frame
from tosho.ingest.sources import SOURCES
from tosho.ingest.sources.margin_interest import ask_balances, balances_due
from tosho.ingest.sources.statements import NUMBERS

EACH = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.table)
ADDED = {"ProdCat", "SigChgInC", "ShEq", "NCShEq", "ROE", "NCROE"}
"""Fields that J-Quants added after its list was written, so that rows without them are read too."""
LOOSE = {"shares"}
"""`shares` reads a few columns of what `statements` reads whole."""


def rows(*given):
    return rows_frame(read_json(json.dumps({"data": given}).encode(), "a test").rows)


def official(source, **changes):
    return {**ROWS[source.endpoint], **changes}


def test_every_table_has_a_source():
    assert {source.table for source in SOURCES} == set(INGESTED)


@EACH
def test_an_official_row_keeps_the_contract(source):
    read = source.read(rows(official(source)))
    assert read.columns == source.contract.schema.names()
    checked = source.check(read)
    assert (checked.good.height > 0, checked.bad.height) == (True, 0)


@EACH
def test_a_row_is_of_the_first_session_whose_cutoff_knows_it(source):
    for session, known_at in source.read(rows(official(source))).select("session", "known_at").iter_rows():
        assert cutoff(previous_session(session)) < known_at <= cutoff(session)


@EACH
def test_a_row_is_among_those_that_its_session_asks_for(source):
    read = source.read(rows(official(source)))
    for session in read["session"].to_list():
        assert source.of_the_moment or read.filter(source.day.is_between(*source.days(session))).height


@EACH
def test_no_rows_are_an_empty_table(source):
    assert source.read(rows()).equals(source.contract.empty())


@EACH
def test_numbers_may_be_text_and_absent_ones_empty(source):
    sent = official(source)
    text = {name: value if isinstance(value, dict) else str(value) for name, value in sent.items()}
    assert source.read(rows(text)).equals(source.read(rows(sent)))


@EACH
def test_a_column_that_is_gone_stops_the_run_by_name(source):
    needed = set(ROWS[source.endpoint]) - ADDED
    needed = needed & {"DiscDate", "ShOutFY"} if source.table in LOOSE else needed
    for name in sorted(needed) if source.table not in {"bars", "half_bars"} else ["Date", "Code"]:
        gone = {sent: value for sent, value in official(source).items() if sent != name}
        with pytest.raises(ContractError, match=f"lacks the column.*{name}"):
            source.read(rows(gone))


@EACH
def test_an_unknown_column_stops_the_run_by_name(source):
    if source.table in LOOSE:
        source = next(strict for strict in SOURCES if strict.name == source.name and strict.table not in LOOSE)
    with pytest.raises(ContractError, match=r"unknown column.*Surprise"):
        source.read(rows(official(source, Surprise=1)))


@pytest.mark.skipif(not OFFICIAL.is_file(), reason="the vendor's list of fields is not on this machine")
@EACH
def test_the_sample_has_every_official_field(source):
    listed = official_fields(source.endpoint)
    assert listed <= set(ROWS[source.endpoint])
    assert set(ROWS[source.endpoint]) - listed <= ADDED or not listed


FRIDAY, AT_HALF_PAST_FOUR, AT_SIX = date(2018, 11, 16), (16, 7, 30), (16, 9, 0)
KNOWN = {
    "bars": (FRIDAY, AT_HALF_PAST_FOUR),
    "half_bars": (FRIDAY, AT_HALF_PAST_FOUR),
    "morning_bars": (FRIDAY, (16, 3, 0)),
    "securities": (FRIDAY, (16, 8, 30)),
    "indices": (FRIDAY, AT_HALF_PAST_FOUR),
    "all_indices": (FRIDAY, AT_HALF_PAST_FOUR),
    "trading_days": (FRIDAY, (15, 15, 0)),
    "shares": (FRIDAY, AT_SIX),
    "statements": (FRIDAY, AT_SIX),
    "statement_details": (FRIDAY, AT_SIX),
    "dividends": (FRIDAY, (16, 1, 0)),
    "earnings_dates": (FRIDAY, (16, 1, 5)),
    "earnings_calendar": (date(2018, 11, 19), (16, 10, 0)),
    "investor_flows": (date(2018, 11, 15), (15, 7, 30)),
    "margin_interest": (date(2018, 11, 13), (13, 7, 30)),
    "margin_alerts": (FRIDAY, AT_HALF_PAST_FOUR),
    "sector_short_selling": (FRIDAY, AT_HALF_PAST_FOUR),
    "short_positions": (FRIDAY, (16, 8, 30)),
    "breakdown": (FRIDAY, AT_SIX),
    "options_225": (FRIDAY, (15, 18, 0)),
    "futures": (FRIDAY, (15, 18, 0)),
    "options": (FRIDAY, (15, 18, 0)),
}
"""Of the official row of each table: the session that it belongs to, and the day, hour and minute in UTC."""


@EACH
def test_when_each_is_known(source):
    found = source.read(rows(official(source))).row(0, named=True)
    session, (day, hour, minute) = KNOWN[source.table]
    assert (found["session"], found["known_at"]) == (session, datetime(2018, 11, day, hour, minute, tzinfo=UTC))


def test_a_week_of_margin_trades_is_due_on_the_second_session_of_the_next_one():
    assert balances_due(date(2018, 11, 13)) == (date(2018, 11, 9), date(2018, 11, 9))
    assert balances_due(date(2018, 11, 14)) is None
    assert balances_due(date(2019, 5, 8)) == (date(2019, 4, 26), date(2019, 4, 26))  # after ten days of holidays


def test_since_september_2026_balances_are_due_every_session_and_say_when_they_were_published():
    assert balances_due(date(2026, 9, 25)) == (date(2026, 9, 18), date(2026, 9, 18))  # the last week
    assert balances_due(date(2026, 9, 28)) == (date(2026, 9, 25), date(2026, 9, 25))
    assert ask_balances(date(2026, 10, 2)) == [{"published_date": "2026-10-02"}]
    source = next(source for source in SOURCES if source.table == "margin_interest")
    found = source.read(rows(official(source, Date="2026-10-01", PubDate="2026-10-02", ShrtVal=1.0)))
    assert found["session"].to_list() == [date(2026, 10, 2)]
    late = source.read(rows(official(source, Date="2026-10-01", PubDate="2026-10-05", ShrtVal=1.0)))
    assert late["session"].to_list() == [date(2026, 10, 5)]


def test_a_week_that_ends_on_no_session_cannot_be_placed_and_waits_in_quarantine():
    source = next(source for source in SOURCES if source.table == "margin_interest")
    sent = [official(source), official(source, Date="2018-11-10", Code="13020")]
    assert source.check(source.read(rows(*sent))).by_rule() == {"session_missing": 1}


def by_table(table):
    return next(source for source in SOURCES if source.table == table)


def many(source, **changes):
    """Return 60 rows that differ in their code, as an evening's are; the first as in the vendor's sample."""
    named = next((name for name in ("Code", "S33", "Section") if name in ROWS[source.endpoint]), None)
    usual = USUAL.get(source.endpoint, {})
    return rows(
        *(
            official(source, **({named: f"{13000 + n * 10}"} if named else {}), **(usual if n else {}) | changes)
            for n in range(60)
        )
    )


@pytest.mark.parametrize(
    ("table", "lost"),
    [
        ("half_bars", "MO"), ("half_bars", "AVa"), ("options_225", "OI"), ("options_225", "Strike"), ("futures", "AC"),
        ("earnings_calendar", "Date"), ("statements", "DiscTime"), ("statements", "CurPerEn"), ("statements", "Sales"),
        ("short_positions", "ShrtPosToSO"), ("margin_alerts", "ShrtOut"), ("investor_flows", "FrgnBal"),
        ("options_225", "Settle"), ("options_225", "IV"), ("options", "UndSSO"), ("futures", "LTD"),
        ("dividends", "DivRate"), ("dividends", "ExDate"), ("margin_alerts", "LongOutChg"), ("securities", "ScaleCat"),
        ("short_positions", "SSAddr"), ("half_bars", "MUL"), ("earnings_dates", "SchDate"),
    ],
)  # fmt: skip
def test_a_column_that_is_null_throughout_stops_the_run(table, lost):
    source = next(source for source in SOURCES if source.table == table)
    assert source.check(source.read(many(source))).good.height
    with pytest.raises(ContractError, match="never passed on as nulls"):
        source.check(source.read(many(source, **{lost: None})))


@EACH
def test_every_column_that_may_not_be_empty_stops_the_run_when_it_is(source):
    read, dated = source.read(many(source)), source.contract.published  # which tells `known_at` where no row does
    for column in source.contract.columns:
        if not column.may_be_empty and not (column.name == "known_at" and dated):
            with pytest.raises(ContractError, match=rf"'{column.name}'.* are null in all"):
                source.contract.check(lost_on(column, read))


def lost_on(column, read):
    """Return rows without a column, of a session on which the source has it."""
    first = read["session"].drop_nulls().min()
    nothing = pl.lit(None, column.dtype).alias(column.name)
    return read.with_columns(pl.lit(max(first, column.since)).alias("session")).with_columns(nothing)


def test_a_column_that_begins_on_a_day_is_not_missed_before():
    source = by_table("options_225")
    early = many(source, Date="2016-07-15", IV="", Settle="", LTD="")
    assert source.check(source.read(early)).good.height == 60
    with pytest.raises(ContractError, match="implied_volatility"):
        source.check(source.read(many(source, Date="2016-07-19", IV="")))


@EACH
def test_a_column_that_may_be_empty_says_why(source):
    reasons = [column.may_be_empty for column in source.contract.columns if column.may_be_empty]
    assert all(len(reason.split()) > 3 for reason in reasons)


OF_KIND = [
    ("1QFinancialStatements_Consolidated_JP", "EqAR"), ("FYFinancialStatements_NonConsolidated_JP", "ShOutFY"),
    ("2QFinancialStatements_Consolidated_JP", "OdP"), ("FYFinancialStatements_Consolidated_IFRS", "CFO"),
    ("FYFinancialStatements_Consolidated_JP", "NxFNp"), ("3QFinancialStatements_Consolidated_US", "FEPS"),
    ("EarnForecastRevision", "FSales"), ("2QFinancialStatements_Consolidated_IFRS", "CFI"),
    ("1QFinancialStatements_Consolidated_JP", "FOP2Q"), ("3QFinancialStatements_Consolidated_JP", "FDivFY"),
    ("FYFinancialStatements_Consolidated_JP", "NCTA"), ("FYFinancialStatements_Consolidated_JP", "NxFOdP"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "lost"), OF_KIND)
def test_what_every_document_of_a_kind_has_is_missed_though_others_are_without(document, lost):
    source = by_table("statements")
    others = many(source, DocType="DividendForecastRevision", **{lost: ""})
    whole, without = (many(source, DocType=document, **given) for given in ({}, {lost: ""}))
    assert source.read(pl.concat([whole, others])).height == 120
    assert source.read(pl.concat([without.head(49), others])).height == 109
    with pytest.raises(ContractError, match=rf"\['{NUMBERS[lost]}'\] .* in any of 60 rows"):
        source.read(pl.concat([without, whole.with_columns(DocType=pl.lit("DividendForecastRevision"))]))


def test_ordinary_profit_is_missed_under_the_japanese_standard_only():
    source = by_table("statements")
    ifrs = many(source, DocType="FYFinancialStatements_Consolidated_IFRS", OdP="")
    assert source.read(ifrs).height == 60


def test_two_private_sellers_of_one_name_are_two_positions():
    source = by_table("short_positions")
    sent = rows(official(source), official(source, ShrtPosShares=150_000, ShrtPosUnits=150))
    assert source.check(source.read(sent)).good.height == 2


@pytest.mark.parametrize(("table", "asked"), [("short_positions", "disc_date"), ("margin_alerts", "date")])
def test_what_was_reported_on_a_day_without_trades_is_asked_for_by_the_next_session(table, asked):
    days = [query[asked] for query in by_table(table).ask(date(2020, 10, 2))]
    assert days == ["2020-10-01", "2020-10-02"]
    assert [query[asked] for query in by_table(table).ask(date(2020, 10, 5))] == ["2020-10-05"]


def test_derivatives_of_a_day_on_which_shares_stood_still_are_asked_for():
    asked = [query["date"] for query in by_table("options_225").ask(date(2020, 10, 2))]
    assert asked == ["2020-09-30", "2020-10-01"]


@pytest.mark.parametrize("table", ["half_bars", "breakdown", "sector_short_selling"])
def test_a_row_of_a_day_that_is_no_session_belongs_to_none(table):
    read = by_table(table).read(rows(official(by_table(table), Date="2020-10-01")))
    assert read["session"].null_count() == read.height


def test_a_half_day_has_no_afternoon():
    source = by_table("half_bars")
    nothing = {f"A{name}": None for name in ("O", "H", "L", "C", "Vo", "Va", "UL", "LL")}
    assert source.read(many(source, Date="2008-12-30", **nothing)).height == 120
    with pytest.raises(ContractError, match="AO"):
        source.read(many(source, Date="2008-12-29", **nothing))
