"""Where the scores are good: by year, and by groups of codes that could be told at the session itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import MIN_PAIRS, Bounds, Floats, average_ranks, slices
from tosho.dataset.samples import Samples
from tosho.evaluation.ic import DailyIC, HorizonResult, daily_ic, summarise
from tosho.evaluation.portfolio import quantile_returns, spread

FIFTHS = 5
UNKNOWN = -1


@dataclass(frozen=True)
class Grouping:
    """A division of rows, from what was known at the session: `member` is `[rows]`, a place in `names` or -1."""

    name: str
    names: tuple[str, ...]
    member: npt.NDArray[np.int64]


@dataclass(frozen=True)
class GroupResult:
    """A group in figures.

    Args:
        name: Of the group.
        codes: Mean number of its codes a session.
        results: By horizon; the order is that within the group.
        spreads_bp: By horizon, the return until the label's end of the group's highest fifth less its lowest.
    """

    name: str
    codes: float
    results: tuple[HorizonResult, ...]
    spreads_bp: tuple[float, ...]

    @property
    def is_measured(self) -> bool:
        """Tell whether there was a session with enough codes for a rank IC."""
        return any(r.sessions for r in self.results)


def by_group(scores: Floats, samples: Samples, grouping: Grouping) -> tuple[GroupResult, ...]:
    """Return the figures of each group that has a row. Sessions in which it has fewer than 20 codes do not count."""
    found = ((name, grouping.member == i) for i, name in enumerate(grouping.names))
    return tuple(_group(name, scores[rows], samples.where(rows)) for name, rows in found if rows.any())


def by_year(daily: DailyIC) -> tuple[tuple[str, slice], ...]:
    """Return each calendar year with the places of its sessions, which are in order."""
    years = groupby(range(len(daily.sessions)), lambda i: daily.sessions[i].year)
    places = ((str(year), list(members)) for year, members in years)
    return tuple((year, slice(members[0], members[-1] + 1)) for year, members in places)


def labelled(name: str, labels: Sequence[str | None]) -> Grouping:
    """Return the division by a label of each row, in the labels' order; None belongs to no group.

    >>> labelled("sector", ["b", None, "a"]).member.tolist()
    [1, -1, 0]
    """
    names = tuple(sorted({label for label in labels if label is not None}))
    at = {label: i for i, label in enumerate(names)}
    return Grouping(name, names, np.array([UNKNOWN if x is None else at[x] for x in labels], dtype=np.int64))


def fifths(name: str, values: Floats, bounds: Bounds) -> Grouping:
    """Return the division of each session's rows into fifths of a value, lowest first; NaN belongs to none."""
    member = np.full(values.size, UNKNOWN, dtype=np.int64)
    for rows in slices(bounds):
        known = np.isfinite(values[rows])
        ranks = average_ranks(values[rows][known])
        member[rows][known] = np.minimum((ranks * FIFTHS / max(ranks.size, 1)).astype(np.int64), FIFTHS - 1)
    names = ("1, lowest", *(str(i) for i in range(2, FIFTHS)), f"{FIFTHS}, highest")
    return Grouping(name, names, member)


def _group(name: str, scores: Floats, samples: Samples) -> GroupResult:
    enough = np.repeat(np.diff(samples.bounds) >= MIN_PAIRS, np.diff(samples.bounds))
    scores, samples = scores[enough], samples.where(enough)
    spreads = (
        spread(quantile_returns(scores[:, i], samples.returns[:, i], samples.bounds, FIFTHS))
        for i in range(len(HORIZONS))
    )
    counts = np.diff(samples.bounds)
    known = [s[np.isfinite(s)] for s in spreads]
    return GroupResult(
        name,
        float(counts[counts > 0].mean()) if counts.any() else 0.0,
        summarise(daily_ic(scores, samples)),
        tuple(1e4 * float(s.mean()) if s.size else float("nan") for s in known),
    )
