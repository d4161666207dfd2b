"""A market folder as tables of the lake, at once: read as J-Quants' answers are, without a server or a lake between."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import polars as pl

from tosho.ingest.plans import PLANS
from tosho.ingest.sources import SOURCES
from tosho.simulation.datasets import Datasets
from tosho.simulation.market_folder import load_market


def contracted(folder: Path, tables: Collection[str]) -> dict[str, pl.DataFrame]:
    """Return the good rows of some tables of a market, of all its sessions, as the largest plan would bring them.

    Args:
        folder: What `simulate` wrote.
        tables: Their names; each must be one that J-Quants answers in pages.

    Raises:
        MarketFolderError: The folder holds no market.
        ContractError: A table as a whole is not what it should be.
    """
    market = load_market(folder)
    endpoints = Datasets(market, PLANS["premium"]).endpoints
    found = {}
    for source in (source for source in SOURCES if source.table in tables):
        rows = endpoints[source.endpoint].between(market.days[0], market.days[-1])
        found[source.table] = source.check(source.read(_as_sent(rows))).good
    return found


def _as_sent(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.all().cast(pl.String).fill_null(""))
