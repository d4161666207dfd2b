"""What a table promises: columns, types, units, key and row rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import NamedTuple

import polars as pl

from tosho.calendar import CalendarBoundError, is_session, published_at

_KNOWN_AT = "known_at"
_FINITE = "number_is_finite"

RULE = "rule"
"""The column that a quarantined row carries beside its own: the name of the first rule it breaks."""

REPEATED = "repeated_row"
"""The rule of a row that is there already, equal in every column."""


FEW = 10
"""Rows from which on it is no accident that all lack what each must have."""


class ContractError(ValueError):
    """A table as a whole cannot be what it says it is: a column missing, unknown, of a wrong type or all null."""


class Column(NamedTuple):
    """One column of a table.

    A column without any value in a whole payload is a lost one, and stops the run, from so many rows on as are no
    accident. Where even a large payload may rightly be without, `may_be_empty` says why: then only the gate `emptied`
    can tell that it is lost, by what the partitions of before had.
    """

    name: str
    dtype: pl.DataType
    unit: str = ""
    required: bool = False  # null in a row sends the row to quarantine
    may_be_empty: str = ""  # why the whole column may be null; without a reason it may not
    judged_from: int = 0  # rows from which on a column of nulls is a lost one; the contract's own number if 0
    since: date = date.min  # session before which the source has no values of it
    until: date = date.max  # session from which on it has none any more

    def due(self, first: date, last: date) -> bool:
        """Tell whether the source has values of it on sessions between two, both included."""
        return self.since <= last and first < self.until


class Rule(NamedTuple):
    """A named condition that holds for every good row. Null counts as true: absence is `required`'s business."""

    name: str
    holds: pl.Expr


class Checked(NamedTuple):
    """Rows that keep the contract, and those that do not, with the rule they break in column `rule`."""

    good: pl.DataFrame
    bad: pl.DataFrame

    def by_rule(self) -> dict[str, int]:
        """Return how many rows each rule sent to quarantine, by name."""
        return dict(sorted(Counter(self.bad[RULE].to_list()).items()))


@dataclass(frozen=True)
class Contract:
    """A table's promise. `check` sorts a frame's rows into good and bad; `conform` demands that all are good."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    published: str = ""  # the source whose publication time is `known_at` where a frame does not say it
    judged_from: int = 1  # rows from which on a column of nulls is a lost one
    is_wide: bool = False  # of hundreds of columns of numbers, hardly any of which comes twice

    @cached_property
    def schema(self) -> pl.Schema:
        """The columns' names and types, in the order in which they are stored."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def demanding(self, names: Collection[str]) -> Contract:
        """Return the contract under which some columns that may be empty may not: their source does tell them."""
        columns = (column._replace(may_be_empty="") if column.name in names else column for column in self.columns)
        return replace(self, columns=tuple(columns))

    def empty(self) -> pl.DataFrame:
        """Return a frame with this contract's columns and no row."""
        return pl.DataFrame(schema=self.schema)

    def dated(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame with `known_at`: what a row says, else when the source is published; null on no session."""
        if not self.published or "session" not in frame.columns:
            return frame
        if _KNOWN_AT in frame.columns and not frame[_KNOWN_AT].null_count():
            return frame
        said = [_KNOWN_AT] if _KNOWN_AT in frame.columns else []
        return frame.with_columns(pl.coalesce(*said, _published(self.published, frame["session"])))

    def check(self, frame: pl.DataFrame) -> Checked:
        """Sort rows into good and bad; both come ordered, so that equal content has equal bytes.

        Of rows that are equal in every column the first is judged and the others are bad by rule `repeated_row`. Rows
        that share their key and differ elsewhere are all bad: nobody can tell which one is true.

        Raises:
            ContractError: Columns are missing, unknown, cannot have their type, or are null throughout.
        """
        typed = self._typed(frame).rechunk()
        good = self._all_good(typed)
        return self._sorted_out(typed) if good is None else Checked(good, self._none_bad)

    def _sorted_out(self, typed: pl.DataFrame) -> Checked:
        """Judge row by row: good ones in the key's order, bad ones each with the first rule that it breaks."""
        null_key = [_named(c.name + "_missing", pl.col(c.name).is_null()) for c in self.columns if c.required]
        broken = [_named(rule.name, ~rule.holds.fill_null(value=True)) for rule in (*self.rules, *self._finite())]
        duplicate = _named("duplicate_key", pl.struct(self.key).is_duplicated())
        first, repeated = self._repeats(typed)
        judged = first.with_columns(pl.coalesce([*null_key, *broken, duplicate]).alias(RULE))
        bad = pl.concat([judged.filter(pl.col(RULE).is_not_null()), repeated])
        good = judged.filter(pl.col(RULE).is_null()).drop(RULE)
        return Checked(good.sort(self.key), self.in_order(bad))

    def in_order(self, bad: pl.DataFrame) -> pl.DataFrame:
        """Return quarantined rows in the order in which they are kept, whatever order they came in."""
        return bad.sort(list(dict.fromkeys([*self.key, RULE, *bad.columns])))

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the frame in the contract's column order and key order.

        Raises:
            ContractError: Any row or column breaks the contract.
        """
        checked = self.check(frame)
        if checked.bad.height:
            raise ContractError(
                f"Table {self.name}: {checked.bad.height} of {frame.height} rows break its contract, by rule "
                f"{checked.by_rule()}; the bound is none. Send them to quarantine before publishing."
            )
        return checked.good

    def _all_good(self, typed: pl.DataFrame) -> pl.DataFrame | None:
        """Return the rows in the key's order where all are good, as almost always; None where one may not be."""
        if any(typed[column.name].null_count() for column in self.columns if column.required):
            return None
        *held, rises = typed.select(*self._held, self._rises).row(0)
        if not all(held):
            return None
        if rises:
            return typed
        ordered = typed.sort(self.key)
        return ordered if ordered.select(self._rises).item() else None

    @cached_property
    def _held(self) -> list[pl.Expr]:
        """Return for each rule whether it holds throughout; a null counts as true."""
        finite = [pl.all_horizontal(pl.col(self._numbers).is_finite().all()).alias(_FINITE)] if self._numbers else []
        return [*(rule.holds.all().alias(rule.name) for rule in self.rules), *finite]

    @cached_property
    def _rises(self) -> pl.Expr:
        """Return whether each row's key is above that of the row before, so that none is shared. A null never is."""
        above = pl.lit(value=False)
        for name in reversed(self.key):
            before = pl.col(name).shift(1)
            above = (pl.col(name) > before) | ((pl.col(name) == before) & above)
        return above.fill_null(value=False).slice(1).all().alias("key rises")

    @cached_property
    def _none_bad(self) -> pl.DataFrame:
        return self.empty().with_columns(pl.lit(None, pl.String).alias(RULE))

    @cached_property
    def _numbers(self) -> list[str]:
        """Return the columns with numbers from outside; what is made here has gates of its own."""
        return [column.name for column in self.columns if column.dtype == pl.Float64 and _KNOWN_AT in self.schema]

    def _finite(self) -> list[Rule]:
        """Return the rule that numbers from outside are numbers."""
        return [Rule(_FINITE, pl.all_horizontal(pl.col(self._numbers).is_finite()))] if self._numbers else []

    def _repeats(self, typed: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the rows without exact repetitions, and the repetitions with their rule."""
        shared = typed.select(pl.struct(self.key).is_duplicated()).to_series()
        if not shared.any():  # almost always: whole rows need not be compared
            return typed, self._none_bad
        first = typed.select(pl.struct(pl.all()).is_first_distinct()).to_series()
        return typed.filter(first), typed.filter(~first).with_columns(pl.lit(REPEATED).alias(RULE))

    def _typed(self, frame: pl.DataFrame) -> pl.DataFrame:
        wanted, frame = self.schema, self.dated(frame)
        if frame.schema == wanted:  # in their order, too: nothing to do for hundreds of columns
            return self._found(frame)
        given = set(frame.columns)
        if missing := [name for name in wanted if name not in given]:
            raise ContractError(f"Table {self.name} lacks the column(s) {missing}; it has {frame.columns}.")
        if unknown := [name for name in frame.columns if name not in wanted]:
            raise ContractError(
                f"Table {self.name} has the unknown column(s) {unknown}. Add them to the contract or drop them by name."
            )
        try:
            typed = frame.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
        except pl.exceptions.PolarsError as error:
            raise ContractError(f"Table {self.name}: a column cannot take its type: {error}") from error
        return self._found(typed)

    def lost(self, typed: pl.DataFrame) -> list[str]:
        """Return the columns without any value that so many rows cannot all lack.

        Args:
            typed: Rows with the columns of this contract, in their order.
        """
        nulls = typed.null_count().row(0)
        empty = [column for column, count in zip(self.columns, nulls, strict=True) if count == typed.height]
        return [column.name for column in empty if not column.may_be_empty and self._rows_due(column, typed)]

    def _rows_due(self, column: Column, typed: pl.DataFrame) -> bool:
        """Tell whether a column is null in more rows than chance explains; what no row can do without, in fewer."""
        enough = column.judged_from or self.judged_from
        due = typed
        if (column.since, column.until) != (date.min, date.max):
            due = typed.filter((pl.col("session") >= column.since) & (pl.col("session") < column.until))
        return due.height >= (min(enough, FEW) if column.required else enough)

    def _found(self, typed: pl.DataFrame) -> pl.DataFrame:
        """Return the rows unless a column is lost."""
        if lost := self.lost(typed):
            raise ContractError(
                f"Table {self.name}: the column(s) {lost} are null in all {typed.height} rows. "
                "A source that loses a column is stopped here, never passed on as nulls."
            )
        return typed


def _published(source: str, sessions: pl.Series) -> pl.Series:
    """Return for each session when a source appeared; null for a day that is none, which `required` then refuses."""
    said = sessions.cast(pl.Date).unique().to_list()
    days = [day for day in said if day is not None and _is_known_session(day)]
    instants = pl.Series(_KNOWN_AT, [published_at(source, day) for day in days], dtype=pl.Datetime("us", "UTC"))
    if said == days and len(days) == 1:  # an evening's, which need not be looked up row by row
        return instants.new_from_index(0, sessions.len())
    return sessions.cast(pl.Date).replace_strict(days, instants, default=None).alias(_KNOWN_AT)


def _is_known_session(day: date) -> bool:
    try:
        return is_session(day)
    except CalendarBoundError:
        return False


def _named(name: str, broken: pl.Expr) -> pl.Expr:
    return pl.when(broken).then(pl.lit(name))
