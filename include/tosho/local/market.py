"""The market of the local installation, and the simulated J-Quants that serves it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import httpx
import polars as pl

from tosho.local.environment import LOCALHOST, Workplace
from tosho.local.processes import Processes


class NoMarketError(ValueError):
    """There is no market folder to serve."""


@dataclass(frozen=True)
class Market:
    """A market folder, measured."""

    folder: Path
    first: date
    last: date
    codes: int
    rows: int


def measure(folder: Path) -> Market:
    """Return a market folder's range and size.

    Raises:
        NoMarketError: The folder holds no bars.parquet.
    """
    bars = folder / "bars.parquet"
    if not bars.exists():
        raise NoMarketError(
            f"{folder} is no market folder: it has no bars.parquet. Name one, or let the demo make one."
        )
    first, last, codes, rows = (
        pl.scan_parquet(bars)
        .select(
            pl.col("Date").min().alias("first"),
            pl.col("Date").max().alias("last"),
            pl.col("Code").n_unique().alias("codes"),
            pl.len().alias("rows"),
        )
        .collect()
        .row(0)
    )
    return Market(folder, first, last, codes, rows)


def serve(place: Workplace, processes: Processes, folder: Path | None = None) -> None:
    """Serve a market as J-Quants on loopback, unless that is done already.

    Raises:
        NoMarketError: There is no folder with bars.
        ProcessDiedError: The server did not come up.
    """
    known = place.serves().get("folder", "")
    if not (folder or known):
        raise NoMarketError(f"{place.home} has no market yet. Run `make demo` first, or name one: MARKET=folder.")
    found = measure((folder or Path(known)).resolve())
    place.is_for(found.folder, found.last)
    port = place.state()["jquants_port"]
    arguments = ["simulate", "serve", str(found.folder), "--port", port, "--plan", "standard"]
    command = [sys.executable, "-m", "tosho", *arguments]
    processes.start("jquants", command, place.variables(), place.logs / "jquants.log")
    processes.wait("jquants", lambda: _answers(port), seconds=120)


def _answers(port: str) -> bool:
    try:
        return httpx.get(f"http://{LOCALHOST}:{port}/v2/markets/calendar", timeout=2, trust_env=False).status_code > 0
    except httpx.HTTPError:
        return False
