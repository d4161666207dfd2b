"""Fundamentals against plain Python on a simulated market whose documents were disturbed, and rule by rule."""

import math
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from random import Random

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from point_in_time.disclosed import flow_between, months_on
from tosho import calendar
from tosho.contracts import INGESTED
from tosho.features.families import fundamentals as family
from tosho.features.panel import build_panel
from tosho.features.records.earnings import EARN
from tosho.features.records.record import made_of, with_records
from tosho.features.records.statements import FUND
from tosho.features.spec import features
from tosho.ingest.sources.bars import to_bars
from tosho.ingest.sources.earnings_dates import to_earnings_dates
from tosho.ingest.sources.shares import to_shares
from tosho.ingest.sources.statements import to_statements
from tosho.point_in_time.statements import BALANCES, FLOWS
from tosho.simulation.market import simulate

NAMES = [f.name for f in features().values() if f.family == family.__name__.rpartition(".")[2]]
KINDS = (FUND, EARN)
ALL_SESSIONS = calendar.sessions(date(2000, 1, 1), date(2035, 12, 31))


def evaluated(rows, tables):
    """Return session, code and the family's features of rows with session, code, close_raw and shares_outstanding."""
    given = with_records(rows, KINDS, made_of(KINDS, tables))
    numbers = [calendar.place(day) for day in given["session"]]
    return given.with_columns(pl.Series("place", numbers)).select(
        "session", "code", *(features()[name].expression.cast(pl.Float64).alias(name) for name in NAMES)
    )


# What a company is known for, in plain Python


def is_statement(document):
    return "FinancialStatements" in document["document"]


def in_order(documents):
    return sorted(
        documents, key=lambda d: (d["known_at"], d["disclosed_on"], d["disclosed_at"] or time.max, d["number"])
    )


def newest(documents):
    stated = [d for d in documents if is_statement(d) and any(d[name] is not None for name in (*FLOWS, *BALANCES))]
    end = max((d["period_end"] for d in stated), default=None)
    return next((d for d in reversed(stated) if d["period_end"] == end), None)


def sums(documents, basis, flow):
    stated = [d for d in documents if is_statement(d) and d["document"].endswith(basis)]
    return {d["period_end"]: (d["year_start"] - timedelta(days=1), d[flow]) for d in stated}


def basis_of(statement):
    return statement["document"].partition("FinancialStatements")[2]


def flow_of(documents, statement, flow, months, years_back=0):
    end = months_on(statement["period_end"], -12 * years_back)
    known = sums(documents, basis_of(statement), flow)
    if end not in known or known[end][1] is None:
        return None
    return flow_between(known, months_on(end, -months), end)


def year_ago(documents, statement, flow):
    known = sums(documents, basis_of(statement), flow)
    start, value = known.get(months_on(statement["period_end"], -12), (None, None))
    eve = statement["year_start"] - timedelta(days=1)
    return value if start == months_on(eve, -12) else None


def said_of_years(document, figure, revision):
    """Return what a document says of a figure of which fiscal years, by plain reading of its kind."""
    this, following = document[f"forecast_{figure}"], document[f"next_forecast_{figure}"]
    whole = is_statement(document) and document["period"] == "FY"
    told = {}
    revises = revision in document["document"] and (this is not None or following is None)
    if (is_statement(document) and not whole) or (not is_statement(document) and (revises or this is not None)):
        told[document["year_end"]] = this
    if whole or following is not None:
        told[document["next_year_end"]] = following
    return told


def year_in_progress(documents):
    statement = newest(documents)
    if statement is None:
        years = [year for d in documents for year in said_of_years(d, "sales", "EarnForecastRevision")]
        return max(years, default=None)
    return statement["next_year_end"] if statement["period_end"] == statement["year_end"] else statement["year_end"]


def in_force(documents, figure, year, revision="EarnForecastRevision"):
    """Return what was last said of a figure of a year, and in which session."""
    last = (None, None)
    for d in documents:
        told = said_of_years(d, figure, revision) if revision in d["document"] or is_statement(d) else {}
        if year in told:
            last = (told[year], d["session"])
    return last


def forecast_before(documents, figure, year):
    """Return the newest figure said of a year in a session before that of the newest one."""
    said = {}
    for d in documents:
        value = said_of_years(d, figure, "EarnForecastRevision").get(year)
        if value is not None and "Dividend" not in d["document"]:
            said[d["session"]] = value
    return list(said.values())[-2] if len(said) > 1 else None


def ratio(of, base):
    return of / base if of is not None and base is not None and base > 0 else None


def less(a, b):
    return None if a is None or b is None else a - b


def surprise_of(documents, session):
    statement, before = newest(documents), [d for d in documents if d["session"] < session]
    plan = None
    if year_in_progress(before) == statement["year_end"]:
        plan = in_force(before, "operating_profit", statement["year_end"])[0]
    now = statement["operating_profit"]
    if plan is not None and statement["period_end"] == statement["year_end"]:
        return less(now, plan)
    ago, whole = (year_ago(documents, statement, "operating_profit"), None)
    trailing = flow_of(documents, statement, "operating_profit", 12)
    if None not in (ago, trailing):
        whole = trailing - now + ago
    if None not in (plan, whole) and plan > 0 and whole > 0:
        return now / plan - ago / whole
    quarters = (flow_of(documents, statement, "operating_profit", 3, back) for back in (0, 1))
    return less(*quarters)


def of_company(documents, stated_shares):
    """Return what is known after a company's documents, all of one code and in order."""
    statement, sessions = newest(documents), sorted({d["session"] for d in documents})
    year = year_in_progress(documents)
    known = {"session": sessions[-1], "dividend": None}
    dividend, said = in_force(documents, "dividend_annual", year, "DividendForecastRevision")
    if dividend is not None and (held := [value for day, value in stated_shares if day <= said]):
        known["dividend"] = dividend * held[-1]
    for short, figure in (("op", "operating_profit"), ("eps", "net_profit")):
        now, before = in_force(documents, figure, year)[0], forecast_before(documents, figure, year)
        known[f"fcst_rev_{short}"] = less(ratio(now, before), 1)
    if statement is None:
        return known
    op, twelve = statement["operating_profit"], flow_of(documents, statement, "operating_profit", 12)
    until = {day: [d for d in documents if d["session"] <= day] for day in sessions}
    plans = [
        in_force(until[day], "operating_profit", statement["year_end"])[0]
        for day in sessions if year_in_progress(until[day]) == statement["year_end"]
    ]  # fmt: skip
    first = next(
        day for day in sessions if (found := newest(until[day])) and found["period_end"] == statement["period_end"]
    )
    surprise = surprise_of(until[first], first)
    with_cash = [d for d in documents if is_statement(d) and d["cash_from_operations"] is not None]
    cash = newest(with_cash)
    if cash and cash["period_end"] > months_on(statement["period_end"], -12):
        known["cash_flow"] = flow_of(with_cash, cash, "cash_from_operations", 12)
        known["accruals"] = ratio(
            less(flow_of(with_cash, cash, "net_profit", 12), known["cash_flow"]), cash["total_assets"]
        )
    profit = flow_of(documents, statement, "net_profit", 12)
    return known | {
        "sales_yoy": less(ratio(statement["sales"], year_ago(documents, statement, "sales")), 1),
        "op_yoy": less(ratio(op, year_ago(documents, statement, "operating_profit")), 1),
        "op_margin": ratio(twelve, flow_of(documents, statement, "sales", 12)),
        "roe": ratio(profit, statement["equity"]),
        "profit": profit,
        "equity": statement["equity"],
        "eq_ratio": statement["equity_ratio"],
        "progress": ratio(op, plans[-1] if plans else None),
        "surprise": None if surprise is None else (surprise > 0) - (surprise < 0),
        "stated": first,
    }


OF_STATEMENTS = ("sales_yoy", "op_yoy", "op_margin", "roe", "eq_ratio", "accruals", "progress", "fcst_rev_op")
YIELDS = {"earn_yield": "profit", "bp": "equity", "div_yield_fwd": "dividend", "cfo_yield": "cash_flow"}


def of_row(known, announced, session, market_value):
    """Return the family's features of one row, in plain Python."""
    age = None if known is None else calendar.sessions_between(known["session"], session)
    known = known or {}
    answer = {name: known.get(name) for name in (*OF_STATEMENTS, "fcst_rev_eps")}
    for name, figure in YIELDS.items():
        value = known.get(figure)
        answer[name] = None if value is None or market_value is None else value / market_value
    answer["days_since_disc"] = None if age is None else min(age, 120)
    days = [calendar.sessions_between(session, day) for day in announced if day >= session]
    answer["days_to_earn"] = min(days, default=None)
    answer["pead"] = None
    if known.get("surprise") is not None:
        answer["pead"] = known["surprise"] * math.exp(-calendar.sessions_between(known["stated"], session) / 5)
    return answer


def announced_at(rows, session):
    """Return the sessions announced at one, by the last announcement of each quarter."""
    held = {}
    for row in sorted((r for r in rows if r["session"] <= session), key=lambda r: r["known_at"]):
        held[row["year_end"], row["quarter"]] = row["scheduled_on"]
    return [ALL_SESSIONS[bisect_left(ALL_SESSIONS, day)] for day in held.values() if day is not None]


# A market in which companies are late, lose money, take back and speak twice a day


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, codes=50, sessions=500, seed=4)

    def text(name):
        return pl.read_parquet(folder / f"{name}.parquet").select(pl.all().cast(pl.String))

    tables = {"statements": disturbed(to_statements(text("statements"))), "shares": to_shares(text("statements"))}
    tables["earnings_dates"] = to_earnings_dates(text("earnings_date"))
    return tables, to_bars(text("bars"))


def disturbed(statements):
    draw, documents = Random(8), []
    rows = statements.sort("code", "known_at", "number").to_dicts()
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        chance = draw.random()
        if chance < 0.05:
            continue
        if chance < 0.12:
            row |= {name: -row[name] for name in ("operating_profit", "net_profit") if row[name] is not None}
        elif chance < 0.18:
            row |= {name: None for name in row if "forecast" in name and "dividend" not in name}
        elif chance < 0.22:
            row |= {name: None for name in row if "forecast_dividend" in name}
        elif chance < 0.25:
            row |= {"forecast_operating_profit": -1.0, "equity": -5e9}
        elif chance < 0.28:
            row |= {"operating_profit": None, "cash_from_operations": None}
        if not is_statement(row) and after and after["code"] == row["code"] and draw.random() < 0.5:
            row |= {name: after[name] for name in ("session", "known_at", "disclosed_on", "disclosed_at")}
        documents.append(row)
    return pl.DataFrame(documents, schema=statements.schema)


@pytest.fixture(scope="module")
def rows(market):
    tables, bars = market
    return build_panel(bars, tables["shares"])


def by_code(frame):
    found = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["code"], []).append(row)
    return found


def market_values(bars, shares):
    """Return the market value by code and session: shares last stated times all splits since, times the close."""
    found = {}
    for code, days in by_code(bars.sort("session")).items():
        stated = sorted(((s["session"], s["shares_outstanding"]) for s in shares.get(code, ())), key=lambda s: s[0])
        held, waiting = None, list(stated)
        for day in days:
            if held is not None:
                held /= day["adj_factor"] or 1.0
            while waiting and waiting[0][0] <= day["session"]:
                held = waiting.pop(0)[1]
            found[code, day["session"]] = held * day["close"] if held and day["close"] else None
    return found


@pytest.fixture(scope="module")
def computed(market, rows):
    return evaluated(rows, market[0])


@pytest.fixture(scope="module")
def expected(market, rows):
    tables, bars = market
    documents, shares, announced = (by_code(tables[name]) for name in ("statements", "shares", "earnings_dates"))
    values = market_values(bars, shares)

    @cache
    def known_after(code, count):
        held = sorted((s["session"], s["shares_outstanding"]) for s in shares.get(code, ()))
        return of_company(in_order(documents[code])[:count], held) if count else None

    answers = []
    for session, code in rows.select("session", "code").iter_rows():
        count = sum(d["session"] <= session for d in documents.get(code, ()))
        days = announced_at(announced.get(code, ()), session)
        answers.append(of_row(known_after(code, count), days, session, values[code, session]))
    return pl.DataFrame(answers, schema=dict.fromkeys(NAMES, pl.Float64))


@pytest.mark.parametrize("name", NAMES)
def test_plain_code_gives_the_same(computed, expected, name):
    assert 100 < expected[name].count() < computed.height
    assert expected[name].n_unique() > 10
    assert_frame_equal(computed.select(name), expected.select(name), rel_tol=1e-12, abs_tol=1e-15)


def test_later_documents_change_no_earlier_row(market, rows, computed):
    tables, _ = market
    for day in (date(2023, 5, 12), date(2023, 11, 8), date(2024, 8, 2)):
        early = {name: frame.filter(pl.col("session") <= day) for name, frame in tables.items()}
        seen = rows.filter(pl.col("session") <= day)
        assert 1000 < seen.height < rows.height
        assert_frame_equal(evaluated(seen, early), computed.filter(pl.col("session") <= day), check_exact=True)


def test_neither_the_order_of_rows_nor_other_codes_matter(market, rows, computed):
    tables, _ = market
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=2) for name, frame in tables.items()}
    assert_frame_equal(evaluated(rows, shuffled), computed, check_exact=True)
    codes = rows["code"].unique().sort().gather_every(5)
    few = {name: frame.filter(pl.col("code").is_in(codes.implode())) for name, frame in tables.items()}
    own = rows.filter(pl.col("code").is_in(codes.implode()))
    assert_frame_equal(evaluated(own, few), computed.filter(pl.col("code").is_in(codes.implode())), check_exact=True)


def test_there_is_one_record_a_code_and_session(market):
    for name, made in made_of(KINDS, market[0]).items():
        assert made.height > 100, name
        assert made.select("session", "code").is_unique().all()


def test_without_tables_all_is_null(rows):
    few = rows.head(3)
    assert evaluated(few, {}).select(NAMES).null_count().row(0) == (3,) * len(NAMES)


# Rule by rule, on one company whose fiscal years end in March

CODE = "13010"
FY22, FY23, FY24, FY25 = ((date(y - 1, 4, 1), date(y, 3, 31)) for y in (2022, 2023, 2024, 2025))
ENDS = {"1Q": (0, 6, 30), "2Q": (0, 9, 30), "3Q": (0, 12, 31), "FY": (1, 3, 31)}
STATED_ON = {"1Q": (0, 8, 4), "2Q": (0, 11, 8), "3Q": (1, 2, 8), "FY": (1, 5, 10)}


def document(on, kind, period, year, at=time(15), **figures):
    known_at = datetime(on.year, on.month, on.day, 9, tzinfo=UTC)
    years, month, day = ENDS[period]
    return dict.fromkeys(INGESTED["statements"].schema) | {
        "session": calendar.first_session_knowing(known_at), "code": CODE, "disclosed_on": on, "disclosed_at": at,
        "number": f"{on}{at}{kind}", "document": kind, "period": period, "known_at": known_at,
        "period_start": year[0], "period_end": date(year[0].year + years, month, day),
        "year_start": year[0], "year_end": year[1],
        "next_year_start": year[1] + timedelta(days=1), "next_year_end": months_on(year[1], 12),
    } | figures  # fmt: skip


def statement(period, year, on=None, **figures):
    years, month, day = STATED_ON[period]
    on = on or date(year[0].year + years, month, day)
    return document(on, f"{period}FinancialStatements_Consolidated_JP", period, year, **figures)


def earnings_revision(on, year, **figures):
    return document(on, "EarnForecastRevision", "FY", year, at=time(14), **figures)


def dividend_revision(on, year, **figures):
    return document(on, "DividendForecastRevision", "FY", year, at=time(14), **figures)


def value(name, day, documents, shares=(), close=1000.0, outstanding=1e6):
    """Return a feature of the company on a session."""
    stated = [
        {"session": on, "code": CODE, "known_at": datetime(on.year, on.month, on.day, 9, tzinfo=UTC)}
        | {"shares_outstanding": count}
        for on, count in shares
    ]
    tables = {
        "statements": pl.DataFrame(documents, schema=INGESTED["statements"].schema),
        "shares": pl.DataFrame(stated, schema=INGESTED["shares"].schema),
    }
    row = pl.DataFrame(
        {"session": [day], "code": [CODE], "close_raw": [close], "shares_outstanding": [outstanding]},
        schema_overrides={"session": pl.Date},
    )
    return evaluated(row, tables)[name].item()


def quarters(year, *profits):
    return [statement(period, year, operating_profit=op) for period, op in zip(ENDS, profits, strict=True)]


class TestForecasts:
    FIRST = statement("1Q", FY24, operating_profit=20.0, forecast_operating_profit=100.0)
    SECOND = statement("2Q", FY24, operating_profit=60.0, forecast_operating_profit=120.0)

    def test_a_revision_renews_the_forecast_and_keeps_the_statement(self):
        revised = earnings_revision(date(2023, 10, 20), FY24, forecast_operating_profit=110.0)
        known = [self.FIRST, revised]
        assert value("fcst_rev_op", date(2023, 10, 20), known) == pytest.approx(0.1)
        assert value("progress", date(2023, 10, 20), known) == pytest.approx(20 / 110)
        assert value("fcst_rev_op", date(2023, 10, 19), known) is None

    def test_a_statement_that_repeats_the_revision_of_its_own_day_does_not_hide_it(self):
        same_day = earnings_revision(date(2023, 11, 8), FY24, forecast_operating_profit=120.0)
        assert value("fcst_rev_op", date(2023, 11, 8), [self.FIRST, same_day, self.SECOND]) == pytest.approx(0.2)
        day_before = earnings_revision(date(2023, 11, 7), FY24, forecast_operating_profit=120.0)
        assert value("fcst_rev_op", date(2023, 11, 8), [self.FIRST, day_before, self.SECOND]) == 0.0

    def test_a_forecast_withdrawn_leaves_none(self):
        withdrawn = earnings_revision(date(2023, 10, 20), FY24)
        for name in ("fcst_rev_op", "progress"):
            assert value(name, date(2023, 10, 20), [self.FIRST, withdrawn]) is None

    def test_figures_that_a_document_of_its_kind_does_not_say_are_no_forecasts(self):
        dividend = dividend_revision(date(2023, 9, 1), FY24, forecast_operating_profit=110.0)
        assert value("fcst_rev_op", date(2023, 11, 8), [self.FIRST, dividend, self.SECOND]) == pytest.approx(0.2)

    def test_another_year_is_not_compared(self):
        year = statement("FY", FY24, operating_profit=125.0, next_forecast_operating_profit=150.0)
        known = [self.FIRST, self.SECOND, year]
        assert value("fcst_rev_op", date(2024, 5, 10), known) is None
        assert value("progress", date(2024, 5, 10), known) == pytest.approx(125 / 120)

    @pytest.mark.parametrize("base", [0.0, -100.0])
    def test_of_a_base_that_is_not_positive_there_is_no_growth(self, base):
        first = statement("1Q", FY24, operating_profit=20.0, forecast_operating_profit=base)
        assert value("fcst_rev_op", date(2023, 11, 8), [first, self.SECOND]) is None
        assert value("progress", date(2023, 8, 4), [first]) is None
        ago = statement("1Q", FY23, operating_profit=base)
        assert value("op_yoy", date(2023, 8, 4), [ago, self.FIRST]) is None

    def test_earnings_are_revised_by_profit_so_that_a_split_is_no_revision(self):
        before = statement("1Q", FY24, forecast_net_profit=50.0, forecast_eps=100.0)
        after = statement("2Q", FY24, forecast_net_profit=55.0, forecast_eps=55.0)
        assert value("fcst_rev_eps", date(2023, 11, 8), [before, after]) == pytest.approx(0.1)


class TestDividends:
    FIRST = statement("1Q", FY24, sales=1.0, forecast_dividend_annual=30.0)
    SHARES = ((date(2023, 8, 4), 1e6),)

    def test_it_is_the_forecast_by_share_over_the_price(self):
        assert value("div_yield_fwd", date(2023, 8, 7), [self.FIRST], self.SHARES) == pytest.approx(30 / 1000)

    def test_a_split_between_moves_nothing(self):
        split = value("div_yield_fwd", date(2023, 10, 2), [self.FIRST], self.SHARES, close=500.0, outstanding=2e6)
        assert split == pytest.approx(30 / 1000)

    def test_a_revised_dividend_renews_it_and_nothing_else(self):
        revised = dividend_revision(date(2023, 9, 1), FY24, forecast_dividend_annual=40.0)
        known = [self.FIRST | {"equity": 5e8}, revised]
        assert value("div_yield_fwd", date(2023, 9, 4), known, self.SHARES) == pytest.approx(40 / 1000)
        assert value("bp", date(2023, 9, 4), known, self.SHARES) == pytest.approx(0.5)
        assert value("fcst_rev_op", date(2023, 9, 4), known, self.SHARES) is None

    def test_a_revision_of_earnings_alone_leaves_it_and_a_blank_statement_takes_it_back(self):
        revised = earnings_revision(date(2023, 9, 1), FY24, forecast_sales=9.0)
        assert value("div_yield_fwd", date(2023, 9, 1), [self.FIRST, revised], self.SHARES) == pytest.approx(0.03)
        blank = statement("2Q", FY24, sales=2.0)
        assert value("div_yield_fwd", date(2023, 11, 8), [self.FIRST, blank], self.SHARES) is None

    def test_a_revision_without_a_figure_takes_it_back_unless_it_speaks_of_the_next_year(self):
        blank = dividend_revision(date(2023, 9, 1), FY24)
        assert value("div_yield_fwd", date(2023, 9, 1), [self.FIRST, blank], self.SHARES) is None
        coming = blank | {"next_forecast_dividend_annual": 60.0}
        assert value("div_yield_fwd", date(2023, 9, 1), [self.FIRST, coming], self.SHARES) == pytest.approx(0.03)
        year = statement("FY", FY24, sales=4.0)
        assert value("div_yield_fwd", date(2024, 5, 10), [self.FIRST, coming, year], self.SHARES) is None

    def test_of_two_share_counts_in_one_session_the_later_known_holds(self):
        friday = date(2023, 8, 4)
        documents = pl.DataFrame([self.FIRST], schema=INGESTED["statements"].schema)
        known_at = [datetime(2023, 8, 3, 15, 30, tzinfo=UTC), datetime(2023, 8, 4, 9, tzinfo=UTC)]
        counts = pl.DataFrame({"session": friday, "code": CODE, "known_at": known_at, "shares_outstanding": [9.0, 8.0]})
        row = pl.DataFrame({"session": [friday], "code": [CODE], "close_raw": [10.0], "shares_outstanding": [8.0]})
        for shares in (counts, counts.reverse()):
            found = evaluated(row, {"statements": documents, "shares": shares.cast(dict(INGESTED["shares"].schema))})
            assert found["div_yield_fwd"].item() == 3.0

    def test_after_the_full_year_it_is_that_of_the_next(self):
        year = statement("FY", FY24, sales=4.0, dividend_annual=30.0, next_forecast_dividend_annual=50.0)
        assert value("div_yield_fwd", date(2024, 5, 10), [self.FIRST, year], self.SHARES) == pytest.approx(0.05)


def test_a_statement_without_figures_leaves_the_equity_ratio():
    first = statement("1Q", FY24, equity=1.0, equity_ratio=0.4)
    blank = statement("1Q", FY24, on=date(2023, 8, 9))
    assert value("eq_ratio", date(2023, 8, 9), [first, blank]) == 0.4
    assert value("eq_ratio", date(2023, 8, 9), [first, blank | {"equity": 1.0}]) is None


class TestCashFlows:
    YEAR = statement("FY", FY23, cash_from_operations=7e7, net_profit=5e7, total_assets=1e9)
    QUARTER = statement("1Q", FY24, net_profit=1e7, total_assets=2e9)

    def test_they_hold_through_quarters_that_state_none(self):
        assert value("cfo_yield", date(2023, 8, 4), [self.YEAR, self.QUARTER]) == pytest.approx(0.07)
        assert value("accruals", date(2023, 8, 4), [self.YEAR, self.QUARTER]) == pytest.approx(-0.02)

    def test_a_correction_of_the_older_period_counts(self):
        again = self.YEAR | {
            "session": date(2023, 9, 1),
            "known_at": datetime(2023, 9, 1, 9, tzinfo=UTC),
            "number": "x",
        }
        known = [self.YEAR, self.QUARTER, again | {"cash_from_operations": 9e7}]
        assert value("cfo_yield", date(2023, 8, 31), known) == pytest.approx(0.07)
        assert value("cfo_yield", date(2023, 9, 1), known) == pytest.approx(0.09)

    def test_they_are_given_up_after_a_year(self):
        late = statement("3Q", FY24, net_profit=3e7, total_assets=2e9)
        assert value("cfo_yield", date(2024, 2, 8), [self.YEAR, late]) == pytest.approx(0.07)
        assert value("cfo_yield", date(2024, 5, 10), [self.YEAR, statement("FY", FY24, net_profit=4e7)]) is None


class TestDrift:
    BEFORE = quarters(FY23, 10.0, 40.0, 70.0, 100.0)

    def first_day(self, *documents):
        known = [*self.BEFORE, *documents]
        return value("pead", max(d["session"] for d in known), known)

    def test_a_full_year_is_held_against_its_forecast(self):
        year = statement("FY", FY24, operating_profit=109.0)
        plan = statement("3Q", FY24, operating_profit=80.0, forecast_operating_profit=110.0)
        assert self.first_day(plan, year) == -1.0
        same_day = earnings_revision(date(2024, 5, 10), FY24, forecast_operating_profit=109.0)
        assert self.first_day(plan, same_day, year) == -1.0

    @pytest.mark.parametrize(("reached", "sign"), [(11.0, -1.0), (12.0, 0.0), (13.0, 1.0)])
    def test_a_quarter_is_held_against_the_progress_of_the_year_before(self, reached, sign):
        promised = earnings_revision(date(2023, 6, 1), FY24, forecast_operating_profit=120.0)
        assert self.first_day(promised, statement("1Q", FY24, operating_profit=reached)) == sign

    def test_a_forecast_first_given_with_the_statement_is_none_to_be_held_against(self):
        own = statement("1Q", FY24, operating_profit=11.0, forecast_operating_profit=120.0)
        assert self.first_day(own) == 1.0

    def test_else_against_the_quarter_a_year_before(self):
        assert self.first_day(statement("1Q", FY24, operating_profit=9.0)) == -1.0

    def test_it_fades_with_sessions_whatever_else_is_said_of_the_period(self):
        first = statement("1Q", FY24, operating_profit=11.0)
        later = [
            earnings_revision(date(2023, 8, 8), FY24, forecast_operating_profit=50.0),
            statement("1Q", FY24, on=date(2023, 8, 9), operating_profit=1.0),
        ]
        day = calendar.offset(first["session"], 5)
        assert value("pead", day, [*self.BEFORE, first, *later]) == pytest.approx(math.exp(-1))


def test_silence_is_counted_to_its_bound():
    first = statement("1Q", FY24, sales=1.0)
    ages = {n: value("days_since_disc", calendar.offset(first["session"], n), [first]) for n in (0, 7, 120, 300)}
    assert ages == {0: 0.0, 7: 7.0, 120: 120.0, 300: 120.0}


class TestNextEarnings:
    def days(self, announcements, *sessions):
        """Return days_to_earn on sessions; announcements are (published, quarter, day)."""
        told = [
            dict.fromkeys(INGESTED["earnings_dates"].schema)
            | {
                "session": calendar.sessions(on, on + timedelta(days=9))[0],
                "code": CODE,
                "published_on": on,
                "scheduled_on": day,
                "quarter": quarter,
            }
            | {"year_end": "2024-03-31", "known_at": datetime(on.year, on.month, on.day, 1, 5, tzinfo=UTC)}
            for on, quarter, day in announcements
        ]
        table = pl.DataFrame(told, schema=INGESTED["earnings_dates"].schema)
        rows = pl.DataFrame({"session": sessions, "code": CODE}).with_columns(
            pl.lit(1.0).alias("close_raw"), pl.lit(1.0).alias("shares_outstanding")
        )
        return evaluated(rows, {"earnings_dates": table})["days_to_earn"].to_list()

    def test_sessions_are_counted_down_to_the_day(self):
        told = [(date(2024, 1, 15), "3Q", date(2024, 2, 8))]
        on = (date(2024, 1, 12), date(2024, 1, 15), date(2024, 2, 7), date(2024, 2, 8), date(2024, 2, 9))
        assert self.days(told, *on) == [None, 18.0, 1.0, 0.0, None]

    def test_a_day_without_a_session_is_the_next_one(self):
        told = [(date(2024, 1, 15), "3Q", date(2024, 2, 10))]
        assert self.days(told, date(2024, 2, 9), date(2024, 2, 13)) == [1.0, 0.0]

    def test_a_day_is_moved_and_withdrawn(self):
        told = [(date(2024, 1, 15), "3Q", date(2024, 2, 8)), (date(2024, 1, 30), "3Q", date(2024, 2, 14))]
        told.append((date(2024, 2, 5), "3Q", None))
        on = (date(2024, 1, 29), date(2024, 1, 30), date(2024, 2, 2), date(2024, 2, 5), date(2024, 2, 8))
        assert self.days(told, *on) == [8.0, 10.0, 7.0, None, None]

    def test_of_two_announcements_in_one_session_the_later_holds(self):
        told = [(date(2024, 1, 15), "3Q", date(2024, 2, 8)), (date(2024, 1, 14), "3Q", date(2024, 2, 9))]
        assert self.days(told, date(2024, 2, 8)) == [0.0]

    def test_of_several_the_next_counts_and_after_it_the_one_after(self):
        days = {
            "FY": date(2024, 5, 10), "1Q": date(2023, 8, 4), "3Q": date(2024, 2, 8), "2Q": date(2023, 11, 8),
        }  # fmt: skip
        told = [(date(2023, 7, 3), quarter, day) for quarter, day in days.items()]
        on = (date(2023, 8, 3), date(2023, 11, 7), date(2024, 2, 7), date(2024, 5, 9), date(2024, 5, 13))
        assert self.days(told, *on) == [1.0, 1.0, 1.0, 1.0, None]

    def test_a_day_beyond_the_calendar_is_none(self):
        assert self.days([(date(2024, 1, 15), "3Q", date(2036, 2, 8))], date(2024, 1, 15)) == [None]
