"""How full the columns of a table are that may be empty: some rows and years lack them, and one that was filled not.

One partition of before says little: it may be thin, or have lost the same column. The usual share over many does not
forget a column because it was missing twice; and thin partitions in a row count together.

Like is compared with like. Which figures a statement has depends on the kind of document, and which kinds an evening
brings on the season: in May they are those of whole years, which say nothing of this year. So the rows of each kind
are judged by what that kind usually has, and not one season by another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import NamedTuple, Self

import polars as pl

from tosho.contracts import Contract

EMPTIED_FROM = 30
"""Rows, of late and before, from which on a share says anything."""

EXPECTED_FROM = 15.0
"""Values that the usual share of a column would give, from which on it is no accident that there is none."""


class Part(NamedTuple):
    """Rows of one kind, and how many of them have a value in each column that may be empty."""

    rows: int
    counts: Mapping[str, int]


@dataclass(frozen=True)
class Filled:
    """A partition's rows by kind; a table whose rows are all alike has one kind, without a name."""

    kinds: Mapping[str, Part]

    @classmethod
    def of(cls, contract: Contract, frame: pl.DataFrame, kind: str = "") -> Self:
        """Count a partition that has the columns of its contract.

        Args:
            contract: Its table's.
            frame: Its rows.
            kind: The column that says of what kind a row is, if what it has depends on that.
        """
        names = [name for name in may_be_empty(contract) if name != kind]
        if not kind:
            return cls({"": Part(frame.height, {name: frame[name].count() for name in names})})
        counted = frame.group_by(kind).agg(pl.len().alias("_rows"), *(pl.col(name).count() for name in names))
        parts = {str(row.pop(kind)): row for row in counted.to_dicts()}
        return cls({name: Part(row.pop("_rows"), row) for name, row in parts.items()})

    @property
    def empty(self) -> list[tuple[str, str]]:
        """The kinds and columns without any value."""
        return [(kind, name) for kind, part in self.kinds.items() for name, count in part.counts.items() if not count]


def may_be_empty(contract: Contract) -> list[str]:
    """Return the columns that may have no value throughout, if only in a partition of a few rows."""
    return [
        column.name
        for column in contract.columns
        if column.may_be_empty or (not column.required and (column.judged_from or contract.judged_from) > 1)
    ]


def emptied(now: Filled, before: Sequence[Filled], contract: Contract, session: date) -> Iterator[tuple[str, str]]:
    """Yield the kinds and columns that no row has now and usually some would have.

    Args:
        now: The partition of a session.
        before: The partitions of before, all with rows, the oldest first.
        contract: Their table's.
        session: The one of now: what the source does not have on it is not missed.
    """
    due = {column.name for column in contract.columns if column.due(session, session)}
    for kind, name in now.empty:
        of_kind = [part.kinds[kind] for part in before if kind in part.kinds]
        if name in due and _is_emptied(name, now.kinds[kind].rows, of_kind):
            yield kind, name


def _is_emptied(name: str, rows: int, before: Sequence[Part]) -> bool:
    """Tell whether a column that none of so many rows has was filled; few are looked at with those just before them."""
    usual = list(before)
    while usual and (rows < EMPTIED_FROM or 0 < rows * _share(name, usual) < EXPECTED_FROM):
        thin = usual.pop()
        if thin.counts[name]:
            return False
        rows += thin.rows
    return sum(part.rows for part in usual) >= EMPTIED_FROM and rows * _share(name, usual) >= EXPECTED_FROM


def _share(name: str, usual: Sequence[Part]) -> float:
    return median(part.counts[name] / part.rows for part in usual)
