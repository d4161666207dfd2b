"""`tosho features compute`: what each file beside the bars gives, and where the written range ends."""

import json
from types import SimpleNamespace

import polars as pl
import pytest
from typer.testing import CliRunner

from features.small_market import HALTED, STEADY, THIN, YOUNG, small_market
from tosho.__main__ import app
from tosho.features.sets import feature_set

SESSIONS = 200
OF_SECTORS = [feature.name for feature in feature_set("core").features if feature.family == "sectors"]


@pytest.fixture(scope="module")
def market():
    whole = small_market()
    return whole.since(whole.sessions[-SESSIONS])


@pytest.fixture(scope="module")
def compute(market, tmp_path_factory):
    """Run the command on the market's bars, with further files and options."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("bars", "indices"):
        getattr(market, name).write_parquet(folder / f"{name}.parquet")
    market.securities.with_columns(name=pl.lit("a name")).write_parquet(folder / "securities.parquet")

    def run(*options, bars="bars"):
        where = ["--input", f"{folder}/{bars}.parquet", "--output", f"{folder}/out.parquet"]
        given = [str(option).format(folder=folder) for option in options]
        told = CliRunner().invoke(app, ["features", "compute", "--set", "core", *where, *given])
        assert told.exit_code == 0, told.output
        return SimpleNamespace(told=json.loads(told.stdout), rows=pl.read_parquet(folder / "out.parquet"))

    run.folder = folder
    return run


@pytest.fixture(scope="module")
def bare(compute):
    return compute()


@pytest.fixture(scope="module")
def whole(compute):
    return compute("--securities", "{folder}/securities.parquet", "--indices", "{folder}/indices.parquet")


def of(rows, session):
    return rows.filter(pl.col("session") == session)


def test_without_securities_features_of_sectors_are_null_and_with_them_they_have_values(bare, whole, market):
    assert len(OF_SECTORS) == 14
    assert [name for name in OF_SECTORS if bare.rows[name].null_count() < bare.rows.height] == []
    last = of(whole.rows, market.sessions[-1])
    members = dict(zip(last["code"], last["sec_member_cnt"], strict=True))
    assert members == {STEADY: 2, THIN: 2, HALTED: 1, "83060": 1, YOUNG: 1}
    assert whole.rows["sec_ret_5"].null_count() < whole.rows.height


def test_without_indices_the_market_is_the_universe_weighted_by_turnover_and_with_them_topix(bare, whole, market):
    before, session = market.sessions[-2:]
    (here,) = set(of(whole.rows, session)["mkt_ret_1"])
    topix = dict(zip(market.indices["session"], market.indices["close"], strict=True))
    assert here == pytest.approx(topix[session] / topix[before] - 1, rel=1e-5)
    (here,) = set(of(bare.rows, session)["mkt_ret_1"])
    pairs = of(market.bars, session).join(of(market.bars, before).select("code", earlier="close"), on="code")
    weighted = (pairs["close"] / pairs["earlier"] - 1) * pairs["turnover_yen"]
    assert here == pytest.approx(weighted.sum() / pairs["turnover_yen"].sum(), rel=1e-5)


def test_without_indices_what_needs_the_index_s_high_and_low_is_null(bare, whole):
    assert bare.rows["mkt_natr14"].null_count() == bare.rows.height
    assert whole.rows["mkt_natr14"].null_count() < whole.rows.height


def test_files_beside_the_bars_change_no_other_feature(bare, whole):
    alone = [f.name for f in feature_set("core").features if f.family in ("returns", "candles", "oscillators")]
    key = ["session", "code"]
    assert bare.rows.select(*key, *alone).equals(whole.rows.select(*key, *alone))


def test_later_bars_than_the_last_session_asked_for_are_not_looked_at(compute, whole, market):
    first, last = market.sessions[-6], market.sessions[-3]
    tables = ("--securities", "{folder}/securities.parquet", "--indices", "{folder}/indices.parquet")
    made = compute(*tables, "--from", first, "--to", last)
    assert made.rows["session"].unique().sort().to_list() == market.sessions[-6:-2]
    assert made.told["sessions"] == 4
    assert made.rows.equals(whole.rows.filter(pl.col("session").is_between(first, last)))
    spoilt = market.bars.with_columns(close=pl.when(pl.col("session") > last).then(1e6).otherwise(pl.col("close")))
    spoilt.write_parquet(compute.folder / "spoilt.parquet")
    assert compute(*tables, "--from", first, "--to", last, bars="spoilt").rows.equals(made.rows)
