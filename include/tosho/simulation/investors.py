"""Weekly trading by type of investor, as equities/investor-types gives it: who bought and who sold, by section."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tosho import calendar
from tosho.calendar import JST
from tosho.simulation.listing import Floats, Universe
from tosho.simulation.sectors import segment_on
from tosho.simulation.streams import Panel, Streams

SECTIONS: Final = {
    "0111": "TSEPrime",
    "0112": "TSEStandard",
    "0113": "TSEGrowth",
    "0101": "TSE1st",
    "0102": "TSE2nd",
    "0104": "TSEMothers",
}
WHOLE: Final = "TokyoNagoya"
"""The section that sums up the others."""


class Investor(NamedTuple):
    """A type of investor: its share of all orders placed with brokers, and how it leans when the market rises."""

    name: str
    share: float
    follows: float


PROPRIETARY: Final = 0.12
"""Share of the turnover that securities companies trade on their own account."""
CLIENTS: Final = (
    Investor("Frgn", 0.640, 1.0),
    Investor("Ind", 0.260, -1.0),
    Investor("SecCo", 0.005, 0.0),
    Investor("InvTr", 0.025, -0.3),
    Investor("BusCo", 0.012, -0.2),
    Investor("OthCo", 0.003, 0.0),
    Investor("InsCo", 0.004, -0.2),
    Investor("Bank", 0.003, -0.2),
    Investor("TrstBnk", 0.044, -0.4),
    Investor("OthFin", 0.004, 0.0),
)
LEAN: Final = 1.5
"""Balance, as a share of the investor's turnover, for each unit of the week's market return."""
UNEXPLAINED: Final = 0.015
CORRECTED, CORRECTION = 0.06, 0.01
"""Share of the weeks that are published again a week later, and by how much the leans were off."""
CORRECTIONS_KEPT_SINCE: Final = date(2023, 4, 3)
"""J-Quants keeps both versions of what it publishes after this day, keyed by the day of publication."""


def investors_table(
    streams: Streams, universe: Universe, sessions: list[date], turnover_yen: Panel, topix_close: Floats
) -> pl.DataFrame:
    """Return one row a week and section for the weeks published by the last session; thousand yen, dates as text.

    Some weeks come a second time with a later PubDate: a section was corrected, and with it the sum.

    Buyers and sellers balance in every section. Foreigners buy when the market rises and individuals sell: the flows
    follow prices and foretell nothing.

    Args:
        streams: The market's random numbers.
        universe: Its codes; funds are not counted.
        sessions: Its sessions.
        turnover_yen: `[sessions, codes]`, 0 without a trade.
        topix_close: `[sessions]`, points.
    """
    noise, again = streams.open("investors"), streams.open("investors corrected")
    rows: list[dict[str, object]] = []
    for places in weeks(sessions):
        first, last = places[0], places[-1]
        published = calendar.published_at("investor_types", sessions[last]).astimezone(JST).date()
        moved = float(topix_close[last] / topix_close[max(first - 1, 0)] - 1)
        leans = noise.normal(0.0, UNEXPLAINED, (len(set(SECTIONS.values())), len(CLIENTS)))
        sections = _section_turnover(universe, sessions[last], turnover_yen[first : last + 1].sum(axis=0))
        flows = {name: _flows(total, moved, lean) for (name, total), lean in zip(sections.items(), leans, strict=False)}
        week = {"StDate": str(sessions[first]), "EnDate": str(sessions[last])}
        rows += _edition(published, week, flows)
        if again.random() < CORRECTED and published > CORRECTIONS_KEPT_SINCE:  # one section's figures were wrong
            name = next(iter(sections))
            flows[name] = _flows(sections[name], moved, leans[0] + CORRECTION)
            week_later = calendar.published_at("investor_types", calendar.week_end(published)).astimezone(JST).date()
            rows += [row for row in _edition(week_later, week, flows) if row["Section"] in (name, WHOLE)]
    ordered = pl.DataFrame(rows, schema=_SCHEMA).sort("PubDate", "EnDate", maintain_order=True)
    return ordered.filter(pl.col("PubDate") <= str(sessions[-1]))


def _edition(published: date, week: dict[str, str], flows: dict[str, dict[str, int]]) -> list[dict[str, object]]:
    """Return a week's rows, the sections' and their sum."""
    whole = {field: sum(each[field] for each in flows.values()) for field in next(iter(flows.values()))}
    dates = {"PubDate": str(published), **week}
    return [{**dates, "Section": name, **each} for name, each in (flows | {WHOLE: whole}).items()]


def weeks(sessions: list[date]) -> list[list[int]]:
    """Return the places of each week's sessions, without a week that began before the market did.

    The last week may be cut short too; it is not published by then.
    """
    weeks = [
        list(places) for _, places in groupby(range(len(sessions)), lambda place: sessions[place].isocalendar()[:2])
    ]
    begun = calendar.previous_session(sessions[0]).isocalendar()[:2] == sessions[0].isocalendar()[:2]
    return weeks[1:] if begun else weeks


def _section_turnover(universe: Universe, session: date, turnover: Floats) -> dict[str, float]:
    """Return the week's turnover in yen by section, under the names of the time."""
    return {
        SECTIONS[segment_on(segment, session)]: float(turnover[universe.segment == segment].sum())
        for segment in ("0111", "0112", "0113")
    }


def _flows(turnover: float, moved: float, lean: Floats) -> dict[str, int]:
    """Return sell, buy, total and balance of every type, thousand yen. Proprietary trading takes the other side."""
    once = round(turnover / 1_000)  # every yen is bought once and sold once
    clients = {}
    for investor, own in zip(CLIENTS, lean, strict=True):
        both = 2 * once * (1 - PROPRIETARY) * investor.share
        tilt = float(np.clip(LEAN * investor.follows * moved + own, -0.5, 0.5))
        clients[investor.name] = (round(both * (1 - tilt) / 2), round(both * (1 + tilt) / 2))
    brokered = (sum(sell for sell, _ in clients.values()), sum(buy for _, buy in clients.values()))
    sides = {"Prop": (once - brokered[0], once - brokered[1]), "Brk": brokered, "Tot": (once, once), **clients}
    return {
        f"{name}{field}": value
        for name, (sell, buy) in sides.items()
        for field, value in (("Sell", sell), ("Buy", buy), ("Tot", sell + buy), ("Bal", buy - sell))
    }


_SCHEMA: Final = {
    **dict.fromkeys(("PubDate", "StDate", "EnDate", "Section"), pl.String()),
    **{
        f"{name}{field}": pl.Int64()
        for name in ("Prop", "Brk", "Tot", "Ind", "Frgn", *(each.name for each in CLIENTS[2:]))
        for field in ("Sell", "Buy", "Tot", "Bal")
    },
}
"""In the vendor's order."""
