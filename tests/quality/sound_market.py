"""A small sound market: 300 codes on one session."""

from datetime import date

import numpy as np
import polars as pl

from tosho.contracts import BARS

SESSION = date(2018, 11, 16)
CODES = [f"{1301 + 3 * k}0" for k in range(300)]


def bars_of(session, seed, base=None):
    """300 codes around 1,000 yen, each within 5 % of `base`."""
    draw = np.random.default_rng(seed)
    base = np.full(len(CODES), 1000.0) if base is None else base
    close = np.round(base * (1 + draw.uniform(-0.05, 0.05, len(CODES))))
    opened = np.round(base * (1 + draw.uniform(-0.02, 0.02, len(CODES))))
    volume = draw.integers(1, 10_000, len(CODES)) * 100.0
    return BARS.conform(
        pl.DataFrame(
            {
                "session": session,
                "code": CODES,
                "open": opened,
                "high": np.maximum(opened, close) + 1,
                "low": np.minimum(opened, close) - 1,
                "close": close,
                "volume": volume,
                "turnover_yen": volume * close,
                "adj_factor": 1.0,
                "upper_limit_hit": False,
                "lower_limit_hit": False,
            }
        )
    )
