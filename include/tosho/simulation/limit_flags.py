"""Which bars of a recorded market touched a price limit: derived, where the recording does not say it.

J-Quants always tells it (`UL`, `LL`); bars from elsewhere seldom do. The base price is the close before, adjusted for
the split of the session. What the exchange sets by hand is not known here: special quotes and limits that were widened
after days without a trade.
"""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tosho.simulation.price_rules import RULES, limits, rules_on

FLAGS: Final = ("UL", "LL")
_SCALE: Final = "ScaleCategory"


def with_limit_flags(bars: pl.DataFrame, master: pl.DataFrame) -> pl.DataFrame:
    """Return bars with `UL` and `LL`, "1" where a price touched the day's limit, else "0".

    A code's first bar has no base, and a session without a trade no price: they touch nothing.

    Args:
        bars: Date, Code, H, L, C, AdjFactor, in the order of Date within each code.
        master: Code and ScaleCategory; without the latter every issue has the standard ticks.

    Raises:
        NoPriceRulesError: No rules are known for a session that early.
    """
    known = master if _SCALE in master.columns else master.with_columns(pl.lit("").alias(_SCALE))
    base = pl.col("C").forward_fill().shift(1).over("Code") * pl.col("AdjFactor")
    rows = bars.join(known.select("Code", _SCALE), on="Code", how="left", maintain_order="left").select(
        "Date", "H", "L", _SCALE, base.alias("base")
    )
    low, high = _limits(rows)
    touched = (rows["H"].to_numpy() >= high, rows["L"].to_numpy() <= low)  # false beside a NaN
    return bars.with_columns(pl.Series(name, np.where(hit, "1", "0")) for name, hit in zip(FLAGS, touched, strict=True))


def _limits(rows: pl.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lowest and highest price of each row, NaN without a base, by the rules that were in force."""
    rules_on(rows.select(pl.col("Date").min()).item())
    low, high = np.full(rows.height, np.nan), np.full(rows.height, np.nan)
    ends = [*(later.start for _, later in pairwise(RULES)), date.max]
    for rules, end in zip(RULES, ends, strict=True):
        within = pl.col("Date").is_between(rules.start, end, closed="left") & pl.col("base").is_not_null()
        place = rows.select(within).to_series().to_numpy()
        base, scale = rows.filter(place).select("base", _SCALE)
        fine = scale.is_in(rules.fine_scales).fill_null(value=False).to_numpy()
        low[place], high[place] = limits(base.to_numpy(), fine, rules)
    return low, high
