"""What the simulated companies earn and own by quarter, and how each keeps its fiscal year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tosho.simulation.listing import Flags, Floats, Universe
from tosho.simulation.streams import Panel, Streams

Places = NDArray[np.int64]

HISTORY: Final = 5
"""Quarters before the market's first session whose statements are there already: a year of growth can be computed."""
QUARTERS_A_YEAR: Final = 4
FISCAL_YEAR_ENDS: Final = ((3, 0.70), (12, 0.15), (2, 0.06), (6, 0.05), (9, 0.04))
"""Month in which the fiscal year ends, and the share of companies."""
YEAR_CHANGES: Final = 0.02
"""Share of the companies that move the end of their fiscal year, by one short year, around the market's time."""
CHANGES_BETWEEN: Final = (HISTORY + QUARTERS_A_YEAR - 1, HISTORY + QUARTERS_A_YEAR + 6)
STANDARDS: Final = (("IFRS", 0.08), ("US", 0.01))
"""Accounting standards other than the Japanese one, without ordinary profit, and the share of companies."""
_NEVER: Final = 10_000


@dataclass(frozen=True)
class Books:
    """`[quarters, companies]`, yen a quarter or at its end; `[companies]` for the rest.

    Attributes:
        standard: Accounting standard.
        turn: Place of the quarter from which the next fiscal year to begin is a short one; large for never.
        short: Quarters that the short year has.
    """

    sales: Panel
    profit: Panel
    equity: Panel
    assets: Panel
    fiscal_month: Places
    standard: NDArray[np.str_]
    turn: Places
    short: Places


def quarter_ends(sessions: list[date]) -> list[date]:
    """Return the last days of calendar quarters, early enough that HISTORY of them have a whole year before them."""
    start = sessions[0].year * 4 + (sessions[0].month - 1) // 3 - HISTORY - QUARTERS_A_YEAR
    end = sessions[-1].year * 4 + (sessions[-1].month - 1) // 3
    return [_month_end(number // 4, number % 4 * 3 + 3) for number in range(start, end + 1)]


def keep_books(streams: Streams, universe: Universe, stocks: Places, quarters: int) -> Books:
    """Return the books of the companies at some places of the universe."""
    fixed, count = streams.open("companies"), len(stocks)
    value = (universe.shares * universe.price)[stocks]
    months, shares = zip(*FISCAL_YEAR_ENDS, strict=True)
    level = value * np.exp(fixed.normal(0.0, 0.5, count)) / QUARTERS_A_YEAR
    margin = fixed.normal(0.07, 0.03, count)
    growth = np.cumsum(streams.open("growth").normal(0.005, 0.04, (quarters, count)), axis=0)
    sales = level * np.exp(growth)
    profit = sales * (margin + streams.open("margins").normal(0.0, 0.02, (quarters, count)))
    equity = np.maximum(value * np.exp(fixed.normal(-0.1, 0.4, count)) + np.cumsum(0.5 * profit, axis=0), 0.05 * value)
    changes = streams.open("fiscal years")
    return Books(
        sales=sales,
        profit=profit,
        equity=equity,
        assets=equity * fixed.uniform(1.3, 4.0, count),
        fiscal_month=fixed.choice(np.array(months), count, p=shares),
        standard=_standards(fixed.random(count)),
        turn=np.where(changes.random(count) < YEAR_CHANGES, changes.integers(*CHANGES_BETWEEN, count), _NEVER),
        short=changes.integers(1, QUARTERS_A_YEAR, count),
    )


@dataclass(frozen=True)
class Periods:
    """Where quarters lie in their fiscal year, `[rows]`: which one they are, how many it has, and how many the next."""

    number: Places
    length: Places
    next_length: Places

    @property
    def is_year(self) -> Flags:
        """Whether the quarter is the year's last."""
        return np.asarray(self.number == self.length, dtype=np.bool_)


def periods(books: Books, first_month: int, quarter: Places, company: Places) -> Periods:
    """Return the periods of some quarters of some companies, both as places; `first_month` ends the first quarter."""
    fiscal, turn, short = (each[company] for each in (books.fiscal_month, books.turn, books.short))
    ordinary = _number(first_month, quarter, fiscal)
    begin = turn + (1 - _number(first_month, turn, fiscal)) % QUARTERS_A_YEAR
    after = quarter - begin
    number = np.where(after < 0, ordinary, np.where(after < short, after + 1, (after - short) % QUARTERS_A_YEAR + 1))
    length = np.where((after >= 0) & (after < short), short, QUARTERS_A_YEAR)
    upcoming = np.where((after < 0) & (after >= -QUARTERS_A_YEAR), short, QUARTERS_A_YEAR)
    return Periods(number, length, upcoming)


def flows(books: Books) -> dict[str, Panel]:
    """Return what accumulates over a year, by official name."""
    profit = books.profit
    return {"Sales": books.sales, "OP": profit, "OdP": 1.02 * profit, "NP": 0.69 * profit, "CFO": 1.1 * profit}


def sum_of_last(flow: Panel, quarter: Places, company: Places, count: Places | int) -> Floats:
    """Return the sum of a flow over the last `count` quarters up to each quarter."""
    total = np.cumsum(flow, axis=0)
    return np.asarray(total[quarter, company] - total[quarter - count, company], dtype=np.float64)


def _number(first_month: int, quarter: Places, fiscal_month: Places) -> Places:
    """Return which quarter of an ordinary fiscal year it is; a year that ends in February is a month early."""
    month = first_month + 3 * quarter - (fiscal_month % 3 != 0)
    return np.asarray((month - fiscal_month - 1) % 12 // 3 + 1)


def _standards(chance: Floats) -> NDArray[np.str_]:
    found, upto = np.full(chance.size, "JP", dtype="<U4"), 0.0
    for name, share in STANDARDS:
        found[(chance >= upto) & (chance < upto + share)] = name
        upto += share
    return found


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
