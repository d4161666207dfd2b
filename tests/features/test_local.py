import math

import polars as pl
import pytest

from features.small_market import FLAT, HALTED, STEADY, SmallMarket
from tosho.contracts import features_contract
from tosho.features import local, session_pass
from tosho.features.chunks import between_codes
from tosho.features.panel import build_panel
from tosho.features.plan import plan
from tosho.features.sets import feature_set
from tosho.features.spec import Scope

CORE = feature_set("core")


@pytest.fixture(scope="module")
def panel(market: SmallMarket) -> pl.DataFrame:
    return build_panel(market.bars, market.shares, market.securities)


@pytest.fixture(scope="module")
def result(market: SmallMarket, panel: pl.DataFrame) -> pl.DataFrame:
    return local.compute(panel, market.indices, CORE, market.sessions[-60:])


def test_the_result_keeps_the_contract_of_its_set(result: pl.DataFrame) -> None:
    assert features_contract(CORE.names).conform(result).equals(result)


def test_sessions_asked_for_are_those_given(market: SmallMarket, panel: pl.DataFrame, result: pl.DataFrame) -> None:
    one = local.compute(panel, market.indices, CORE, [market.sessions[-7]])
    assert one.equals(result.filter(pl.col("session") == market.sessions[-7]))


def test_no_value_is_infinite_or_nan(result: pl.DataFrame) -> None:
    numbers = result.select(CORE.names)
    assert [name for name in numbers.columns if not numbers[name].drop_nulls().is_finite().all()] == []


def test_without_an_index_only_what_reads_it_is_another(
    market: SmallMarket, panel: pl.DataFrame, result: pl.DataFrame
) -> None:
    """The universe stands in for it, which has no high and no low."""
    alone = local.compute(panel, None, CORE, market.sessions[-60:])
    changed = {name for name in CORE.names if not alone[name].equals(result[name], null_equal=True)}
    assert {name for name in changed if alone[name].null_count() == alone.height} == {"mkt_natr14"}
    assert {"mkt_ret_1", "beta_60", "resid_mom_20", "csr_resid_mom_20"} < changed
    assert {f.family for f in CORE.features if f.name in changed} == {"market", "relative", "ranks"}


def test_without_a_listing_only_what_reads_it_is_null(market: SmallMarket) -> None:
    """But for HALTED: only its listing shows that it was there in sessions without a bar."""
    bars, securities = (frame.filter(pl.col("code") != HALTED) for frame in (market.bars, market.securities))
    there, bare = (
        local.compute(build_panel(bars, market.shares, listing), market.indices, CORE, market.sessions[-60:])
        for listing in (securities, None)
    )
    changed = {name for name in CORE.names if not bare[name].equals(there[name], null_equal=True)}
    assert all(bare[name].null_count() == bare.height for name in changed)
    assert {f.family for f in CORE.features if f.name in changed} == {"sectors", "dates"}


def test_a_flat_window_has_no_volatility_and_no_score(market: SmallMarket, panel: pl.DataFrame) -> None:
    row = local.compute(panel, market.indices, CORE, [market.sessions[919]]).filter(pl.col("code") == FLAT)
    assert row.select("vol_20", "px_sma_20", "px_ema_5", "lin_slope_20").row(0) == (0.0, 0.0, 0.0, 0.0)
    assert row.select("amihud_20", "vov_20").row(0) == (0.0, 0.0) or row["vov_20"][0] is not None
    nothing_to_divide_by = ("vol_ratio_5_20", "bb_pctb_20_2", "lin_r2_20", "obv_z20", "pv_corr_20")
    assert row.select(nothing_to_divide_by).row(0) == (None,) * len(nothing_to_divide_by)


def test_a_later_split_changes_no_earlier_feature(
    market: SmallMarket, panel: pl.DataFrame, result: pl.DataFrame
) -> None:
    last = market.sessions[-1]
    split = pl.when((pl.col("session") == last) & (pl.col("code") == STEADY))
    bars = market.bars.with_columns(split.then(0.1).otherwise(pl.col("adj_factor")).alias("adj_factor"))
    again = local.compute(
        build_panel(bars, market.shares, market.securities), market.indices, CORE, market.sessions[-60:-1]
    )
    assert again.equals(result.filter(pl.col("session") < last))


def test_ranks_are_shares_of_those_that_have_a_value(result: pl.DataFrame) -> None:
    session = result.filter(pl.col("session") == result["session"].max())
    known = session["ret_1"].drop_nulls().sort()
    ranks = sorted(session["csr_ret_1"].drop_nulls().to_list())
    assert ranks == pytest.approx([(n + 1) / known.len() for n in range(known.len())], rel=1e-6)
    assert session["csr_ret_1"].null_count() == session["ret_1"].null_count()


def test_equal_values_share_their_average_rank() -> None:
    passes = plan(feature_set("core"))
    needed = {
        name: pl.Series([1.0, 2.0, 2.0, None], dtype=pl.Float32) for name in passes.handed_on if name != "sector33"
    }
    rows = pl.DataFrame({"session": [None] * 4, "code": ["D", "B", "C", "A"], "sector33": ["1"] * 4, **needed})
    got = session_pass.compute_session(rows.with_columns(pl.col("session").cast(pl.Date)), passes)
    assert got["code"].to_list() == ["A", "B", "C", "D"]
    assert [None if x is None else round(x, 6) for x in got["csr_vol_20"]] == [None, 0.833333, 0.833333, 0.333333]


def test_chunks_are_whole_codes(panel: pl.DataFrame) -> None:
    chunks = [set(chunk["code"]) for chunk in between_codes(panel.sort("code", "session"), 1000)]
    assert [len(codes) for codes in chunks] == [2, 2, 2]
    assert set.union(*chunks) == set(panel["code"])


def test_no_rows_are_one_chunk(panel: pl.DataFrame) -> None:
    assert [chunk.height for chunk in between_codes(panel.clear(), 1000)] == [0]


def test_no_window_looks_across_an_absence(market: SmallMarket) -> None:
    """What counts sessions without volume too, which are rows of nulls where there is a listing."""
    gone = market.sessions[940:950]
    away = market.without(STEADY, gone)
    panel = build_panel(away.bars, away.shares, away.securities)
    made = local.compute(panel, market.indices, CORE, market.sessions[935:]).filter(pl.col("code") == STEADY)
    assert made["session"].to_list() == market.sessions[935:940] + market.sessions[950:]
    assert made["zero_vol_days_20"].is_null().to_list() == [False] * 5 + [True] * 10
    assert made["ret_1"].is_null().to_list() == [False] * 5 + [True] + [False] * 9
    assert made["days_listed"].to_list()[-1] == 740


def test_an_empty_panel_has_an_empty_result(panel: pl.DataFrame, market: SmallMarket) -> None:
    empty = local.compute(panel.clear(), market.indices, CORE)
    assert (empty.height, empty.columns) == (0, ["session", "code", *CORE.names])


def test_market_values_are_joined_to_every_code(result: pl.DataFrame) -> None:
    per_session = result.group_by("session").agg(pl.col("mkt_ret_1").n_unique())
    assert per_session["mkt_ret_1"].to_list() == [1] * 60
    assert not math.isnan(result["mkt_ret_1"][0])
    assert any(f.scope is Scope.MARKET for f in CORE.features)
