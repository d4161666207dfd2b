"""Features of a file of bars, for the command line: long bars in, long features out, no lake."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import polars as pl

from tosho.contracts import BARS, INDICES, SECURITIES, SHARES, Contract
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.tables import Tables

_DEFAULTS = {"adj_factor": 1.0, "upper_limit_hit": None, "lower_limit_hit": None}
_LISTING = ("session", "code", "sector33", "segment", "scale")
_FIRST_INDEX = {"index_code": local.TOPIX}


class InputFileError(ValueError):
    """A file given cannot be read as the table it should be."""


Engine = Callable[[Tables, FeatureSet, list[date]], pl.DataFrame]


def compute_file(  # noqa: PLR0913 - the options of the command
    bars: Path,
    output: Path,
    name: str,
    *,
    engine: str = "local",
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

    Args:
        bars: What to read.
        output: What to write; its folder is made.
        name: The feature set.
        engine: `local` or `spark`; they give the same bits.
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
        ValueError: There is no such engine.
    """
    wanted = feature_set(name)
    tables = Tables(
        _dense(_until(_read(bars, BARS, _DEFAULTS, _of_session(BARS)), last)),
        None if securities is None else _until(_read(securities, SECURITIES, {}, _LISTING), last),
        None if indices is None else _until(_read(indices, INDICES, _FIRST_INDEX, _of_session(INDICES)), last),
        None if shares is None else _until(_read(shares, SHARES, {}), last),
    )
    sessions = tables.bars["session"].unique().sort().to_list()
    written = [session for session in sessions if first is None or session >= first]
    if not written:
        raise InputFileError(
            f"{bars} has no session from {first or 'its first'} to {last or 'its last'}. Widen the range."
        )
    result = _engine(engine)(tables, wanted, written)
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


def _engine(name: str) -> Engine:
    if name == "local":
        return _locally
    if name == "spark":
        from tosho.features.spark import compute_tables  # noqa: PLC0415 - pyspark, only when it is asked for

        return compute_tables
    raise ValueError(f"Engine {name!r} was asked for; there are 'local' and 'spark'.")


def _locally(tables: Tables, wanted: FeatureSet, sessions: list[date]) -> pl.DataFrame:
    panel = build_panel(tables.bars, tables.shares, tables.securities)
    return local.compute(panel, tables.indices, wanted, sessions, tables.others)


def _dense(bars: pl.DataFrame) -> pl.DataFrame:
    """Add a row of nulls for each session that a code lacks between its first and last bar.

    A file seldom says who was listed. A code that has bars before and after was: it did not trade.
    """
    lives = bars.group_by("code").agg(pl.col("session").min().alias("first"), pl.col("session").max().alias("last"))
    sessions = bars.select(pl.col("session").unique().sort())
    keys = sessions.join_where(lives, pl.col("session") >= pl.col("first"), pl.col("session") <= pl.col("last"))
    dense = keys.select("session", "code").join(bars, on=["session", "code"], how="left", validate="1:m")
    return dense.select(bars.columns).with_columns(pl.col("adj_factor").fill_null(1.0))


def _until(frame: pl.DataFrame, last: date | None) -> pl.DataFrame:
    return frame if last is None else frame.filter(pl.col("session") <= last)


def _read(
    path: Path, contract: Contract, defaults: Mapping[str, object], columns: tuple[str, ...] | None = None
) -> pl.DataFrame:
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputFileError(f"{path} cannot be read as Parquet: {error}") from error
    frame = frame.with_columns(
        pl.lit(value).alias(name) for name, value in defaults.items() if name not in frame.columns
    )
    wanted = {name: dtype for name, dtype in contract.schema.items() if columns is None or name in columns}
    if missing := [name for name in wanted if name not in frame.columns]:
        raise InputFileError(
            f"{path} lacks the column(s) {missing} of table {contract.name}; it has {frame.columns}. "
            "Rename or add them."
        )
    try:
        return frame.select(_typed(name, frame.schema[name], dtype) for name, dtype in wanted.items())
    except pl.exceptions.PolarsError as error:
        raise InputFileError(f"{path} as table {contract.name}: a column cannot take its type: {error}") from error


def _of_session(contract: Contract) -> tuple[str, ...]:
    """Return a table's columns but `known_at`: what is of a session is known by its cutoff."""
    return tuple(name for name in contract.schema if name != "known_at")


def _typed(name: str, given: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    if given == pl.String and wanted == pl.Date:
        return pl.col(name).str.to_date("%Y-%m-%d")
    if wanted.is_float():
        return pl.col(name).cast(wanted).fill_nan(None)
    return pl.col(name).cast(wanted)
