"""A lake of 24 codes and 70 sessions with bars, listings, labels and five drawn features."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from parity import market
from tosho.contracts import features_contract
from tosho.dataset.graph import GraphPlan
from tosho.dataset.labels import label_sessions
from tosho.dataset.pieces import DatasetPlan, Pieces
from tosho.dataset.samples import Columns
from tosho.storage import Lake

COLUMNS = Columns("tiny", 3, ("a", "b", "c", "market", "never"))
PLAN = DatasetPlan(COLUMNS, shared=("market", "never"), graph=GraphPlan(3, 2))
DAYS = tuple(market.sessions(70))
CODES = market.codes_of(24)
BARS = market.bars(list(DAYS), codes=24)
RANGE = DAYS[26:]
"""The sessions that have features."""


def fill(folder) -> tuple[Lake, list]:
    """Return the lake, and its labelled sessions."""
    lake, listed = market.new_lake(folder), market.securities(BARS)
    listed = listed.with_columns(product=pl.when(pl.col("code") == CODES[0]).then(pl.lit("014")).otherwise("product"))
    for day in DAYS:
        lake.publish("bars", day, BARS.filter(pl.col("session") == day))
        lake.publish("securities", day, listed.filter(pl.col("session") == day))
    for day in RANGE:
        publish_features(lake, day)
    return lake, [day for day in label_sessions(lake, DAYS[0], DAYS[-1]) if day in RANGE]


def publish_features(lake, day, seed=0, names=COLUMNS.names, number=3):
    codes = pl.concat([lake.read(table, day, ["code"]) for table in ("bars", "securities")])["code"].unique().sort()
    rng = np.random.default_rng([seed, day.toordinal()])
    values = {name: rng.normal(size=codes.len()) for name in names}
    values["b"][rng.random(codes.len()) < 0.3] = np.nan
    frame = pl.DataFrame({"session": pl.repeat(day, codes.len(), eager=True), "code": codes, **values})
    frame = frame.with_columns(market=pl.lit(float(rng.normal(5, 2))), never=pl.lit(None, pl.Float32))
    frame = frame.with_columns(pl.col("b").fill_nan(None)).select("session", "code", *names)
    facts = {"feature_set": "tiny", "number": number}
    lake.publish("features", day, frame, contract=features_contract(tuple(names)), facts=facts)


def here(pieces: Pieces, what: str) -> Iterator[str]:
    """The engine of this very process."""
    return map(pieces, range(pieces.count))
