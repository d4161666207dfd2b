"""What a sound table looks like, for every table that is taken in.

Three of them, CORE, are what predictions are made of: a failed gate on one of them stops the run. Of the others only
five findings stop it. A table that the lake had and has lost, a column that was filled and has no value any more, and
a file that breaks its contract, since nobody notices such a thing later. A row that was not known in time, since one
is enough to make a model look good that is not. And trading days that are not the calendar's, since every horizon is
counted in sessions. All else about them is a warning, told in the log and in the report: no feature of theirs is
judged worse for a few rows, and a late publication by the vendor must not cost the evening's predictions. What only
ever has today's rows (`of_the_moment`) cannot be had later, so that stopping would not bring it back.

Bounds of bars were set on the real market of 2014-2018. Of the other tables no real rows were at hand: their bounds
are wide, hold on the simulated market of 300 codes, and are to be narrowed with a first year of real data.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

from tosho.calendar import MARGIN_DAILY_SINCE
from tosho.contracts import INGESTED, Contract

CORE: Final = frozenset({"bars", "securities", "indices"})
_CODE: Final = ("code",)


@dataclass(frozen=True)
class Expected:
    """What is expected of a table. A share or a name that is left empty is not asked for."""

    table: str
    age: int = 0  # sessions at most since the newest partition with rows
    weekly: str = ""  # source of the publication table that tells when a week's rows are due, instead of `age`
    shortest_week: int = 1  # a week of fewer sessions is not published
    daily_since: date | None = None  # what is of this session and later comes every day, on the session after
    only_when_due: bool = False  # other sessions have no partition
    of_usual: float = 0.0  # rows at least, as a share of the median of the last partitions with rows
    of_listing: float = 0.0  # codes at least, as a share of the listed ones
    about_codes: bool = False  # whose codes a listing must have named, now or earlier
    follows: tuple[str, ...] = ()  # columns whose values stay from one partition to the next
    fixed: tuple[str, ...] = ()  # columns that say what such a one is, and never change
    ends: tuple[str, str] | None = None  # column with its last day, and the one with a row's own day
    lost: float = 0.0  # at most, as a share of what the last partition had, beside `few`
    repeated: float | None = None  # rows at most whose figures are all those of the last partition, as a share
    few: int = 0  # so many rows are never too many
    of_the_moment: bool = False  # only today's rows can be had
    kind: str = ""  # the column that says of what kind a row is, where which columns it has depends on that

    @property
    def contract(self) -> Contract:
        """What the table promises."""
        return INGESTED[self.table]

    @property
    def core(self) -> bool:
        """Whether every failed gate stops a run."""
        return self.table in CORE


_about_codes = partial(Expected, about_codes=True, few=2)

_contracts = partial(
    Expected, of_usual=0.4, follows=("contract",), lost=0.05, few=2, ends=("last_trading_day", "traded_on")
)
_MONTH: Final = ("contract_month", "last_trading_day", "special_quotation_day")
_RIGHT: Final = ("strike", "put_or_call")

EXPECTED: Final = (
    Expected("bars", of_usual=0.95),
    Expected("securities", of_usual=0.95, follows=_CODE, lost=0.02, few=2),
    Expected("indices", of_usual=1.0, follows=("index_code",), repeated=0.0),
    Expected("all_indices", of_usual=0.9, follows=("index_code",), repeated=0.0),
    Expected("trading_days"),
    _about_codes("shares", age=30),
    _about_codes("statements", age=30, kind="document"),
    _about_codes("statement_details", age=30),
    _about_codes("dividends", age=30, kind="forecast_or_result"),
    _about_codes("earnings_dates", age=30),
    _about_codes("earnings_calendar", age=45, of_the_moment=True),
    Expected("investor_flows", weekly="investor_types", of_usual=0.7, follows=("section",), repeated=0.0),
    _about_codes(
        "margin_interest", weekly="margin_interest", shortest_week=3, daily_since=MARGIN_DAILY_SINCE,
        only_when_due=True, of_usual=0.9, of_listing=0.8, follows=_CODE, lost=0.05, repeated=0.5,
    ),
    _about_codes("margin_alerts", age=10, of_usual=0.2),
    Expected("sector_short_selling", of_usual=0.9, follows=("sector33",), repeated=0.0),
    _about_codes("short_positions", age=5, of_usual=0.2),
    _about_codes("breakdown", of_usual=0.9, of_listing=0.8, follows=_CODE, lost=0.1, repeated=0.02),
    _contracts("options_225", fixed=(*_MONTH, *_RIGHT), repeated=0.02),
    _contracts("futures", fixed=(*_MONTH, "product"), repeated=0.5),
    _contracts("options", fixed=(*_MONTH, *_RIGHT, "product", "underlying"), repeated=0.5),
    _about_codes("half_bars", of_usual=0.95, of_listing=0.98, follows=("code", "half"), lost=0.02, repeated=0.02),
    _about_codes("morning_bars", of_usual=0.8, of_listing=0.8, of_the_moment=True),
)  # fmt: skip
"""One for each table that is taken in.

A week's margin balances are not published when it has two sessions or fewer. Since 2026-09-25 they are those of a day,
which for a code that is seldom traded may stay as they are.

Of derivatives a contract stays until its last trading day, so that its month, strike and right are judged as codes are
elsewhere. A listing of shares does not know them, the index that they are of is no row of any table, and how the share
is written that an option is of, where it is one, J-Quants does not say. Rows fall by more than half when a month ends.
Of options_225 every row has the price of the index, which moves on each session; of the others many were without a
trade in years that did not have it yet, and rows of only their open interest repeat. Neither coverage of the listing
nor price limits are asked of them: they have no listing of their own, and limits that widen within the day.
"""
