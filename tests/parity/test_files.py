"""`features compute` gives the same file with either engine."""

from __future__ import annotations

import polars as pl
import pytest

from features.record_tables import record_tables
from parity import market
from tosho.features import local
from tosho.features.files import compute_file
from tosho.features.panel import build_panel
from tosho.features.sets import feature_set
from tosho.features.spark.files import compute_tables
from tosho.features.tables import Tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A file a table. Codes are text of any form, and statements come between sessions too."""
    folder = tmp_path_factory.mktemp("tables")
    days = market.sessions(90)
    bars = market.bars(days, codes=12).with_columns(pl.col("code") + " x")
    shares = market.shares(bars).with_columns(pl.col("session").dt.offset_by("-2d"))
    frames = {"bars": bars, "securities": market.securities(bars), "indices": market.indices(days), "shares": shares}
    for name, frame in frames.items():
        frame.sample(fraction=1, shuffle=True, seed=1).write_parquet(folder / f"{name}.parquet")
    return folder


@pytest.mark.parametrize("given", [(), ("securities", "indices", "shares")])
def test_both_engines_write_the_same_file(spark, tables, tmp_path, given):
    bounds = {"first": market.sessions(20)[0], "last": market.sessions(3)[0]}
    others = {name: tables / f"{name}.parquet" for name in given}
    told = [
        compute_file(tables / "bars.parquet", tmp_path / engine, "core", engine=engine, **others, **bounds)
        for engine in ("local", "spark")
    ]
    assert told[0] == told[1]
    local, distributed = (pl.read_parquet(tmp_path / engine) for engine in ("local", "spark"))
    assert local.equals(distributed)
    assert distributed["session"].n_unique() == 18
    assert set(distributed["code"].unique()) <= set(pl.read_parquet(tables / "bars.parquet")["code"])


def test_both_engines_have_the_same_bits_of_every_table(spark, tmp_path):
    """In memory: of tables that no command takes as a file yet."""
    days, standard = market.sessions(120), feature_set("standard")
    bars = market.bars(days, codes=12)
    listed, shares = market.securities(bars), market.shares(bars)
    sectors = listed["sector33"].unique().sort().to_list()
    others = record_tables(tmp_path, days, market.codes_of(12), sectors, market.SEED)
    tables = Tables(bars, listed, market.indices(days), shares, {**others, "shares": shares})
    panel = build_panel(bars, shares, listed)
    made = local.compute(panel, tables.indices, standard, days[-10:], tables.others)
    assert compute_tables(tables, standard, days[-10:]).equals(made)
    assert sum(made[name].null_count() < made.height for name in standard.names) > 400
