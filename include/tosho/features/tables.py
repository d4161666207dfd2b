"""The tables that features are made of, in memory: what either engine takes when there is no lake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Tables:
    """What features are made of. Frames have the columns of their contracts that features read."""

    bars: pl.DataFrame
    securities: pl.DataFrame | None
    indices: pl.DataFrame | None
    shares: pl.DataFrame | None
    others: Mapping[str, pl.DataFrame] = field(default_factory=dict)  # tables that records are made of, by name
