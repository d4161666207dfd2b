"""How many earlier rows a feature needs, found out by evaluating it once on a made-up issue.

Windows give null until they are full and pass nulls on, so the first row that has a value tells the lookback. That it
is enough, and needed, is proved on other data by the property tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import numpy as np
import polars as pl

from tosho.features import columns, records
from tosho.features.grammar import DefinitionError
from tosho.features.spec import Feature

_TEXTS = {"code": "13010", "sector33": "0050", "segment": "0111", "scale": "TOPIX Small 1"}

ROWS = 2048
"""Length of the made-up history, and so the bound of a lookback."""


def lookbacks(ordered: Iterable[Feature]) -> dict[str, int]:
    """Return, by name, the number of rows before a row from which its value is made.

    Args:
        ordered: Features of one code or one index, each after those it reads.

    Raises:
        DefinitionError: A feature has no value within `ROWS` rows.
    """
    frame = _history()
    found = {}
    for feature in ordered:
        values = frame.select(feature.expression.cast(pl.Float64).alias(feature.name)).to_series()
        first = values.is_not_null().arg_max()
        if first is None or values[first] is None:
            raise DefinitionError(f"Feature {feature.name} has no value within {ROWS} rows; shorten its window.")
        found[feature.name] = first
        frame = frame.with_columns(values)
    return found


def _history() -> pl.DataFrame:
    """A code and an index that trade in every session and never stand still."""
    draw = np.random.default_rng(20)
    rows: dict[str, pl.Series] = {}
    for prefix in ("", "mkt_"):
        close = 1000 * np.exp(np.cumsum(draw.normal(0, 0.02, ROWS)))
        opening = close * np.exp(draw.normal(0, 0.01, ROWS))
        body = np.stack([opening, close])
        rows[prefix + "open"], rows[prefix + "close"] = pl.Series(opening), pl.Series(close)
        rows[prefix + "high"] = pl.Series(body.max(axis=0) * np.exp(np.abs(draw.normal(0, 0.01, ROWS))))
        rows[prefix + "low"] = pl.Series(body.min(axis=0) * np.exp(-np.abs(draw.normal(0, 0.01, ROWS))))
    volume = pl.Series(np.exp(draw.normal(12, 0.5, ROWS)))
    rows |= {"close_raw": rows["close"], "volume": volume, "volume_raw": volume}
    rows |= {"turnover_yen": volume * rows["close"], "shares_outstanding": pl.Series(np.full(ROWS, 1e8))}
    rows |= {name: pl.Series(draw.integers(0, 50, ROWS) == 0) for name in ("upper_limit_hit", "lower_limit_hit")}
    rows["session"] = pl.date_range(date(2000, 1, 1), date(2000, 1, 1) + timedelta(days=ROWS - 1), eager=True)
    rows["sessions_listed"] = pl.Series(np.arange(1.0, ROWS + 1))
    rows |= {name: pl.Series([text] * ROWS) for name, text in _TEXTS.items()}
    given = (name for found in records.ALL for name in found.given)
    rows |= {name: pl.Series(np.exp(draw.normal(0, 0.3, ROWS))) for name in (*given, "sector_return")}
    return pl.DataFrame(rows).with_columns(pl.Series(n, np.arange(ROWS) % 9, pl.Int32) for n in columns.CALENDAR)
