"""What a source is: which questions bring a session's rows of it, how they are read, and which table they fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache, cached_property
from typing import Final, NamedTuple

import polars as pl

from tosho.calendar import DISAGREEMENTS, previous_session
from tosho.contracts import INGESTED, Checked, Contract
from tosho.ingest.plans import WITHOUT_FILES, Terms

Query = dict[str, str]
BUSINESS: Final = ("1", "2")
"""What J-Quants' calendar calls a day on which there is business."""


class Days(NamedTuple):
    """Days, both included, whose files may hold a session's rows."""

    first: date
    last: date


def same_day(session: date) -> Days | None:
    """Return the session itself: what is of it is known in it."""
    return Days(session, session)


def since_the_session_before(session: date) -> Days | None:
    """Return the days after the session before, up to this one."""
    return Days(previous_session(session) + timedelta(days=1), session)


def business_days(session: date) -> list[date]:
    """Return the session, and before it the days since the last one that only J-Quants calls business days.

    2020-10-01 is one: nothing was traded, and yet positions were reported.
    """
    before = previous_session(session)
    odd = [day for day, division, *_ in DISAGREEMENTS if before < day < session and division in BUSINESS]
    return [*odd, session]


def since_business_began(session: date) -> Days | None:
    """Return the days from the first of these business days to the session."""
    return Days(business_days(session)[0], session)


def by_date(session: date) -> list[Query]:
    """Ask for the session."""
    return [{"date": session.isoformat()}]


def each_business_day(name: str = "date") -> Callable[[date], list[Query]]:
    """Ask for each of a session's business days by itself."""
    return lambda session: [{name: day.isoformat()} for day in business_days(session)]


def each_of(days: Callable[[date], Days | None], name: str = "date") -> Callable[[date], list[Query]]:
    """Ask for each of the days by itself."""

    def ask(session: date) -> list[Query]:
        found = days(session)
        if found is None:
            return []
        return [
            {name: (found.first + timedelta(days=n)).isoformat()} for n in range((found.last - found.first).days + 1)
        ]

    return ask


def range_of(days: Callable[[date], Days | None]) -> Callable[[date], list[Query]]:
    """Ask for the days at once, from the first to the last."""

    def ask(session: date) -> list[Query]:
        found = days(session)
        return [] if found is None else [{"from": found.first.isoformat(), "to": found.last.isoformat()}]

    return ask


def no_stand_ins(checked: Checked) -> pl.DataFrame:
    """Return no row: what is bad is only set aside."""
    return checked.good.clear()


@dataclass(frozen=True, eq=False)
class Source:
    """One table and the endpoint that fills it.

    `ask` gives the questions that a session's rows take, and `days` the days whose bulk files may hold them; none
    means that nothing is due. `day` is the day in whose files and answers a row belongs.
    """

    table: str
    name: str
    endpoint: str
    read: Callable[[pl.DataFrame], pl.DataFrame]
    ask: Callable[[date], list[Query]] = by_date
    days: Callable[[date], Days | None] = same_day
    day: pl.Expr = pl.col("session")  # noqa: RUF009 - an expression is a value
    always: bool = False  # a session without a row of it is not published yet
    by_code: bool = True  # some codes can be asked for again
    by_range: bool = (
        False  # without files, many sessions are asked for at once, from the first of their days to the last
    )
    of_the_moment: bool = False  # only today's rows can be had, so that they are never replaced by none
    late: pl.Expr | None = None  # the instant from which a row was known that came too late for its own session
    half_days: bool = False  # only plans whose bars have half-day blocks
    stand_ins: Callable[[Checked], pl.DataFrame] = no_stand_ins  # rows in the place of bad ones
    told: frozenset[str] = frozenset()  # columns that may be empty elsewhere, and that the plan tells

    def __repr__(self) -> str:
        return f"Source({self.table} from {self.endpoint})"

    @cached_property
    def contract(self) -> Contract:
        """What the table promises, and beyond it what the plan tells."""
        promised = INGESTED[self.table]
        return promised.demanding(self.told) if self.told else promised

    @property
    def of_its_session(self) -> bool:
        """Whether a row is of the very session whose partition it is in, and of no other day."""
        return self.day.meta.output_name() == "session"

    @property
    def has_files(self) -> bool:
        """Whether J-Quants writes bulk files of it."""
        return self.endpoint not in WITHOUT_FILES

    def within(self, terms: Terms) -> bool:
        """Tell whether a plan has it."""
        return self.endpoint in terms.endpoints and (terms.half_day_blocks or not self.half_days)

    def under(self, terms: Terms) -> Source:
        """Return the source as a plan has it, always the same one: what the plan tells may not be blank throughout."""
        told = frozenset(name for name in self.contract.schema if f"{self.table}.{name}" in terms.tells)
        return _telling(self, told) if told else self

    def is_due(self, session: date) -> bool:
        """Tell whether a session can have rows of it."""
        return self.days(session) is not None

    def check(self, rows: pl.DataFrame) -> Checked:
        """Sort rows into those to publish, stand-ins among them, and those to set aside.

        Raises:
            ContractError: A column is null throughout, or a session has no good row but stand-ins.
        """
        checked = self.contract.check(rows)
        if (stand_ins := self.stand_ins(checked)).is_empty():
            return checked
        return Checked(pl.concat([checked.good, stand_ins]).sort(self.contract.key), checked.bad)


@cache
def _telling(source: Source, told: frozenset[str]) -> Source:
    return replace(source, told=told)
