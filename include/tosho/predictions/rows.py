"""Predictions on their way into a store and back: checked, narrowed to the stored types, named by content."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import polars as pl

from tosho.contracts import PREDICTIONS
from tosho.predictions.schema import columns

_TYPES: dict[str, pl.DataType] = {
    "Date": pl.Date(),
    "String": pl.String(),
    "UInt8": pl.UInt8(),
    "UInt32": pl.UInt32(),
    "UInt64": pl.UInt64(),
    "Int64": pl.Int64(),
    "Float64": pl.Float64(),
    "Nullable(Float64)": pl.Float64(),
}
_FIRST, _LAST = date(1970, 1, 1), date(2105, 12, 31)  # what a Date and a DateTime of 18.16 can hold
_BOUNDS: dict[str, tuple[date, date] | tuple[int, int]] = {
    "session": (_FIRST, _LAST),
    "target_session": (_FIRST, _LAST),
    "horizon": (0, 2**8 - 1),
    "rank": (0, 2**32 - 1),
    "predicted_at": (datetime(1970, 1, 1, tzinfo=UTC), datetime(2105, 12, 31, tzinfo=UTC)),
}


class LoadRefusedError(ValueError):
    """A frame keeps the contract and yet cannot be loaded as the predictions of the session."""


def polars_type(kind: str) -> pl.DataType:
    """Return the Polars type of a stored ClickHouse type."""
    return _TYPES[kind]


def checked(session: date, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a session's predictions by contract, with all that narrowing would silently bend ruled out.

    Absent numbers are null; NaN and infinities are refused, for engines disagree on how they compare.

    Raises:
        ContractError: A row or column breaks the contract.
        LoadRefusedError: No rows, rows of another session, a value out of the stored range, a NaN.
    """
    rows = PREDICTIONS.conform(frame)
    if rows.is_empty():
        raise LoadRefusedError(
            f"Predictions of {session}: the frame has no row, and a load replaces the whole session."
        )
    if others := sorted(set(rows["session"].unique()) - {session}):
        raise LoadRefusedError(
            f"Predictions of {session}: the frame has rows of {len(others)} other session(s), first {others[0]}. "
            "Load each session by itself."
        )
    for name, (low, high) in _BOUNDS.items():
        _refuse(session, rows, name, ~pl.col(name).is_between(low, high), f"outside {low} .. {high}")
    for name in rows.select(pl.selectors.float()).columns:
        _refuse(session, rows, name, ~pl.col(name).is_finite(), "not finite; what is not known is null")
    # -0.0 equals 0.0 and has other bits: as one number it must have one fingerprint.
    return rows.with_columns(pl.selectors.float() + 0.0)


def stored(rows: pl.DataFrame) -> pl.DataFrame:
    """Return checked predictions with the columns and types of the stored rows."""
    return widened(rows).select(pl.col(c.name).cast(polars_type(c.kind)) for c in columns())


def widened(rows: pl.DataFrame) -> pl.DataFrame:
    """Return checked predictions with the stored names and the contract's own types, before any narrowing."""
    return rows.with_columns(pl.col("predicted_at").dt.epoch("us").alias("predicted_at_us")).drop("predicted_at")


def restored(rows: pl.DataFrame) -> pl.DataFrame:
    """Return stored rows as predictions by contract: its columns, types and order of rows."""
    instant = pl.from_epoch("predicted_at_us", time_unit="us").dt.replace_time_zone("UTC")
    wanted = rows.with_columns(instant.alias("predicted_at"))
    return wanted.select(pl.col(name).cast(dtype) for name, dtype in PREDICTIONS.schema.items()).sort(PREDICTIONS.key)


def load_id(session: date, rows: pl.DataFrame) -> str:
    """Return the name of a load: 16 hex digits from the session and every column of its checked rows.

    `run_id` and `predicted_at` are content too: a run repeated for the same cutoff writes them again as
    they were, and then the load is the same; a run that differs in them is another load. The digest is
    taken over text, so that it does not change with the version of Polars or Arrow.
    """
    text = rows.write_csv(null_value="\\N", quote_style="non_numeric")
    return hashlib.sha256(f"{session}\n{text}".encode()).hexdigest()[:16]


def _refuse(session: date, rows: pl.DataFrame, name: str, broken: pl.Expr, what: str) -> None:
    bad = rows.filter(broken.fill_null(value=False))
    if bad.height:
        raise LoadRefusedError(
            f"Predictions of {session}: {bad.height} of {rows.height} values of {name} are {what}; the first is "
            f"{bad[name][0]} for code {bad['code'][0]}. Nothing was loaded; mend the scoring."
        )
