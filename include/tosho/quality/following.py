"""Gates between a partition and the one before: what stays is there, is what it was, and is not an old file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from tosho.quality.expectations import Expected
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_most, some

AGAIN: Final = "Fetch the session again; raw payloads show what the source sent."


def after_previous(expected: Expected, frame: pl.DataFrame, previous: pl.DataFrame) -> Iterator[Verdict]:
    """Yield what is asked of a table whose partition before had rows."""
    if expected.follows:
        yield _lost(expected, frame, previous)
    if expected.fixed:
        yield _changed(expected, frame, previous)
    if expected.repeated is not None:
        yield _repeated(expected, expected.repeated, frame, previous)


def _still_due(expected: Expected, frame: pl.DataFrame, previous: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of before without those whose last day is over, or not known to be ahead."""
    if not expected.ends:
        return previous
    ends, day = expected.ends
    return previous.filter(pl.col(ends) >= frame[day].min())


def _changed(expected: Expected, frame: pl.DataFrame, previous: pl.DataFrame) -> Verdict:
    """Judge rows of which it is said otherwise than before what they are; what was or is not told is no change."""
    names = expected.fixed
    before = previous.select(*expected.follows, *(pl.col(name).alias(f"{name}_before") for name in names)).unique()
    both = frame.select(*expected.follows, *names).unique().join(before, on=expected.follows, how="inner")
    changed = both.filter(pl.any_horizontal(pl.col(name) != pl.col(f"{name}_before") for name in names))
    told = [
        f"{' '.join(row[key] for key in expected.follows)}: {name} {row[f'{name}_before']} is {row[name]}"
        for row in changed.to_dicts()
        for name in names
        if row[name] != row[f"{name}_before"]
    ]
    return at_most(
        f"{expected.table}.changed",
        changed.height,
        0,
        f"Rows of {both.height} that are no longer what they were: {some(told, 3)}.",
        f"The source has mixed up its columns or its codes. {AGAIN}",
    )


def _lost(expected: Expected, frame: pl.DataFrame, previous: pl.DataFrame) -> Verdict:
    had = _still_due(expected, frame, previous).select(expected.follows)
    gone = had.join(frame, on=expected.follows, how="anti").unique()
    return at_most(
        f"{expected.table}.gone",
        gone.height,
        float(max(expected.few, int(expected.lost * had.height))),
        f"Of {had.height} in the partition before, without a row now: {some(map(' '.join, gone.iter_rows()))}.",
        f"A page or a file is missing. {AGAIN}",
    )


def _repeated(expected: Expected, bound: float, frame: pl.DataFrame, previous: pl.DataFrame) -> Verdict:
    """Judge rows whose figures are all as in the partition before, and not all nothing."""
    names = [name for name, dtype in expected.contract.schema.items() if dtype == pl.Float64]
    before = previous.select(*expected.follows, *(pl.col(name).alias(f"{name}_before") for name in names))
    both = frame.join(before, on=expected.follows, how="inner")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in names)
    repeats = both.filter(same & pl.any_horizontal(pl.col(name).fill_null(0.0) != 0 for name in names))
    return at_most(
        f"{expected.table}.repeated",
        float(repeats.height) if both.height else NOT_MEASURED,
        float(max(expected.few, int(bound * both.height))),
        f"Rows of {both.height} that repeat every figure of the partition before: "
        f"{some(map(' '.join, repeats.select(expected.follows).iter_rows()))}.",
        "The source served an old file: fetch the session again after its publication time.",
    )
