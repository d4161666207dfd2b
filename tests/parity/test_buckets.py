"""A bucket holds a few codes only; what the others tell must not be missed."""

from __future__ import annotations

import polars as pl
import pytest

from parity import market
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.pieces.blob import split_by_bucket
from tosho.features.pieces.series import Series
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import Window
from tosho.features.plan import plan
from tosho.features.sectors import sector_sums


@pytest.fixture(scope="module")
def days():
    return market.sessions(60)


@pytest.fixture(scope="module")
def bars(days):
    return market.bars(days, codes=6)


def test_sessions_in_which_a_code_alone_has_no_row_end_its_windows(core, days, bars):
    """Without a listing, only the other codes show that there was a session at all."""
    passes = plan(core)
    index = local.compute_market(market.indices(days), passes, days)
    sectors = local.compute_sectors([sector_sums(build_panel(bars))], index, passes)
    series = Series(passes, index, sectors, Window((), tuple(days), tuple(days[-30:])), Shape(60, 1, 30))
    per_code = bars.group_by("code").agg(pl.col("session").n_unique().alias("rows"))
    gappy = per_code.filter(pl.col("rows") < len(days))["code"].to_list()
    whole = series.computed({"bars": bars})[0]
    for code in gappy:
        alone = series.computed({"bars": bars.filter(pl.col("code") == code)})[0]
        assert alone.equals(whole.filter(pl.col("code") == code))
    back = whole.filter((pl.col("session").rank().over("code") > 1) & (pl.col("ret_1").is_null()))
    traded = bars.drop_nulls("close").select("session", "code")
    assert back.join(traded, on=["session", "code"], how="semi").height > 0


def test_each_row_is_in_one_bucket_and_a_code_in_one(bars):
    pieces = dict(split_by_bucket(bars, 4))
    assert sum(piece.height for piece in pieces.values()) == bars.height
    assert sum(piece["code"].n_unique() for piece in pieces.values()) == bars["code"].n_unique()
    assert len(pieces) > 1
