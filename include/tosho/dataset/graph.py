"""Who is whose neighbour: a graph a week, drawn at the close of the week's first session from data up to that session.

A code's neighbours are those whose returns of the past 60 sessions moved most with or against its own, and some of its
sector besides. A row of the table lists them, `degree` at most, so that a batch of any session has the same shape. The
correlations are those of the graph features: exact, and the same bits whatever else is in the market.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho import calendar
from tosho.features.columns import GRAPH_REACH
from tosho.features.graph_edges import choices_of, correlations_of

Floats: TypeAlias = npt.NDArray[np.float64]
Texts: TypeAlias = npt.NDArray[np.str_]
Places: TypeAlias = npt.NDArray[np.intp]

REACH: Final = GRAPH_REACH + 1
"""Sessions, the graph's own included, whose closes it is made of."""

NO_SECTOR: Final = ("", "9999")
"""What is written for funds and others: they are no sector's members."""


class Neighbours(NamedTuple):
    """A graph as a table of fixed degree.

    Attributes:
        table: `[codes, degree]` int32, places of codes, those chosen by correlation first, by falling |rho|; -1: none.
        edges: `[codes, degree, 3]` float32: rho (0 where it is not known), same sector, same segment.
    """

    table: npt.NDArray[np.int32]
    edges: npt.NDArray[np.float32]


@dataclass(frozen=True)
class GraphPlan:
    """How many neighbours a code has: `strongest` by |rho| of at least 0.3, and `sector` more of its own sector.

    Those of its sector are the strongest that are not neighbours yet, however weak; without a rho, the first by code.
    """

    strongest: int = 16
    sector: int = 8

    @property
    def degree(self) -> int:
        """Neighbours that a code has at most."""
        return self.strongest + self.sector

    def draw(self, window: Floats, listed: npt.NDArray[np.bool_], sector: Texts, segment: Texts) -> Neighbours:
        """Return the graph of one session.

        Args:
            window: Log returns of the session and the 59 before, `[60, codes]`, NaN where there is none.
            listed: `[codes]`; who is not is nobody's neighbour and has none.
            sector: `[codes]`, sector33; empty where not known.
            segment: `[codes]`; empty where not known.
        """
        seen = np.where(listed, window, np.nan)
        node, other, rho = choices_of(seen, self.strongest)
        by_sector = self._of_sector(seen, np.where(listed, sector, ""), node, other)
        chosen = [_placed(node, other, rho, 0), _placed(*by_sector, self.strongest)]
        node, column, other, rho = (np.concatenate(parts) for parts in zip(*chosen, strict=True))
        table = np.full((listed.size, self.degree), -1, np.int32)
        edges = np.zeros((listed.size, self.degree, 3), np.float32)
        table[node, column] = other
        edges[node, column, 0] = np.where(np.isnan(rho), 0, rho)
        edges[node, column, 1] = (sector[node] == sector[other]) & ~np.isin(sector[node], NO_SECTOR)
        edges[node, column, 2] = (segment[node] == segment[other]) & (segment[node] != "")
        return Neighbours(table, edges)

    def _of_sector(self, window: Floats, sector: Texts, node: Places, other: Places) -> tuple[Places, Places, Floats]:
        """Return each code's strongest of its sector that are not its neighbours yet: places, and rho or NaN."""
        taken = np.sort(node * sector.size + other)
        found = [
            self._strongest(window, np.flatnonzero(sector == name), taken, sector.size)
            for name in np.unique(sector)
            if name not in NO_SECTOR
        ]
        empty = np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
        first, second, rho = (np.concatenate(parts) for parts in zip(empty, *found, strict=True))
        return first.astype(np.intp), second.astype(np.intp), rho

    def _strongest(self, window: Floats, members: Places, taken: Places, codes: int) -> tuple[Places, Places, Floats]:
        one, two = np.triu_indices(members.size, 1)
        rho = correlations_of(window, members[one], members[two])
        matrix = np.full((members.size, members.size), np.nan)
        matrix[one, two] = matrix[two, one] = rho
        pairs = members[:, None] * codes + members
        open_ = ~np.isin(pairs, taken)
        np.fill_diagonal(open_, val=False)
        strength = np.where(open_, np.where(np.isnan(matrix), 0, np.abs(matrix)), -1)
        best = np.argsort(-strength, axis=1, kind="stable")[:, : self.sector]
        row = np.repeat(np.arange(members.size), best.shape[1])
        column = best.ravel()
        kept = strength[row, column] >= 0
        row, column = row[kept], column[kept]
        return members[row], members[column], matrix[row, column]


def drawn_at(session: date) -> date:
    """Return the session whose graph holds in this one: the first of its week.

    >>> drawn_at(date(2024, 2, 14))  # 12 February was a holiday
    datetime.date(2024, 2, 13)
    """
    monday = session - timedelta(days=session.weekday())
    return calendar.sessions(monday, session)[0]


def weeks_of(sessions: Sequence[date]) -> tuple[date, ...]:
    """Return the sessions whose graphs hold in some sessions, in order; the first may lie before them."""
    return tuple(sorted({drawn_at(session) for session in sessions}))


def log_returns(bars: pl.DataFrame, session: date, codes: pl.Series) -> Floats:
    """Return the log returns of a session and the 59 before, `[60, codes]`, NaN where one is not known.

    They are those of the graph features, rounded to float32: closes as traded, and the session's own factor.

    Args:
        bars: Session, code, close and adj_factor. Later sessions are not looked at.
        session: The last one.
        codes: Which, in order.
    """
    days = pl.Series("session", [calendar.offset(session, n) for n in range(1 - REACH, 1)])
    kept = bars.filter(pl.col("session").is_between(days[0], session)).drop_nulls("close")
    places = pl.DataFrame({"code": codes, "place": pl.int_range(codes.len(), eager=True)})
    kept = kept.join(places, on="code", how="inner", maintain_order="left")
    close, factor = np.full((2, REACH, codes.len()), np.nan)
    at = days.search_sorted(kept["session"]).to_numpy(), kept["place"].to_numpy()
    close[at], factor[at] = kept["close"].to_numpy(), kept["adj_factor"].to_numpy()
    growth = pl.Series((close[1:] / (close[:-1] * factor[1:])).ravel())
    found = growth.log().cast(pl.Float32).cast(pl.Float64).to_numpy().reshape(GRAPH_REACH, -1)  # bits of the features
    return np.where(np.isfinite(found), found, np.nan)


def _placed(node: Places, other: Places, rho: Floats, first: int) -> tuple[Places, Places, Places, Floats]:
    """Return the choices with the column of each: from `first` on, a node's strongest to the left, then by code."""
    order = np.lexsort((other, -np.abs(np.where(np.isnan(rho), 0, rho)), node))
    node, other, rho = node[order], other[order], rho[order]
    return node, np.arange(node.size) - np.searchsorted(node, node) + first, other, rho
