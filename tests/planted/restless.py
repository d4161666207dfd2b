"""A market whose noise is as wide as a code's volatility, twice that where it is small; with scores that fit."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np

from tosho.calendar import offset, sessions
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Columns, Samples
from tosho.models.walk import Walked

LAST = date(2024, 12, 30)
CODES = 200
SLOPES = (0.004, 0.01, 0.01, 0.02)


def draw(length=120, seed=5, names=("vol_20", "adv20", "ret_5"), spread=1.0) -> tuple[Samples, Float64s]:
    """Return rows and scores `[rows, horizons]`; `spread` widens the noise, by one number or by one a session."""
    rng = np.random.default_rng(seed)
    rows = length * CODES
    volatility = np.exp(rng.normal(-4, 0.6, rows))
    size = np.exp(rng.normal(18, 1.5, rows))
    features = np.stack([volatility, size, rng.normal(size=rows)], axis=1).astype(np.float32)
    scores = rng.normal(size=(rows, len(HORIZONS)))
    wide = np.repeat(np.broadcast_to(spread, length), CODES) * volatility * np.where(size < np.exp(18), 2.0, 1.0)
    noise = wide[:, None] * rng.standard_t(5, size=scores.shape) * np.sqrt(HORIZONS)
    market = np.repeat(rng.normal(0, 0.03, length), CODES)[:, None]
    returns = (scores * SLOPES + noise + market).astype(np.float32)
    days = tuple(sessions(offset(LAST, 1 - length), LAST))
    codes = np.tile(np.array([f"{1000 + i}0" for i in range(CODES)], dtype="S5"), length)
    return Samples(Columns("drawn", 1, names), days, np.arange(length + 1) * CODES, codes, features, returns), scores


def part(samples: Samples, scores: Float64s, first: int, last: int) -> Walked:
    """Return a fold that was tested on the sessions from `first` to before `last`."""
    a, b = samples.sessions[first], samples.sessions[last - 1]
    return Walked(SimpleNamespace(number=1), None, samples.between(a, b), scores[first * CODES : last * CODES])
