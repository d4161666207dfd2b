"""Features of a file of bars, for the command line: long bars in, long features out, no lake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl

from tosho.features import local, qlib
from tosho.features.input_files import InputFileError, read_adjusted, read_tables
from tosho.features.panel import build_panel
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.tables import Tables

PRODUCTION, QLIB = "production", "qlib"
_MODES = (PRODUCTION, QLIB)
_OF_QLIB = "alpha158"


class UnknownModeError(ValueError):
    """A feature set, or an engine, does not have this mode."""


Engine = Callable[[Tables, FeatureSet, list[date]], pl.DataFrame]


def compute_file(  # noqa: PLR0913 - the options of the command
    bars: Path,
    output: Path,
    name: str,
    *,
    engine: str = "local",
    mode: str = PRODUCTION,
    securities: Path | None = None,
    indices: Path | None = None,
    shares: Path | None = None,
    first: date | None = None,
    last: date | None = None,
) -> dict[str, object]:
    """Write the features of a Parquet file of bars: session, code and a float32 column a feature, by session and code.

    Files have the columns of the contracts `bars`, `securities`, `indices` and `shares`; further columns are ignored.
    A session is a date or ISO text, a code is text and passed through as it is. Bars without `adj_factor` are taken as
    never split, without the two limit flags as not known (null); index rows without `index_code` are those of TOPIX.
    Without a file, the features that need it are null. A session without a bar gives a row only if the code is listed.
    Bars may have `vwap`, adjusted as their prices are, instead of `turnover_yen`.

    Mode `qlib` gives set `alpha158` with Qlib's edges (see `tosho.features.qlib`), of session, code, open, high, low,
    close, volume and vwap, all adjusted. It reads no other file.

    Args:
        bars: What to read.
        output: What to write; its folder is made.
        name: The feature set.
        engine: `local` or `spark`; they give the same bits.
        mode: `production`, or `qlib`.
        securities: Listings, for sectors and segments (known for 65 sessions), and for sessions without bars.
        indices: Bars of the index.
        shares: Shares outstanding as stated.
        first: First session to write. Earlier bars are what its windows look into.
        last: Last session to write; later bars are not looked at.

    Returns:
        What was done: rows, codes, sessions, features, feature_set, number.

    Raises:
        InputFileError: A file lacks a column or holds what cannot be taken as its type, or no session is left.
        UnknownFeatureSetError: There is no such set.
        UnknownModeError: There is no such mode, or not for this set or engine.
        ValueError: There is no such engine.
    """
    _check_mode(mode, name, engine)
    wanted = feature_set(name)
    if mode == QLIB:
        adjusted = read_adjusted(bars, last)
        written = _within(bars, adjusted, first, last)
        result = qlib.compute(adjusted, wanted.features).filter(pl.col("session").is_in(written))
    else:
        compute = _engine(engine)
        tables = read_tables(bars, securities, indices, shares, last)
        written = _within(bars, tables.bars, first, last)
        result = compute(tables, wanted, written)
    output.parent.mkdir(parents=True, exist_ok=True)
    result.write_parquet(output)
    return {
        "rows": result.height,
        "codes": result["code"].n_unique(),
        "sessions": len(written),
        "features": len(wanted.features),
        "feature_set": wanted.name,
        "number": wanted.number,
    }


def _check_mode(mode: str, name: str, engine: str) -> None:
    if mode not in _MODES:
        raise UnknownModeError(f"Mode {mode!r} was asked for; there are {list(_MODES)}.")
    if mode == QLIB and (name, engine) != (_OF_QLIB, "local"):
        raise UnknownModeError(
            f"Mode {QLIB!r} was asked for with set {name!r} and engine {engine!r}; it is what Qlib computes of set "
            f"{_OF_QLIB!r}, with engine 'local'. Ask for these, or for mode {PRODUCTION!r}."
        )


def _within(bars: Path, rows: pl.DataFrame, first: date | None, last: date | None) -> list[date]:
    written = [s for s in rows["session"].unique().sort().to_list() if first is None or s >= first]
    if not written:
        raise InputFileError(
            f"{bars} has no session from {first or 'its first'} to {last or 'its last'}. Widen the range."
        )
    return written


def _engine(name: str) -> Engine:
    if name == "local":
        return _locally
    if name == "spark":
        from tosho.features.spark.files import compute_tables  # noqa: PLC0415 - pyspark, only when it is asked for

        return compute_tables
    raise ValueError(f"Engine {name!r} was asked for; there are 'local' and 'spark'.")


def _locally(tables: Tables, wanted: FeatureSet, sessions: list[date]) -> pl.DataFrame:
    panel = build_panel(tables.bars, tables.shares, tables.securities)
    return local.compute(panel, tables.indices, wanted, sessions, tables.others)
