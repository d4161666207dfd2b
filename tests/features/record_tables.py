"""Small tables of everything that features know beside bars: simulated, and read as the sources read them."""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from tosho import calendar
from tosho.contracts import INGESTED
from tosho.features import records
from tosho.ingest.sources import SOURCES
from tosho.simulation.market import simulate
from tosho.simulation.tables import TABLES

FILES = {table.endpoint: table.file for table in TABLES}
NEEDED = tuple(sorted({table for kind in records.ALL for table in kind.tables}))
CORRECTED = ("investor_flows", "margin_interest", "short_positions", "margin_alerts", "statements")
"""Tables of which what was said of a day can be said again later."""
STRIKES = 1000
SIMULATED = 50


def record_tables(
    folder: Path, sessions: Sequence[date], codes: Sequence[str], sectors: Sequence[str], seed: int = 5
) -> dict[str, pl.DataFrame]:
    """Return the tables that records are made of, of these sessions, codes and sectors; a fifteenth is corrected later.

    Codes and sectors are those of the simulation of which most is told, named anew.
    """
    simulate(folder, codes=SIMULATED, sessions=len(sessions), last=sessions[-1], seed=seed)
    found = {source.table: _read(folder, source) for source in SOURCES if source.table in NEEDED}
    told = pl.concat([found[name]["code"].unique() for name in ("margin_alerts", "short_positions", "statements")])
    sold = found["sector_short_selling"].filter(pl.col("sell_yen") > 0)["sector33"]
    named = {"code": _named(told, codes), "sector33": _named(sold, sectors)}
    return {name: _of_these(_corrected(name, rows), sessions, named) for name, rows in found.items()}


def _named(told: pl.Series, names: Sequence[str]) -> dict[str, str]:
    """Return which value gets which name, those that occur most often first."""
    counted = told.value_counts(name="times").sort("times", told.name, descending=[True, False])
    named = dict(zip(counted[told.name].to_list(), names, strict=False))
    assert len(named) == len(names)
    return named


def _read(folder: Path, source) -> pl.DataFrame:
    rows = pl.scan_parquet(folder / f"{FILES[source.endpoint]}.parquet")
    if source.table == "options_225":  # a thinner chain takes a tenth of the time
        rows = rows.filter(pl.col("Strike").cast(pl.Float64) % STRIKES == 0)
    return source.read(rows.select(pl.all().cast(pl.String).fill_null("")).collect())


def _corrected(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Say every fifteenth row again some sessions later, with other figures."""
    if table not in CORRECTED:
        return rows
    again = []
    for place, row in enumerate(rows.sort("known_at", *INGESTED[table].key).to_dicts()[::15]):
        session = calendar.offset(row["session"], (1, 3, 6, 25)[place % 4])
        later = (session - row["session"]) + timedelta(seconds=1)
        told = {name: value * 1.25 for name, value in row.items() if isinstance(value, float)}
        told |= {name: session for name in ("published_on", "disclosed_on") if name in row}
        told |= {"number": f"{row['number']}9"} if "number" in row else {}
        again.append(row | told | {"session": session, "known_at": row["known_at"] + later})
    both = pl.concat([rows, pl.DataFrame(again, schema=rows.schema)])
    return both.unique(INGESTED[table].key, keep="last", maintain_order=True)


def _of_these(rows: pl.DataFrame, sessions: Sequence[date], named: dict[str, dict[str, str]]) -> pl.DataFrame:
    rows = rows.filter(pl.col("session").is_between(sessions[0], sessions[-1]))
    for key in set(named).intersection(rows.columns):
        rows = rows.filter(pl.col(key).is_in(list(named[key]))).with_columns(pl.col(key).replace(named[key]))
    return rows
