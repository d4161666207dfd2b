"""How the text rows of a source become those of its table: strict about columns, each row with its `known_at`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import polars as pl

from tosho.calendar import published_at, published_on
from tosho.contracts import Contract
from tosho.ingest.sources.columns import read, require
from tosho.ingest.sources.knowledge import known_from

Dating = Callable[[pl.DataFrame], pl.DataFrame]
"""Adds `known_at`, and where a table's session is not the day that a row describes, `session`."""


def published_in(day: str, source: str) -> Dating:
    """Return the dating of what is of a session only: at the source's hour; a day that is no session gives nulls."""
    return partial(known_from, day=day, published=partial(published_at, source))


def published_with(day: str, source: str) -> Dating:
    """Return the dating by a day of publication: at the source's hour on the day in a column."""
    return partial(known_from, day=day, published=partial(published_on, source))


@dataclass(frozen=True, eq=False)
class Reading:
    """Reads text rows: `reading(rows)` gives the columns of the contract; no rows give an empty table.

    Args:
        contract: The table.
        source: Who sends the rows, for sentences.
        needed: Names that each answer has.
        columns: What is read from them.
        dated: When it was known.
        ignored: Names that may be there and are not read.
        later: Columns read from names that J-Quants added later, null where the rows do not have them yet.

    Raises:
        ContractError: A column is missing or unknown, or a value cannot be read.
    """

    contract: Contract
    source: str
    needed: Collection[str]
    columns: Sequence[pl.Expr]
    dated: Dating
    ignored: Collection[str] = ()
    later: Mapping[str, pl.Expr] = field(default_factory=dict)

    def __call__(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows in the table's columns."""
        if not rows.height:
            return self.contract.empty()
        require(self.source, rows, self.needed, {*self.needed, *self.ignored, *self.later})
        added = (self._or_null(rows, name, column) for name, column in self.later.items())
        return self.dated(read(self.source, rows, *self.columns, *added)).select(self.contract.schema.names())

    def _or_null(self, rows: pl.DataFrame, sent: str, column: pl.Expr) -> pl.Expr:
        name = column.meta.output_name()
        dtype = self.contract.schema.get(name, pl.Date())
        return column if sent in rows.columns else pl.lit(None, dtype).alias(name)
