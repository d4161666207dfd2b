"""What was known when: the one join by publication, and a table as it stood at an instant.

A record counts from its publication on. Of what was published by the cutoff the newest fact holds, and of a fact
that was published more than once its newest version: a late correction of an old week replaces that week's figures
and does not push the newest week aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho import calendar

_PLACE, _ORDER = "__place", "__order"
_Numbers = npt.NDArray[np.int64]


class AsOfError(ValueError):
    """Rows and records cannot be joined by what was known, or a join broke its promise."""


def as_of(  # noqa: PLR0913 - each names columns of one side
    rows: pl.DataFrame,
    records: pl.DataFrame,
    *,
    by: Sequence[str],
    cutoff: str = "cutoff",
    known_at: str = "known_at",
    fact: Sequence[str] = (),
) -> pl.DataFrame:
    """Join to each row the newest record of its key that was known at its cutoff.

    Newest is, among the records with `known_at` <= `cutoff`, the one with the greatest `fact`, and of several
    versions of that fact the last published. Without `fact` it is the last published. A row whose key has no such
    record, has no record at all, or is null, gets nulls. No rows give no rows; no records give nulls.

    `cutoff` and `known_at` may be instants, or both sessions where a record's session is the first whose cutoff knows
    it, as everywhere in the lake. The time of day then lies in the session, and the join is the same.

    Args:
        rows: Any frame with the columns `by` and `cutoff`. Its rows may repeat.
        records: A frame with the columns `by`, `known_at` and `fact`, none of them null. Order is of no matter.
        by: What a record is about, for example `("code",)`; none for a table with one record at a time.
        cutoff: The column of `rows` up to which things are known.
        known_at: The column of `records` from which each is known. It stays in the result, under its name, unless it
            is called like `cutoff`.
        fact: What orders facts, for example `("week_end",)`; compared from left to right.

    Returns:
        `rows` as they are, in their order, with the columns of `records` that are not in `by` behind them.

    Raises:
        AsOfError: A column is missing on one side or stands on both; a cutoff, or what identifies a record, is null;
            two records share key, fact and `known_at`, so that neither is newer; or a promise above was broken.
    """
    _require_columns("rows", rows, [*by, cutoff])
    _require_columns("records", records, [*by, known_at, *fact])
    if rows.schema[cutoff] != records.schema[known_at]:
        raise AsOfError(
            f"{cutoff} of the rows is {rows.schema[cutoff]}, {known_at} of the records {records.schema[known_at]}; "
            "both must be instants in UTC, or both sessions."
        )
    _require_no_nulls("rows", rows, [cutoff])
    _require_no_nulls("records", records, [*by, known_at, *fact])
    added = [name for name in records.columns if name not in by and not name == known_at == cutoff]
    if both := [name for name in added if name in rows.columns]:
        raise AsOfError(f"The column(s) {both} stand in rows and records. Rename or drop them on one side.")
    newest = _taking_over(records, by, known_at, fact)
    taken = _places_of_newest(rows, newest, by, cutoff, known_at)
    found = newest.select(pl.col(added).gather(taken)) if added else pl.DataFrame()
    _require_promises(rows[cutoff], newest[known_at].gather(taken))
    return rows.hstack(found)


def known_by(
    records: pl.DataFrame, cutoff: datetime, *, key: Sequence[str], known_at: str = "known_at"
) -> pl.DataFrame:
    """Return what of a table was visible at an instant: of each fact the last version published by then.

    Args:
        records: A table with the columns `key` and `known_at`, which is never null.
        cutoff: The instant; what appears in it counts.
        key: What identifies a fact, without its publication, for example `("section", "week_end")`. Null is a value
            of its own.
        known_at: The column from which each record is known.

    Returns:
        A record a fact, ordered by key.

    Raises:
        AsOfError: A column is missing, `known_at` is null, or two versions of a fact share it.
        ValueError: The instant has no time zone.
    """
    if cutoff.tzinfo is None:
        raise ValueError(f"{cutoff} has no time zone, so that it names no instant. Give it one.")
    _require_columns("records", records, [*key, known_at])
    _require_no_nulls("records", records, [known_at])
    ordered = records.filter(pl.col(known_at) <= cutoff).sort(*key, known_at)
    _require_distinct(ordered, [*key, known_at])
    return ordered.unique(key, keep="last", maintain_order=True)


def with_cutoffs(rows: pl.DataFrame, session: str = "session", cutoff: str = "cutoff") -> pl.DataFrame:
    """Return the rows with the instant, in UTC, up to which a run for their session may know things.

    Raises:
        NotASessionError: A day is no session.
    """
    days = rows[session].unique().sort()
    moments = pl.Series(cutoff, [calendar.cutoff(day) for day in days], pl.Datetime("us", "UTC"))
    return rows.join(pl.DataFrame([days, moments]), on=session, how="left", maintain_order="left")


def _places_of_newest(
    rows: pl.DataFrame, newest: pl.DataFrame, by: Sequence[str], cutoff: str, known_at: str
) -> pl.Series:
    """Return for each row the place of the last record of its key that is not later, null where there is none.

    Key and time become one whole number that rises with both, in which a binary search finds the record: several
    times faster than a join of strings, and the rows stay in their order.
    """
    if newest.is_empty() or rows.is_empty():
        return pl.Series([None] * rows.height, dtype=pl.UInt32)
    known, told = (column.to_physical().cast(pl.Int64).to_numpy() for column in (newest[known_at], rows[cutoff]))
    begin, width = known.min(), known.max() - known.min() + 2
    of_rows, of_records = _groups(rows, newest, by)
    at = of_records * width + (known - begin + 1)
    order = np.argsort(at, kind="stable")
    before = np.searchsorted(at[order], of_rows * width + np.clip(told - begin + 1, 0, width - 1), side="right") - 1
    place = order[np.maximum(before, 0)]
    there = (before >= 0) & (of_records[place] == of_rows)
    return pl.DataFrame({"place": place, "there": there}).select(pl.when("there").then("place").cast(pl.UInt32))[
        "place"
    ]


def _groups(rows: pl.DataFrame, records: pl.DataFrame, by: Sequence[str]) -> tuple[_Numbers, _Numbers]:
    """Number what records are about, from 0; a row about which there is no record has -1, or a number of none."""
    of_rows, of_records = np.zeros(rows.height, np.int64), np.zeros(records.height, np.int64)
    for name in by:
        here, there = _numbers(rows[name], records[name])
        width = int(there.max()) + 1
        of_rows = np.where((of_rows < 0) | (here < 0) | (here >= width), -1, of_rows * width + here)
        of_records = of_records * width + there
    return of_rows, of_records


def _numbers(rows: pl.Series, records: pl.Series) -> tuple[_Numbers, _Numbers]:
    """Number the values of one column that records have, from 0; a row's value that is not among them may have -1."""
    if records.dtype.is_integer() or records.dtype == pl.Date:
        least = int(records.to_physical().min())  # type: ignore[arg-type]  # whole numbers, of which there are some
        of = (column.to_physical().cast(pl.Int64) - least for column in (rows, records))
    else:
        known = records.unique().sort()
        places = pl.Series(range(known.len()), dtype=pl.Int64)
        of = (column.replace_strict(known, places, default=-1) for column in (rows, records))
    of_rows, of_records = (column.fill_null(-1).to_numpy() for column in of)
    return of_rows, of_records


def _taking_over(records: pl.DataFrame, by: Sequence[str], known_at: str, fact: Sequence[str]) -> pl.DataFrame:
    """Return the records that were the newest of their key when they were published, in order of publication."""
    ordered = records.sort(known_at, *by, *fact)
    _require_distinct(ordered, [known_at, *by, *fact])
    if not fact:
        return ordered
    ordered = ordered.with_columns(_rank(ordered, fact).alias(_ORDER))
    greatest = pl.col(_ORDER).cum_max()
    newest_yet = pl.col(_ORDER) == (greatest.over(by) if by else greatest)
    # of several facts in one publication the greatest comes last, and only it is seen
    return ordered.filter(newest_yet).unique([known_at, *by], keep="last", maintain_order=True).drop(_ORDER)


def _rank(ordered: pl.DataFrame, fact: Sequence[str]) -> pl.Series:
    """Number facts in their order, equal ones alike."""
    placed = ordered.select(fact).with_row_index(_PLACE).sort(*fact)
    numbers = placed.select(_PLACE, pl.struct(fact).rle_id().alias(_ORDER))
    return numbers.sort(_PLACE)[_ORDER]


def _require_columns(side: str, frame: pl.DataFrame, wanted: Sequence[str]) -> None:
    if missing := [name for name in wanted if name not in frame.columns]:
        raise AsOfError(f"The {side} lack the column(s) {missing} that the join is by; they have {frame.columns}.")


def _require_no_nulls(side: str, frame: pl.DataFrame, wanted: Sequence[str]) -> None:
    if empty := {name: nulls for name in wanted if (nulls := frame[name].null_count())}:
        raise AsOfError(
            f"Of {frame.height} {side} the column(s) {empty} are null; the bound is none: what is known at no instant, "
            "or of no key, cannot be placed. Drop these rows, or send them to quarantine."
        )


def _require_distinct(ordered: pl.DataFrame, key: Sequence[str]) -> None:
    """Refuse records that share a key. They come ordered by it, so that neighbours need be compared only."""
    again = [pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key]
    same = ordered.select(pl.all_horizontal(again)).to_series()
    if same.any():
        first = ordered.filter(same).select(key).row(0, named=True)
        told = ", ".join(f"{name}={value}" for name, value in first.items())
        raise AsOfError(
            f"{same.sum()} of {ordered.height} records share {list(key)} with another, the first with {told}; the "
            "bound is none, as neither is newer. Name what tells them apart in `fact`, or drop one."
        )


def _require_promises(cutoffs: pl.Series, known: pl.Series) -> None:
    if known.len() != cutoffs.len():
        raise AsOfError(f"{cutoffs.len()} rows became {known.len()} in an as-of join. Do not use the result.")
    if early := (known > cutoffs).sum():
        raise AsOfError(f"{early} rows were given records published after their cutoff. Do not use the result.")
