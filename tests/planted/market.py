"""A small market whose returns follow two features two sessions later, as a lake that is ready to train on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tosho.calendar import offset, sessions
from tosho.config import Settings
from tosho.contracts import HORIZONS, features_contract
from tosho.dataset.samples import Columns, Samples
from tosho.features.sets import feature_set
from tosho.models.lightgbm import LightGBM
from tosho.storage import Lake

LAST = date(2024, 12, 30)
QUICK = LightGBM(
    rounds=40, learning_rate=0.1, leaves=6, min_rows_in_leaf=100, l2=10.0, feature_fraction=0.7, bagging_fraction=0.5
)


@dataclass(frozen=True)
class Drawn:
    """`features` is [sessions, codes, 6]; the first two move the return of the session after next."""

    sessions: tuple[date, ...]
    codes: tuple[str, ...]
    features: np.ndarray
    returns: np.ndarray


def draw(codes=100, length=200, strength=0.07, seed=3) -> Drawn:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(length, codes, 6))
    for t in range(1, length):  # persistent, so that the longer horizons have something to find
        features[t] = 0.7 * features[t - 1] + 0.71 * features[t]
    drift = strength * (features[:, :, 0] - 0.5 * features[:, :, 1])
    noise = rng.normal(size=(length, codes))
    noise[2:] += drift[:-2]
    days = tuple(sessions(offset(LAST, 1 - length), LAST))
    return Drawn(days, tuple(f"{1300 + i}0" for i in range(codes)), features, 0.01 * noise)


def samples(drawn: Drawn) -> Samples:
    """Return the drawn market as training samples; sessions whose labels are not known are left out."""
    known = len(drawn.sessions) - 1 - max(HORIZONS)
    prices = np.cumprod(1 + drawn.returns, axis=0)
    returns = np.stack([prices[1 + h :][:known] / prices[1 : known + 1] - 1 for h in HORIZONS], axis=2)
    codes = len(drawn.codes)
    return Samples(
        Columns("planted", 1, tuple(f"f{i}" for i in range(6))),
        drawn.sessions[:known],
        np.arange(known + 1) * codes,
        np.tile(np.array(drawn.codes, dtype="S5"), known),
        drawn.features[:known].reshape(-1, 6).astype(np.float32),
        returns.reshape(-1, len(HORIZONS)).astype(np.float32),
    )


def fill(settings: Settings, drawn: Drawn) -> Lake:
    """Publish bars and features of the drawn market; the features are the first six of set `core`, the rest null."""
    lake, core = Lake.of(settings), feature_set("core")
    prices = 1000 * np.cumprod(1 + drawn.returns, axis=0)
    facts = {"feature_set": core.name, "number": core.number}
    for t, session in enumerate(drawn.sessions):
        key = {"session": [session] * len(drawn.codes), "code": drawn.codes}
        price = dict.fromkeys(("open", "high", "low", "close"), prices[t])
        rest = {"volume": 1000.0, "turnover_yen": 1e6, "adj_factor": 1.0}
        limits = {"upper_limit_hit": False, "lower_limit_hit": False}
        lake.publish(
            "bars",
            session,
            pl.DataFrame(key | price).with_columns(**{k: pl.lit(v) for k, v in (rest | limits).items()}),
        )
        planted = {name: drawn.features[t, :, i] for i, name in enumerate(core.names[:6])}
        frame = pl.DataFrame(key | planted).with_columns(pl.lit(None).alias(name) for name in core.names[6:])
        lake.publish("features", session, frame, contract=features_contract(core.names), facts=facts)
    return lake


def settings_of(folder) -> Settings:
    return Settings.from_environment({"TOSHO_HOME": str(folder)})
