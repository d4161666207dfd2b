"""What an evening leaves out changes nothing that it says: companies of fifteen years, their documents disturbed."""

from datetime import UTC, date, datetime, time, timedelta
from random import Random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from point_in_time.disclosed import months_on
from tosho import calendar
from tosho.contracts import INGESTED
from tosho.features.parts import rows_read
from tosho.features.plan import plan
from tosho.features.records import recent
from tosho.features.records.earnings import EARN
from tosho.features.records.statements import FUND
from tosho.features.sets import feature_set

STATEMENTS, ANNOUNCED = (INGESTED[name].schema for name in ("statements", "earnings_dates"))
FIRST, LAST = date(2008, 3, 31), date(2023, 3, 31)
EVENINGS = [date(2012, 6, 29), date(2016, 11, 9), date(2019, 5, 15), date(2022, 2, 10), date(2024, 12, 30)]
FIGURES = ("sales", "operating_profit", "net_profit", "total_assets", "equity", "equity_ratio")


def document(draw, code, on, kind, dates, **figures):
    known_at = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    told = {name: draw.uniform(-1e9, 9e9) for name in STATEMENTS if "forecast" in name and draw.random() < 0.6}
    given = {"session": calendar.first_session_knowing(known_at), "code": code, "disclosed_on": on, "document": kind}
    given |= {"disclosed_at": time(15), "number": f"{on}{kind}{draw.random()}", "known_at": known_at}
    return dict.fromkeys(STATEMENTS) | given | dates | {k: v for k, v in told.items() if "eps" not in k} | figures


def life(draw, code):
    """Yield the documents of a company: years of twelve months and of other lengths, quarters left out, silence."""
    end, basis = FIRST, "Consolidated_JP"
    while end < LAST:
        start, months = end + timedelta(days=1), draw.choice([12] * 9 + [9, 15])
        end, silent = months_on(end, months), draw.random() < 0.06
        basis = draw.choice([basis] * 9 + ["Consolidated_IFRS"])
        year = {"year_start": start, "year_end": end, "next_year_end": months_on(end, 12)}
        for number, after in enumerate(range(3, months + 1, 3), 1):
            period = "FY" if after == months else f"{min(number, 3)}Q"
            until = months_on(start - timedelta(days=1), after)
            dates = {**year, "period": period, "period_start": start, "period_end": until}
            kind = f"{period}FinancialStatements_{basis}"
            figures = {name: draw.uniform(-1e9, 9e9) for name in FIGURES if draw.random() < 0.95}
            if after % 6 == 0 and draw.random() < 0.8:
                figures["cash_from_operations"] = draw.uniform(-1e9, 9e9)
            if not silent and draw.random() < 0.95:
                yield document(draw, code, until + timedelta(days=40), kind, dates, **figures)
            if draw.random() < 0.1:  # a restatement, years later now and then
                late = until + timedelta(days=draw.choice([60, 200, 1500]))
                yield document(draw, code, late, kind, dates, sales=1.0, operating_profit=2.0, net_profit=3.0)
            if draw.random() < 0.3:
                kind = draw.choice(["EarnForecastRevision", "DividendForecastRevision"])
                told = {**year, "period": "FY", "period_end": end}
                yield document(draw, code, until + timedelta(days=draw.choice([20, 40])), kind, told)
        if draw.random() < 0.02:
            return


def odd(draw, documents):
    """Misprint dates of some of a company's documents."""
    for chosen in draw.sample(documents, min(len(documents), 6)):
        years, days = draw.choice([-10, -3, 3, 10]), ["period_end", "year_end", "next_year_end"]
        for name in draw.choice([days, draw.sample(days, 1)]):
            chosen[name] = months_on(chosen[name], 12 * years)
    return documents


@pytest.fixture(scope="module")
def statements():
    draw, found = Random(3), []
    for number in range(400):
        documents = list(life(draw, f"{1300 + number}0"))
        found += odd(draw, documents) if number % 3 == 0 else documents
    rows = [document for document in found if document["session"] <= date(2024, 12, 30)]
    return pl.DataFrame(rows, schema=STATEMENTS).unique(["code", "number"], maintain_order=True)


@pytest.fixture(scope="module")
def shares(statements):
    stated = statements.select("session", "code", "known_at").unique(["session", "code"], maintain_order=True)
    return stated.with_columns(pl.col("session").dt.year().cast(pl.Float64).alias("shares_outstanding"))


@pytest.fixture(scope="module")
def announced():
    draw, rows = Random(5), []
    for code in range(13000, 13400, 10):
        for year in range(2010, 2025):
            for quarter, month in (("1Q", 8), ("2Q", 11), ("3Q", 2), ("FY", 5)):
                day = date(year, month, draw.randint(1, 20))
                told = sorted(day - timedelta(days=back) for back in draw.sample(range(2, 500), draw.choice([1, 1, 3])))
                for on in told:
                    moved = day + timedelta(days=draw.choice([0, 0, 7, -30, 120, 300]))
                    known_at = datetime(on.year, on.month, on.day, 1, tzinfo=UTC)
                    given = {"session": calendar.first_session_knowing(known_at), "code": str(code), "quarter": quarter}
                    given |= {"year_end": f"{year}/03", "published_on": on, "known_at": known_at}
                    rows.append(dict.fromkeys(ANNOUNCED) | given | {"scheduled_on": draw.choice([moved] * 5 + [None])})
    return pl.DataFrame(rows, schema=ANNOUNCED).unique(["code", "year_end", "quarter", "session"], keep="last")


def told_from(records, tables, evening, *, cut):
    """Return what is known in the evening and after: of each code its last state up to it, and all later ones."""
    until = {name: rows.filter(pl.col("session") <= date(2024, 12, 30)) for name, rows in tables.items()}
    made = records.made_of(until, evening if cut else None).sort("code", "session")
    before = made.filter(pl.col("session") <= evening).unique("code", keep="last", maintain_order=True)
    return pl.concat([before, made.filter(pl.col("session") > evening)]).sort("code", "session")


def left_out(cut, tables, name, evening):
    return 1 - cut(tables, evening)[name].height / tables[name].height


def same(records, tables, evening):
    answers = (told_from(records, tables, evening, cut=cut) for cut in (True, False))
    assert_frame_equal(*answers, check_exact=True)


@pytest.mark.parametrize(("evening", "share"), zip(EVENINGS, (0.04, 0.2, 0.3, 0.4, 0.5), strict=True))
def test_of_old_statements_nothing_is_missed(statements, shares, evening, share):
    tables = {"statements": statements, "shares": shares}
    same(FUND, tables, evening)
    assert left_out(recent.recent_statements, tables, "statements", evening) > share


@pytest.mark.parametrize(("evening", "share"), zip(EVENINGS, (0.03, 0.3, 0.4, 0.6, 0.8), strict=True))
def test_of_old_announcements_nothing_is_missed(announced, evening, share):
    tables = {"earnings_dates": announced}
    same(EARN, tables, evening)
    assert left_out(recent.recent_announcements, tables, "earnings_dates", evening) > share


def test_the_tables_tell_every_figure(statements, shares):
    told = FUND.made_of({"statements": statements, "shares": shares}).filter(pl.col("session") > EVENINGS[0])
    assert {name: told[name].count() for name in FUND.columns if told[name].count() < 300} == {}


def test_too_few_months_are_seen(statements, shares, monkeypatch):
    monkeypatch.setattr(recent, "MONTHS", 20)
    with pytest.raises(AssertionError):
        same(FUND, {"statements": statements, "shares": shares}, EVENINGS[3])


def test_a_misprinted_date_is_seen(statements, shares, monkeypatch):
    monkeypatch.setattr(recent, "_is_odd", lambda: pl.lit(value=False))
    with pytest.raises(AssertionError):
        same(FUND, {"statements": statements, "shares": shares}, EVENINGS[3])


def test_an_announcement_alone_would_be_missed(announced):
    day = pl.col("scheduled_on") >= pl.lit(EVENINGS[2])
    torn = announced.filter(day | (pl.col("session") >= EVENINGS[2]))  # as if each announcement stood by itself
    whole = told_from(EARN, {"earnings_dates": announced}, EVENINGS[2], cut=False)
    assert not told_from(EARN, {"earnings_dates": torn}, EVENINGS[2], cut=False).equals(whole)


@pytest.mark.parametrize("records", [FUND, EARN], ids=lambda records: records.name)
def test_features_read_them_of_the_row_itself_alone(records):
    assert rows_read(plan(feature_set("full")), records.given) == 0


def test_columns_that_are_looked_back_at_are_read_as_far():
    passes = plan(feature_set("full"))
    assert rows_read(passes, ["close"]) == max(passes.lookback.values())
    assert 0 < rows_read(passes, ["volume"]) < rows_read(passes, ["close"])
