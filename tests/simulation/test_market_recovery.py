"""Ordinary features see the planted signal: a plain regression on eight of them comes close to the perfect forecast."""

import numpy as np
import polars as pl
import pytest

from tosho.contracts import HORIZONS
from tosho.simulation.market import simulate

TRAIN, PURGE = 190, 21
CLOSE, HIGH, LOW, VOLUME = pl.col("c"), pl.col("h"), pl.col("l"), pl.col("v")
FEATURES = {
    **{f"ret_{n}": CLOSE / CLOSE.shift(n) - 1 for n in (2, 5, 10, 20)},
    "vol_ratio_20": VOLUME / VOLUME.shift(1).rolling_mean(20),
    "vol_ratio_5": VOLUME / VOLUME.shift(1).rolling_mean(5),
    "adv_ratio": pl.col("Va").rolling_mean(20) / pl.col("Va").rolling_mean(60),
    "parkinson_20": ((HIGH / LOW).log() ** 2).rolling_mean(20).sqrt(),
}


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """Features as ranks within the session, labels, and the perfect forecasts."""
    folder = tmp_path_factory.mktemp("market")
    simulate(folder, codes=800, sessions=320)
    split = pl.col("AdjFactor").cum_prod().over("Code")
    bars = pl.read_parquet(folder / "bars.parquet").sort("Code", "Date")
    bars = bars.with_columns((pl.col("H", "L", "C") / split).name.to_lowercase(), (pl.col("Vo") * split).alias("v"))
    labels = {f"y_{h}": CLOSE.shift(-1 - h) / CLOSE.shift(-1) - 1 for h in HORIZONS}
    bars = bars.with_columns(e.over("Code").alias(name) for name, e in {**FEATURES, **labels}.items()).drop_nulls()
    truth = pl.read_parquet(folder / "truth.parquet")
    return bars.with_columns(_rank(name) for name in [*FEATURES, *labels]).join(truth, on=["Date", "Code"])


def _rank(name):
    return (pl.col(name).rank().over("Date") / pl.len().over("Date") - 0.5).alias(name)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_a_regression_on_visible_features_finds_the_signal(panel, horizon):
    days = panel["Date"].unique().sort()
    past = panel.filter(pl.col("Date") <= days[TRAIN - 60])
    future = panel.filter(pl.col("Date") >= days[TRAIN - 60 + PURGE])
    weights, *_ = np.linalg.lstsq(past.select(*FEATURES).to_numpy(), past[f"y_{horizon}"].to_numpy(), rcond=None)
    scored = future.with_columns(pl.Series("score", future.select(*FEATURES).to_numpy() @ weights))
    alike = scored.group_by("Date").agg(pl.corr("score", pl.col(f"oracle_{horizon}").rank()))["score"].mean()
    assert alike > 0.7
    found = scored.group_by("Date").agg(pl.corr(pl.col("score").rank(), f"y_{horizon}").alias("ic"))["ic"]
    assert found.mean() > 0.02
