"""Reading text columns: strict about which columns there are, tolerant of how a value is written."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Final

import polars as pl
import polars.selectors as cs

from tosho.contracts import FEW, ContractError

_FALSE: Final = ("0", "0.0", "false")
_TRUE: Final = ("1", "1.0", "true")
_FLAGS: Final = pl.Enum([*_FALSE, *_TRUE])


def require(source: str, rows: pl.DataFrame, needed: Collection[str], known: Collection[str] | None = None) -> None:
    """Refuse rows that lack a column or, where `known` is given, have one that nobody knows.

    Raises:
        ContractError: Named are source and columns.
    """
    if missing := [name for name in needed if name not in rows.columns]:
        raise ContractError(f"Source {source} lacks the column(s) {missing}; it sent {rows.columns}.")
    if unknown := [name for name in rows.columns if known is not None and name not in known]:
        raise ContractError(
            f"Source {source} sent the unknown column(s) {unknown}. J-Quants has changed: look up what they are, "
            "then use them or list them as known in tosho.ingest."
        )


def require_some(source: str, rows: pl.DataFrame, columns: Collection[str], sent_as: str) -> None:
    """Refuse rows of which all lack a column: what a contract cannot see once they are joined with others.

    Raises:
        ContractError: Named are source, columns and how they were sent.
    """
    if rows.height < FEW:
        return
    if lost := [name for name in columns if rows[name].null_count() == rows.height]:
        raise ContractError(
            f"Source {source} sent no value of {lost} ({sent_as}) in any of {rows.height} rows. "
            "A source that loses a column is stopped here, never passed on as nulls."
        )


def read(source: str, rows: pl.DataFrame, *columns: pl.Expr) -> pl.DataFrame:
    """Return the columns read from text, with or without spaces around a value.

    Numbers, days and flags refuse a space. That tells that there is one, so that almost always nobody need look.

    Raises:
        ContractError: A value is not what its column holds. The sentence names column and value.
    """
    with suppress(pl.exceptions.PolarsError):
        return rows.select(columns)
    try:
        return rows.with_columns(cs.string().str.strip_chars()).select(columns)
    except pl.exceptions.PolarsError as error:
        said = str(error).splitlines()[0]  # hints to programmers follow
        raise ContractError(f"Source {source} sent a value that cannot be read: {said}") from error


def text(name: str) -> pl.Expr:
    """Return text; "" is null."""
    return _unless_empty(pl.col(name).str.strip_chars())


def _unless_empty(column: pl.Expr, *blanks: str) -> pl.Expr:
    said = pl.when(column != "").then(column)
    return pl.when(~column.is_in(blanks)).then(said) if blanks else said


def number(name: str, *blanks: str) -> pl.Expr:
    """Return a number, sent as one or as text; "" is null, and so is what else the source writes for no number."""
    return _unless_empty(pl.col(name), *blanks).cast(pl.Float64)


def flag(name: str) -> pl.Expr:
    """Return a flag, sent as 0 and 1, "0" and "1" or false and true; "" is null."""
    return _flag(_unless_empty(pl.col(name)))


def _flag(column: pl.Expr) -> pl.Expr:
    known = column.str.to_lowercase().cast(_FLAGS)  # says which value it does not know
    return known.to_physical() >= len(_FALSE)


def flag_within(name: str, key: str) -> pl.Expr:
    """Return a flag of a JSON object, `{"key": "1", ...}`; one that it lacks is null."""
    sent = pl.col(name).str.json_path_match(f"$.{key}")
    return _flag(sent.str.strip_chars())


def day(name: str, *blanks: str) -> pl.Expr:
    """Return a date, written YYYY-MM-DD or YYYYMMDD; "" is null, and so is what else is written for none."""
    return _unless_empty(pl.col(name), *blanks).str.replace_all("-", "", literal=True).str.to_date("%Y%m%d")


def time_of_day(name: str) -> pl.Expr:
    """Return a time of day, written with or without seconds; "" is null."""
    return text(name).str.replace(r"^(\d{1,2}:\d{2})$", "${1}:00").str.to_time("%H:%M:%S")


def or_null(rows: pl.DataFrame, name: str, column: pl.Expr) -> pl.Expr:
    """Return a column that J-Quants added later: null where the rows do not have it yet."""
    return column if name in rows.columns else pl.lit(None, pl.String).alias(name)
