"""The synthetic market keeps the exchange's rules, is the same for the same seed, and never looks ahead."""

import json
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.simulation import price_rules
from tosho.simulation.drawing import MarketSizeError, draw_market
from tosho.simulation.fields import STATEMENTS
from tosho.simulation.listing import draw_universe, master_table
from tosho.simulation.market import simulate
from tosho.simulation.price_rules import NoPriceRulesError
from tosho.simulation.sectors import SECTORS, SERIES_NAMES
from tosho.simulation.signal import drift, expected_return
from tosho.simulation.streams import Streams
from tosho.simulation.truth import labels, rank_ic

CODES, SESSIONS, LAST = 200, 150, date(2025, 3, 31)
DELAY = 2  # what is known at t is earned from the close of t+1 on: the convention of the labels
PUBLISHED = {
    "investor_types": "PubDate", "indices": "Date", "margin_interest": "Date", "margin_alert": "PubDate",
    "short_ratio": "Date", "short_sale_report": "DiscDate", "earnings_date": "PubDate", "details": "DiscDate",
    "dividends": "PubDate", "options_225": "Date", "options": "Date", "futures": "Date",
}  # fmt: skip
FILES = ("bars", "master", "topix", "statements", "truth", *PUBLISHED)
RESULTS = pl.col("DocType").str.contains("FinancialStatements")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, codes=CODES, sessions=SESSIONS, last=LAST)
    return folder


@pytest.fixture(scope="module")
def table(folder):
    tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in FILES}
    return tables.__getitem__


@pytest.fixture(scope="module")
def market():
    return draw_market(codes=CODES, sessions=SESSIONS, last=LAST, seed=7)


@pytest.fixture(scope="module")
def traded(table):
    """Bars with a price, each beside the last price before it: base, in today's shares."""
    bars = table("bars").sort("Code", "Date")
    split = pl.col("AdjFactor").cum_prod().over("Code")
    bars = bars.with_columns(split.alias("split")).filter(pl.col("C").is_not_null())
    before = (pl.col("C") / pl.col("split")).shift(1).over("Code") * pl.col("split")
    scale = table("master").select("Code", "ScaleCategory")
    return bars.with_columns(before.alias("base")).join(scale, on="Code")


def test_same_seed_gives_the_same_bytes(folder, tmp_path):
    simulate(tmp_path, codes=CODES, sessions=SESSIONS, last=LAST)
    for path in sorted(folder.iterdir()):
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_another_seed_gives_another_market(folder, tmp_path):
    simulate(tmp_path, codes=CODES, sessions=SESSIONS, last=LAST, seed=8)
    assert (tmp_path / "bars.parquet").read_bytes() != (folder / "bars.parquet").read_bytes()


def test_a_market_that_was_cut_short_has_no_truth_file(tmp_path, monkeypatch):
    simulate(tmp_path, codes=50, sessions=30)
    monkeypatch.setattr("tosho.simulation.market.investors_table", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        simulate(tmp_path, codes=60, sessions=30)
    assert not (tmp_path / "truth.json").exists()


def test_sessions_are_the_exchange_s(table):
    days = table("bars")["Date"].unique().sort().to_list()
    assert days == calendar.sessions(days[0], LAST)
    assert len(days) == SESSIONS == table("topix").height


def test_last_may_be_a_holiday(tmp_path):
    summary = simulate(tmp_path, codes=50, sessions=30, last=date(2025, 1, 1))
    assert summary.last == date(2024, 12, 30)


def test_low_and_high_enclose_open_and_close(table):
    wrong = table("bars").filter(
        (pl.col("L") > pl.min_horizontal("O", "C")) | (pl.col("H") < pl.max_horizontal("O", "C")) | (pl.col("L") <= 0)
    )
    assert wrong.is_empty()


def test_every_price_is_on_the_tick_grid_of_its_issue(traded):
    rules = price_rules.rules_on(LAST)
    fine = traded["ScaleCategory"].is_in(sorted(rules.fine_scales)).to_numpy()
    assert fine.any()
    for name in ("O", "H", "L", "C"):
        price = traded[name].to_numpy()
        ticks = price / price_rules.tick_sizes(price, fine, rules)
        assert np.abs(ticks - np.round(ticks)).max() < 1e-6, name


def test_no_price_leaves_the_daily_limits(traded):
    rows = traded.filter(pl.col("base").is_not_null())
    width = pl.Series(price_rules.limit_width(rows["base"].to_numpy()))
    tick = 5.0  # the base price itself is on the grid, which moves a limit by a tick at most
    assert ((rows["H"] - rows["base"]) <= width + tick).all()
    assert ((rows["base"] - rows["L"]) <= width + tick).all()


def test_limit_flags_stand_where_a_limit_was_touched():
    wild = draw_market(codes=400, sessions=120, last=LAST, seed=3)
    touched = wild.prices.traded & (wild.prices.high >= wild.prices.high_limit)
    assert touched.any()
    assert (wild.prices.high[touched] == wild.prices.high_limit[touched]).all()


def test_flags_on_file_are_zero_or_one(table):
    bars = table("bars")
    assert set(bars["UL"].unique()) | set(bars["LL"].unique()) <= {"0", "1"}


def test_splits_happen_and_leave_adjusted_returns_within_the_limits(traded):
    splits = traded.filter((pl.col("AdjFactor") != 1.0) & pl.col("base").is_not_null())
    assert splits.height >= 3
    moved = (splits["C"] / splits["base"] - 1).abs()
    assert moved.max() < 0.35


def test_shares_outstanding_follow_splits(market):
    session, code = (places[0] for places in np.nonzero(market.prices.factor != 1.0))
    outstanding = market.volumes.outstanding[:, code]
    expected = outstanding[session - 1] / market.prices.factor[session, code]
    assert outstanding[session] == pytest.approx(expected, rel=1e-6)


def test_a_session_without_a_trade_is_a_row_of_nulls(table):
    bars = table("bars")
    values = ("O", "H", "L", "C", "Vo", "Va")
    blank = bars.filter(pl.any_horizontal(pl.col(values).is_null()))
    assert 0 < blank.height < 0.01 * bars.height
    assert blank.select(pl.all_horizontal(pl.col(values).is_null()).all()).item()
    assert (blank["AdjFactor"] == 1.0).all()


def test_bars_lie_inside_the_listed_interval_and_fill_it(table):
    spans = table("bars").group_by("Code").agg(pl.col("Date").min().alias("first"), pl.col("Date").max().alias("end"))
    joined = table("master").join(spans, on="Code", how="full", coalesce=True)
    assert joined.filter(pl.col("ListedFrom") != pl.col("first")).is_empty()
    assert joined.filter(pl.col("ListedTo").fill_null(LAST) != pl.col("end")).is_empty()
    assert joined.select(pl.col("ListedFrom", "first").null_count()).row(0) == (0, 0)


def test_some_codes_come_and_some_go():
    days = calendar.sessions(date(2024, 8, 16), LAST)
    master = master_table(draw_universe(Streams(7), 1_000, days), days)
    assert master["ListedTo"].is_not_null().any()
    newcomers = master.filter(pl.col("ListedFrom") > master["ListedFrom"].min())
    assert newcomers["Code"].str.contains(r"^\d{3}A0$").any()


def test_codes_have_five_characters_and_come_in_order(table):
    bars = table("bars")
    assert bars["Code"].str.contains(r"^[0-9]{3}[0-9A-Z]0$").all()
    assert bars.equals(bars.sort("Date", "Code"))


def test_master_names_official_sectors_and_every_kind_of_issue(table):
    master = table("master")
    official = {sector.code: sector.name for sector in SECTORS} | {"9999": "その他"}
    assert {official[code] for code in master["Sector33Code"]} == set(master["Sector33CodeName"])
    assert set(master["Sector17Code"]) <= set(SERIES_NAMES)
    assert set(master["ProductCategory"]) == {"011", "013", "014"}
    assert set(master["MarketCode"]) == {"0109", "0111", "0112", "0113"}
    assert {"TOPIX Core30", "TOPIX Mid400", "TOPIX Small 2", "-"} <= set(master["ScaleCategory"])


def test_segments_bear_their_old_names_before_the_reform(tmp_path):
    simulate(tmp_path, codes=100, sessions=30, last=date(2022, 4, 1))
    master = pl.read_parquet(tmp_path / "master.parquet")
    assert set(master["MarketCode"]) <= {"0101", "0102", "0104", "0109"}


def test_turnover_is_volume_at_a_price_of_the_session(traded):
    price = traded["Va"] / traded["Vo"]
    slack = 0.5 / traded["Vo"] + 1e-9 * traded["H"]
    assert ((price >= traded["L"] - slack) & (price <= traded["H"] + slack)).all()


def test_topix_tracks_the_value_of_its_stocks(table, market):
    member = (market.universe.segment == "0111") & market.universe.is_stock
    value = market.volumes.outstanding * market.prices.last
    always = member & market.universe.listed(SESSIONS).all(axis=0)
    moves = np.diff(np.log(value[:, always].sum(axis=1)))
    close = table("topix")["C"].to_numpy()
    assert np.corrcoef(moves, np.diff(np.log(close)))[0, 1] > 0.99
    ohlc = table("topix")
    assert (ohlc["L"] <= ohlc.select(pl.min_horizontal("O", "C")).to_series()).all()
    assert (ohlc["H"] >= ohlc.select(pl.max_horizontal("O", "C")).to_series()).all()


def test_returns_have_fat_tails_and_volatility_that_clusters():
    market = draw_market(codes=300, sessions=400, last=LAST, seed=7)
    moves = market.returns.total[:, market.universe.is_stock]
    standard = (moves - moves.mean(axis=0)) / moves.std(axis=0)
    assert (standard**4).mean() > 4.0
    size = np.abs(standard)
    later = [np.corrcoef(size[:-5, code], size[5:, code])[0, 1] for code in range(size.shape[1])]
    assert np.mean(later) > 0.02


# --- the signal


def test_forecasts_of_the_perfect_model_rank_what_comes(market):
    forecasts = market.forecasts()
    for horizon in HORIZONS:
        realised = labels(market.prices, horizon)
        known = market.prices.traded & np.isfinite(realised)
        rows = zip(forecasts[horizon], realised, known, strict=True)
        daily = [rank_ic(f[k], r[k]) for f, r, k in rows if k.any()]
        assert np.mean(daily) > 0.02, horizon


def test_shuffled_labels_have_no_rank_ic(market):
    rng = np.random.default_rng(0)
    forecast, realised = market.forecasts()[5], labels(market.prices, 5)
    daily = []
    for f, r, t in zip(forecast, realised, market.prices.traded, strict=True):
        known = t & np.isfinite(r)
        if known.any():
            daily.append(rank_ic(f[known], rng.permutation(r[known])))
    assert abs(np.mean(daily)) < 3 * np.std(daily) / np.sqrt(len(daily))


def test_truth_says_what_the_summary_says(folder, tmp_path):
    summary = simulate(tmp_path, codes=CODES, sessions=SESSIONS, last=LAST)
    said = json.loads((folder / "truth.json").read_text())
    assert {int(h): a["rank_ic"] for h, a in said["attainable"].items()} == {
        h: a.rank_ic for h, a in summary.attainable.items()
    }
    assert [summary.attainable[h].sessions for h in HORIZONS] == [SESSIONS - 1 - h for h in HORIZONS]


def test_forecast_equals_the_drift_that_follows_on_average(market):
    """E[y_h] is exact: the drifts that come, summed over the horizon, scatter about it without bias."""
    for horizon in HORIZONS:
        forecast = expected_return(market.returns.states, horizon)
        to_come = _summed_drift(market, horizon)
        kept = forecast[: len(to_come)] - market.returns.states.carry * horizon
        slope = np.sum(kept * (to_come - market.returns.states.carry * horizon)) / np.sum(kept**2)
        assert slope == pytest.approx(1.0, abs=0.1), horizon


def _summed_drift(market, horizon):
    """Sum of the drifts of sessions t+2 .. t+1+h, for every t that has them all."""
    total = np.cumsum(np.vstack([np.zeros(CODES), drift(market.returns.states)]), axis=0)
    return total[DELAY + horizon :] - total[DELAY:-horizon]


def test_a_longer_market_begins_like_the_shorter_one(table, tmp_path):
    """Neither bars nor forecasts up to t depend on anything later: later sessions are appended, nothing else moves."""
    simulate(tmp_path, codes=CODES, sessions=SESSIONS + 20, last=calendar.offset(LAST, 20))
    for name in ("bars", "topix", "truth"):
        longer = pl.read_parquet(tmp_path / f"{name}.parquet")
        assert longer.filter(pl.col("Date") <= LAST).equals(table(name)), name
    stated = pl.read_parquet(tmp_path / "statements.parquet").filter(pl.col("DiscDate") <= str(LAST))
    assert stated.equals(table("statements"))
    for name, published in PUBLISHED.items():
        longer = pl.read_parquet(tmp_path / f"{name}.parquet")
        known = str(table(name)[published].max()) if name == "margin_interest" else str(LAST)
        assert longer.filter(pl.col(published).cast(pl.String) <= known).equals(table(name)), name


def test_drift_is_caused_two_sessions_before(market):
    """A state that is changed at t moves no drift up to t+1, and moves that of t+2."""
    states = market.returns.states
    changed = states.attention.copy()
    changed[100:] += 1.0
    other = type(states)(**{**vars(states), "attention": changed})
    difference = np.abs(drift(other) - drift(states)).sum(axis=1)
    assert (difference[: 100 + DELAY] == 0).all()
    assert (difference[100 + DELAY :] > 0).all()


def test_overshoot_is_made_of_past_shocks_alone(market):
    """What the states hold can be computed from the shocks up to t; the shock of t+1 is not in it."""
    shocks = market.returns.surprise
    next_shock = [np.corrcoef(market.returns.states.overshoot[t], shocks[t + 1])[0, 1] for t in range(SESSIONS - 1)]
    same_shock = [np.corrcoef(market.returns.states.overshoot[t], shocks[t])[0, 1] for t in range(SESSIONS)]
    assert abs(np.mean(next_shock)) < 4 / np.sqrt(CODES * SESSIONS)
    assert np.mean(same_shock) > 0.2


# --- statements and flows


def test_statements_have_every_official_field_as_text(table):
    statements = table("statements")
    assert statements.columns == list(STATEMENTS)
    assert set(statements.dtypes) == {pl.String()}
    assert statements["DiscNo"].is_unique().all()
    assert statements["FDivUnit"].unique().to_list() == [""]


def test_statements_come_after_their_period_and_on_sessions(table):
    dates = table("statements").filter(RESULTS).select(pl.col("DiscDate", "CurPerEn").str.to_date())
    assert (dates["DiscDate"] - dates["CurPerEn"]).dt.total_days().min() >= 20
    assert all(calendar.is_session(day) for day in dates["DiscDate"].unique())
    assert dates["DiscDate"].max() <= LAST


def test_every_stock_has_a_statement_before_the_market_begins(table):
    first = str(table("bars")["Date"].min())
    early = table("statements").filter(pl.col("DiscDate") < first)["Code"].unique()
    there = table("master").filter(
        (pl.col("ProductCategory") == "011") & (pl.col("ListedFrom").cast(pl.String) == first)
    )
    assert set(there["Code"]) <= set(early)


def test_statements_accumulate_within_the_fiscal_year(table):
    first = table("statements").filter(RESULTS).unique(["Code", "CurPerEn"], keep="first", maintain_order=True)
    sales = first.with_columns(pl.col("Sales").cast(pl.Float64)).sort("Code", "CurPerEn")
    rising = sales.with_columns(pl.col("Sales").diff().over("Code", "CurFYEn").alias("more"))["more"]
    assert rising.drop_nulls().min() > 0


def test_stated_shares_are_those_of_the_period_s_end(table, market):
    stated = (
        table("statements")
        .filter(RESULTS)
        .with_columns(pl.col("ShOutFY").cast(pl.Float64), pl.col("CurPerEn").str.to_date())
    )
    code = stated.filter(pl.col("CurPerEn") >= market.sessions[0]).row(0, named=True)
    place = sum(session <= code["CurPerEn"] for session in market.sessions) - 1
    assert code["ShOutFY"] == market.volumes.outstanding[place, market.universe.codes.index(code["Code"])]


def test_buyers_and_sellers_balance_in_every_section(table):
    flows = table("investor_types")
    assert (flows["TotBal"] == 0).all()
    assert (flows["PropBal"] + flows["BrkBal"] == 0).all()
    assert set(flows["Section"]) == {"TSEPrime", "TSEStandard", "TSEGrowth", "TokyoNagoya"}
    assert (flows["PubDate"] > flows["EnDate"]).all()


def test_flows_add_up_to_the_turnover_of_the_stocks(table):
    week = table("investor_types").filter(pl.col("Section") == "TokyoNagoya").row(-1, named=True)
    stocks = table("master").filter(pl.col("ProductCategory") == "011")["Code"]
    inside = pl.col("Date").cast(pl.String).is_between(pl.lit(week["StDate"]), pl.lit(week["EnDate"]))
    turnover = table("bars").filter(inside & pl.col("Code").is_in(stocks.to_list()))["Va"].sum()
    assert week["TotBuy"] == pytest.approx(turnover / 1_000, rel=1e-4)


# --- bounds


@pytest.mark.parametrize(("codes", "sessions"), [(10, 100), (20_000, 100), (100, 5)])
def test_a_market_out_of_bounds_is_refused_with_the_bounds(tmp_path, codes, sessions):
    with pytest.raises(MarketSizeError, match="the bounds are 50 to 8000 codes and at least 30 sessions"):
        simulate(tmp_path, codes=codes, sessions=sessions)


def test_a_market_before_the_price_rules_is_refused(tmp_path):
    with pytest.raises(NoPriceRulesError, match="known from 2010-01-04"):
        simulate(tmp_path, codes=50, sessions=30, last=date(2009, 12, 30))


# --- price rules


@pytest.mark.parametrize(
    ("session", "scale", "price", "tick"),
    [
        (date(2025, 3, 31), "TOPIX Mid400", 2_000.0, 0.5),
        (date(2023, 6, 2), "TOPIX Mid400", 2_000.0, 1.0),
        (date(2023, 6, 2), "TOPIX Core30", 4_000.0, 0.5),
        (date(2023, 6, 5), "TOPIX Core30", 4_000.0, 1.0),
        (date(2025, 3, 31), "TOPIX Small 1", 3_000.0, 1.0),
        (date(2025, 3, 31), "TOPIX Small 1", 3_005.0, 5.0),
    ],
)
def test_ticks_depend_on_issue_price_and_period(session, scale, price, tick):
    rules = price_rules.rules_on(session)
    fine = np.array([scale in rules.fine_scales])
    assert price_rules.tick_sizes(np.array([price]), fine, rules)[0] == tick


@pytest.mark.parametrize(("base", "width"), [(99.0, 30), (100.0, 50), (999.0, 150), (1_000.0, 300), (6e7, 1e7)])
def test_limits_depend_on_the_base_price(base, width):
    assert price_rules.limit_width(np.array([base]))[0] == width


@given(st.floats(0.2, 1e8), st.floats(0.2, 1e8), st.booleans())
def test_rounding_to_ticks_keeps_the_order_of_prices(one, other, is_fine):
    rules = price_rules.rules_on(LAST)
    prices = np.sort(np.array([one, other]))
    ticks = price_rules.tick_sizes(prices, np.array([is_fine, is_fine]), rules)
    low, high = price_rules.to_tick(prices, ticks)
    assert low <= high
