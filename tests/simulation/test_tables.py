"""What the tables of a synthetic market say agrees with its bars, its documents and itself."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from tosho import calendar
from tosho.simulation.breakdown import breakdown
from tosho.simulation.half_days import half_days
from tosho.simulation.listing import draw_universe
from tosho.simulation.market import simulate
from tosho.simulation.market_folder import load_market
from tosho.simulation.reports import draw_reports
from tosho.simulation.streams import Streams

LAST = date(2025, 3, 31)
RESULTS = pl.col("DocType").str.contains("FinancialStatements")


@pytest.fixture(scope="module")
def day(synthetic):
    return load_market(synthetic).bars_of(calendar.sessions(date(2025, 3, 3), LAST), LAST)


# --- indices


def test_index_0000_is_topix_and_sectors_are_numbered_in_hexadecimal(read):
    indices = read("indices")
    assert indices.filter(pl.col("Code") == "0000").drop("Code").equals(read("topix"))
    sectors = set(indices["Code"]) & {f"{n:04X}" for n in range(0x40, 0x61)}
    assert {"0058", "004F"} <= sectors


def test_indices_enclose_open_and_close_and_move_with_topix(read):
    indices = read("indices")
    assert (indices["H"] >= indices.select(pl.max_horizontal("O", "C")).to_series()).all()
    assert (indices["L"] <= indices.select(pl.min_horizontal("O", "C")).to_series()).all()
    wide = indices.pivot(on="Code", index="Date", values="C")
    moves = {name: np.diff(np.log(wide[name].to_numpy())) for name in ("0000", "0500")}
    assert np.corrcoef(moves["0000"], moves["0500"])[0, 1] > 0.99


# --- margin trading


def test_margin_positions_come_for_the_last_session_of_a_week_with_more_than_two(tmp_path):
    simulate(tmp_path, codes=50, sessions=40, last=date(2019, 5, 17))  # ten days without a session around 1 May
    days = pl.read_parquet(tmp_path / "margin_interest.parquet")["Date"].unique().sort().to_list()
    assert all(day == calendar.week_end(day) for day in days)
    assert date(2019, 4, 26) in days
    assert date(2019, 4, 30) not in days
    assert days[-1] == date(2019, 5, 10)


def test_from_the_autumn_of_2026_margin_positions_come_daily_with_their_day_of_publication(tmp_path):
    simulate(tmp_path, codes=50, sessions=30, last=date(2026, 10, 9))
    table = pl.read_parquet(tmp_path / "margin_interest.parquet")
    daily, weekly = table.filter(pl.col("Date") >= date(2026, 9, 25)), table.filter(pl.col("Date") < date(2026, 9, 25))
    assert weekly.select(pl.col("PubDate", "LongVal").is_null().all()).row(0) == (True, True)
    days = daily["Date"].unique().sort().to_list()
    assert days == calendar.sessions(date(2026, 9, 25), date(2026, 10, 8))
    assert daily["PubDate"].unique().sort().to_list() == [calendar.next_session(day) for day in days]
    assert daily["LongVal"].is_not_null().all()


def test_margin_positions_add_up_and_only_loan_issues_are_sold_short_on_standard_terms(read):
    table = read("margin_interest")
    assert (table["LongVol"] == table["LongNegVol"] + table["LongStdVol"]).all()
    assert table.filter(pl.col("IssType") == "1")["ShrtStdVol"].max() == 0
    kinds = dict(read("master").select("Code", "MarginCode").iter_rows())
    assert all(kinds[code] == kind for code, kind in table.select("Code", "IssType").unique().iter_rows())


def test_alerts_agree_with_the_weekly_positions(read):
    weekly = read("margin_interest").select(AppDate="Date", Code="Code", LongVol="LongVol", ShrtVol="ShrtVol")
    alerts = read("margin_alert").unique(["Code", "AppDate"], keep="first", maintain_order=True)
    both = alerts.join(weekly, on=["AppDate", "Code"])
    assert both.height > 20
    assert (both["LongOut"] == both["LongVol"]).all()
    assert (both["ShrtOut"] == both["ShrtVol"]).all()


def test_alerts_come_a_session_later_with_flags_and_no_ratio_for_etfs(read):
    alerts = read("margin_alert")
    first = alerts.unique(["Code", "AppDate"], keep="first", maintain_order=True)
    assert all(day == calendar.next_session(app) for day, app in first.select("PubDate", "AppDate").iter_rows())
    assert all(
        set(json.loads(text).values()) <= {"0", "1"} and len(json.loads(text)) == 6 for text in alerts["PubReason"]
    )
    etfs = read("master").filter(pl.col("ProductCategory") == "014")["Code"].to_list()
    assert set(alerts.filter(pl.col("Code").is_in(etfs))["LongOutRatio"]) <= {"*"}
    assert "*" not in set(alerts.filter(~pl.col("Code").is_in(etfs))["LongOutRatio"])


def test_a_correction_of_an_alert_has_the_same_day_of_application_and_a_later_publication(tmp_path):
    simulate(tmp_path, codes=600, sessions=60)
    alerts = pl.read_parquet(tmp_path / "margin_alert.parquet")
    again = alerts.filter(pl.len().over("Code", "AppDate") > 1).sort("Code", "AppDate", "PubDate")
    assert again.height >= 2
    pairs = again.group_by("Code", "AppDate", maintain_order=True).agg(pl.col("PubDate"), pl.col("LongOut"))
    assert all(early < late for early, late in pairs["PubDate"])
    assert all(before != after for before, after in pairs["LongOut"])


# --- short selling


def test_short_selling_and_the_rest_are_the_sector_s_turnover(read):
    sectors = read("master").select("Code", S33="Sector33Code")
    turnover = read("bars").join(sectors, on="Code").group_by("Date", "S33").agg(pl.col("Va").sum())
    both = read("short_ratio").join(turnover, on=["Date", "S33"])
    parts = both.select(pl.sum_horizontal("SellExShortVa", "ShrtWithResVa", "ShrtNoResVa")).to_series()
    assert (parts == both["Va"]).all()


def test_short_positions_are_reported_from_half_a_percent_with_the_report_before(read):
    reports = read("short_sale_report").sort("Code", "SSName", "CalcDate")
    assert reports.filter(pl.col("PrevRptDate") == "")["ShrtPosToSO"].min() >= 0.005
    assert (reports["DiscDate"] > reports["CalcDate"]).all()
    linked = reports.with_columns(
        pl.col("CalcDate").shift(1).over("Code", "SSName").fill_null("").alias("before"),
        pl.col("ShrtPosToSO").shift(1).over("Code", "SSName").alias("ratio before"),
    )
    assert (linked["PrevRptDate"] == linked["before"]).all()
    assert linked["PrevRptRatio"].equals(linked["ratio before"].alias("PrevRptRatio"))
    assert reports.group_by("Code").agg(pl.col("SSName").n_unique())["SSName"].max() >= 2


# --- flows


def test_some_weeks_of_flows_are_published_again_and_still_balance(read):
    flows = read("investor_types")
    versions = flows.group_by("EnDate", "Section").agg(
        pl.col("PubDate").n_unique().alias("n"), pl.col("FrgnBuy").n_unique()
    )
    corrected = versions.filter(pl.col("n") == 2)
    assert corrected.height >= 2
    assert (corrected["FrgnBuy"] == 2).all()
    assert "TokyoNagoya" in set(corrected["Section"])


# --- statements


def test_some_documents_revise_a_forecast_alone(read):
    revised = read("statements").filter(pl.col("DocType") == "EarnForecastRevision")
    assert revised.height > 20
    assert set(revised["Sales"]) | set(revised["ShOutFY"]) | set(revised["TA"]) == {""}
    assert (revised["FSales"] != "").all()
    assert (revised["CurPerEn"] == revised["CurFYEn"]).all()
    dividends = read("statements").filter(pl.col("DocType") == "DividendForecastRevision")
    assert (dividends["FDivAnn"] != "").all()
    assert set(dividends["FSales"]) == {""}


def test_some_periods_are_stated_again_later_with_other_figures(read):
    twice = read("statements").filter(RESULTS).filter(pl.len().over("Code", "CurPerEn") > 1).sort("DiscNo")
    assert twice.height >= 10
    pairs = twice.group_by("Code", "CurPerEn", maintain_order=True).agg("DiscDate", "NP", "DocType")
    assert all(early < late for early, late in pairs["DiscDate"])
    assert all(before != after for before, after in pairs["NP"])
    assert all(before == after for before, after in pairs["DocType"])


def test_some_companies_have_one_short_fiscal_year():
    days, streams = calendar.sessions(date(2023, 7, 3), LAST), Streams(7)
    universe = draw_universe(streams, 1_000, days)
    reports = draw_reports(streams, universe, days, np.broadcast_to(universe.shares, (len(days), 1_000)))
    years = reports.select("Code", "CurFYSt", "CurFYEn", "length").unique().sort("Code", "CurFYSt")
    short = years.filter(pl.col("length") < 4)
    assert short.height >= 5
    assert short["Code"].is_unique().all()
    following = years.with_columns(pl.col("CurFYEn").shift(1).over("Code").alias("before")).drop_nulls("before")
    assert (following["CurFYSt"] == following["before"].dt.offset_by("1d")).all()
    quarters = reports.filter(pl.col("Code") == short["Code"][0]).sort("CurPerEn")
    ends = quarters.filter("is_year").select("number", "length")
    assert (ends["number"] == ends["length"]).all()
    told = quarters.filter(pl.col("NxtFYEn") == short["CurFYEn"][0])["CurFYEn"].unique().to_list()
    assert [day < short["CurFYEn"][0] for day in told] == [True]


def test_other_standards_have_no_ordinary_profit(read):
    results = read("statements").filter(RESULTS)
    foreign = results.filter(~pl.col("DocType").str.ends_with("_JP"))
    assert {"IFRS"} <= set(foreign["DocType"].str.split("_").list.last())
    assert set(foreign["OdP"]) == {""}
    assert (results.filter(pl.col("DocType").str.ends_with("_JP"))["OdP"] != "").all()


def test_documents_come_before_at_and_after_six_in_the_evening(read):
    times = read("statements")["DiscTime"]
    assert (times < "18:00:00").any()
    assert (times == "18:00:00").any()
    assert (times > "18:00:00").any()


def test_items_of_a_statement_are_those_of_its_summary(read):
    details = read("details").join(read("statements").select("DiscNo", "Sales", "OP"), on="DiscNo")
    assert details.height == read("details").height > 500
    for text, sales, profit in details.select("FS", "Sales", "OP").head(50).iter_rows():
        items = json.loads(text)
        assert sales in items.values()
        assert profit in items.values()


# --- schedules and dividends


def test_what_was_told_last_is_the_day_of_the_report(read):
    told = read("earnings_date").with_columns(pl.col("FYE").cast(pl.String))
    last = told.unique(["Code", "FYE", "FQName"], keep="last", maintain_order=True)
    kinds = {"1Q": "第1四半期", "2Q": "第2四半期", "3Q": "第3四半期", "FY": "本決算"}
    first = read("statements").filter(RESULTS).unique(["Code", "CurPerEn"], keep="first", maintain_order=True)
    reports = first.with_columns(pl.col("CurPerType").replace_strict(kinds).alias("FQName"))
    both = last.join(reports, left_on=["Code", "FYE", "FQName"], right_on=["Code", "CurFYEn", "FQName"])
    assert both.height > 1_000
    assert (both["SchDate"] == both["DiscDate"]).all()
    assert (both["PubDate"].cast(pl.String) < both["DiscDate"]).all()


def test_days_are_undecided_and_changed_before_they_are_told(read):
    told = read("earnings_date")
    changes = told.group_by("Code", "FYE", "FQName", maintain_order=True).agg("SchDate", "PubDate")
    several = changes.filter(pl.col("SchDate").list.len() == 2)
    assert (several["SchDate"].list.first() == "").any()
    assert (several["SchDate"].list.first() != "").any()
    assert (several["SchDate"].list.first() != several["SchDate"].list.last()).all()
    assert (several["PubDate"].list.first() < several["PubDate"].list.last()).all()


def test_dividends_are_foreseen_decided_and_corrected(read):
    dividends = read("dividends")
    assert set(dividends["FRCode"]) == {"1", "2"}
    assert set(dividends["IFCode"]) == {"1", "2"}
    assert {"1", "2"} == set(dividends["StatCode"])
    assert (dividends["ExDate"] < dividends["ActRecDate"]).all()
    assert (dividends["ActRecDate"] <= dividends["RecDate"]).all()
    assert dividends.select("RefNo", "StatCode", "PubDate").is_unique().all()


# --- derivatives


def test_puts_and_calls_keep_parity_and_settle_near_theory(read):
    options = read("options_225").filter(pl.col("Date") == LAST)
    key = ["CM", "Strike"]
    calls, puts = (options.filter(pl.col("PCDiv") == side).select(*key, "Theo", "UnderPx") for side in "21")
    both = calls.join(puts, on=key, suffix=" put")
    assert both.height == options.height / 2 > 90
    off = both["Theo"] - both["Theo put"] - (both["UnderPx"] - both["Strike"])
    assert off.abs().max() < 0.002 * both["Strike"].max()
    assert (options["Settle"] - options["Theo"]).abs().max() <= 2.5


def test_contracts_trade_night_and_day_and_only_until_their_last_day(read):
    for name in ("options_225", "options", "futures"):
        table = read(name)
        assert (table["Date"].cast(pl.String) <= table["LTD"]).all()
        assert (table["LTD"] < table["SQD"]).all()
        assert table.select("Date", "Code").is_unique().all()
        busy = table.filter(pl.col("Vo") > 0, pl.col("EO") > 0)
        assert (busy["O"] == busy["EO"]).all()
        assert (busy["C"] == busy["AC"]).all()
        assert (busy["H"] == busy.select(pl.max_horizontal("EH", "AH")).to_series()).all()
        assert table.filter(pl.col("Vo") == 0).select("O", "H", "L", "C").sum().row(0) == (0.0,) * 4


def test_a_new_contract_has_no_night_before_it(read):
    options = read("options_225")
    new = options.filter(
        (pl.col("Date") == pl.col("Date").min().over("Code")) & (pl.col("Date") > options["Date"].min())
    )
    assert new.height > 50
    assert new["EO"].null_count() == new.height
    assert options["EO"].null_count() == new.height


# --- what the server derives


def test_halves_are_the_day(day):
    halves = half_days(day).filter(pl.col("C").is_not_null())
    assert (halves["MO"] == halves["O"]).all()
    assert (halves["AC"] == halves["C"]).all()
    assert (halves.select(pl.max_horizontal("MH", "AH")).to_series() == halves["H"]).all()
    assert (halves.select(pl.min_horizontal("ML", "AL")).to_series() == halves["L"]).all()
    assert (halves["MVo"] + halves["AVo"] == halves["Vo"]).all()
    assert (halves["MVa"] + halves["AVa"] == halves["Va"]).all()
    for half in "MA":
        assert (halves[f"{half}H"] >= halves.select(pl.max_horizontal(f"{half}O", f"{half}C")).to_series()).all()
        assert (halves[f"{half}L"] <= halves.select(pl.min_horizontal(f"{half}O", f"{half}C")).to_series()).all()
    assert (halves["MH"] < halves["H"]).any()
    assert (halves["AH"] < halves["H"]).any()


def test_a_day_without_a_trade_has_halves_without_one(day):
    blank = half_days(day).filter(pl.col("C").is_null())
    assert blank.height > 0
    assert blank.select(pl.col("MO", "AC", "MVo", "AVa", "AAdjC").is_null().all()).row(0) == (True,) * 5


def test_sellers_and_buyers_are_the_day_s_trading(day):
    table = breakdown(day)
    sold = ("LongSell", "ShrtNoMrgn", "MrgnSellNew", "MrgnSellClose")
    bought = ("LongBuy", "MrgnBuyNew", "MrgnBuyClose")
    for unit in ("Va", "Vo"):
        for side in (sold, bought):
            total = table.select(pl.sum_horizontal(f"{name}{unit}" for name in side)).to_series()
            assert (total == day[unit].fill_null(0)).all()
    assert table.select(pl.all().exclude("Date", "Code").min() >= 0).select(pl.all_horizontal(pl.all())).item()


def test_halves_are_the_same_for_the_same_code_and_day_whatever_else_is_asked(day):
    code = day["Code"][0]
    alone = half_days(day.filter(pl.col("Code") == code))
    assert alone.equals(half_days(day).filter(pl.col("Code") == code))
