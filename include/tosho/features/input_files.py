"""Files that a command is given, read as the tables they should be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl

from tosho.contracts import BARS, INDICES, SECURITIES, SHARES, Contract
from tosho.features import qlib
from tosho.features.tables import Tables
from tosho.features.universe import TOPIX

_DEFAULTS = {"adj_factor": 1.0, "upper_limit_hit": None, "lower_limit_hit": None}
_LISTING = ("session", "code", "sector33", "segment", "scale")
_FIRST_INDEX = {"index_code": TOPIX}
_ADJUSTED = {"session": pl.Date(), "code": pl.String(), **dict.fromkeys(qlib.INPUTS, pl.Float64())}

_Schema = Mapping[str, pl.DataType]


class InputFileError(ValueError):
    """A file given cannot be read as the table it should be."""


def read_tables(
    bars: Path, securities: Path | None, indices: Path | None, shares: Path | None, last: date | None
) -> Tables:
    """Return the tables of these files, up to a session.

    Raises:
        InputFileError: A file lacks a column or holds what cannot be taken as its type.
    """
    dense = _dense(_until(_read(bars, BARS, _DEFAULTS, _of_session(BARS)), last))
    return Tables(
        dense.with_columns(pl.col("adj_factor").fill_null(1.0)),
        None if securities is None else _until(_read(securities, SECURITIES, {}, _LISTING), last),
        None if indices is None else _until(_read(indices, INDICES, _FIRST_INDEX, _of_session(INDICES)), last),
        None if shares is None else _until(_read(shares, SHARES, {}), last),
    )


def read_adjusted(bars: Path, last: date | None) -> pl.DataFrame:
    """Return session, code, adjusted prices, volume and vwap up to a session, with a row of nulls for each halt.

    Raises:
        InputFileError: The file lacks a column, holds what cannot be taken as its type, or repeats a row.
    """
    rows = _until(_taken(bars, _opened(bars), _ADJUSTED, "adjusted bars"), last)
    if duplicates := rows.height - rows.n_unique(["session", "code"]):
        raise InputFileError(f"{bars}: {duplicates} of {rows.height} rows repeat a session and code. Drop them.")
    return _dense(rows)


def _dense(bars: pl.DataFrame) -> pl.DataFrame:
    """Add a row of nulls for each session that a code lacks between its first and last bar.

    A file seldom says who was listed. A code that has bars before and after was: it did not trade.
    """
    lives = bars.group_by("code").agg(pl.col("session").min().alias("first"), pl.col("session").max().alias("last"))
    sessions = bars.select(pl.col("session").unique().sort())
    keys = sessions.join_where(lives, pl.col("session") >= pl.col("first"), pl.col("session") <= pl.col("last"))
    dense = keys.select("session", "code").join(bars, on=["session", "code"], how="left", validate="1:m")
    return dense.select(bars.columns)


def _until(frame: pl.DataFrame, last: date | None) -> pl.DataFrame:
    return frame if last is None else frame.filter(pl.col("session") <= last)


def _read(
    path: Path, contract: Contract, defaults: Mapping[str, object], columns: tuple[str, ...] | None = None
) -> pl.DataFrame:
    frame = _opened(path)
    if {"vwap", "volume"} <= set(frame.columns):
        defaults = {"turnover_yen": pl.col("vwap") * pl.col("volume"), **defaults}
    frame = frame.with_columns(
        (value if isinstance(value, pl.Expr) else pl.lit(value)).alias(name)
        for name, value in defaults.items()
        if name not in frame.columns
    )
    wanted = {name: dtype for name, dtype in contract.schema.items() if columns is None or name in columns}
    return _taken(path, frame, wanted, contract.name)


def _opened(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputFileError(f"{path} cannot be read as Parquet: {error}") from error


def _taken(path: Path, frame: pl.DataFrame, wanted: _Schema, table: str) -> pl.DataFrame:
    if missing := [name for name in wanted if name not in frame.columns]:
        raise InputFileError(
            f"{path} lacks the column(s) {missing} of table {table}; it has {frame.columns}. Rename or add them."
        )
    try:
        return frame.select(_typed(name, frame.schema[name], dtype) for name, dtype in wanted.items())
    except pl.exceptions.PolarsError as error:
        raise InputFileError(f"{path} as table {table}: a column cannot take its type: {error}") from error


def _of_session(contract: Contract) -> tuple[str, ...]:
    """Return a table's columns but `known_at`: what is of a session is known by its cutoff."""
    return tuple(name for name in contract.schema if name != "known_at")


def _typed(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if given == pl.String and wanted == pl.Date:
        return pl.col(name).str.to_date("%Y-%m-%d")
    if wanted.is_float():
        return pl.col(name).cast(wanted).fill_nan(None)
    return pl.col(name).cast(wanted)
