"""How full the columns of a table are that may be empty: some sources and years lack them, and one that was filled not.

One partition of before says little: it may be thin, or have lost the same column. The usual share over many does not
forget a column because it was missing twice; and thin partitions in a row count together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self

import polars as pl

from tosho.contracts import Contract

EMPTIED_FROM = 30
"""Rows, of late and before, from which on it is no accident that all lack what usually half of them have."""


@dataclass(frozen=True)
class Filled:
    """The rows of a partition, and how many of them have a value in each column that may be empty."""

    rows: int
    counts: Mapping[str, int]

    @classmethod
    def of(cls, contract: Contract, frame: pl.DataFrame) -> Self:
        """Count a partition that has the columns of its contract."""
        return cls(frame.height, {name: frame[name].count() for name in may_be_empty(contract)})

    @property
    def empty(self) -> list[str]:
        """The columns without any value."""
        return [name for name, count in self.counts.items() if not count]


def may_be_empty(contract: Contract) -> list[str]:
    """Return the columns that may have no value throughout."""
    return [column.name for column in contract.columns if column.may_be_empty]


def emptied(name: str, rows: int, before: Sequence[Filled]) -> bool:
    """Tell whether a column that no row has now was usually filled.

    So few rows that it may be an accident are looked at together with the partitions just before them.

    Args:
        name: The column.
        rows: How many there are now, none with a value.
        before: The partitions of before, all with rows, the oldest first.
    """
    usual = list(before)
    while rows < EMPTIED_FROM and usual:
        thin = usual.pop()
        if thin.counts[name]:
            return False
        rows += thin.rows
    if rows < EMPTIED_FROM or sum(part.rows for part in usual) < EMPTIED_FROM:
        return False
    return 2 * median(part.counts[name] / part.rows for part in usual) >= 1
