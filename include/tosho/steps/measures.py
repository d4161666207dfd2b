"""What a trial's scores are worth: books with their costs, and results by sector, size and liquidity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tosho.contracts import SECTORS33
from tosho.dataset.cross_section import Float64s, slices
from tosho.dataset.samples import Samples
from tosho.evaluation.book import Trading
from tosho.evaluation.comparison import Candidate
from tosho.evaluation.groups import Grouping, GroupResult, by_group, fifths, labelled
from tosho.evaluation.performance import Books, books
from tosho.evaluation.sharpe import Trials
from tosho.steps.trial import Trial
from tosho.storage import Lake

SCALE = "scale_bucket"
"""Feature that holds the TOPIX size category, as listed at the session."""

SCALES = {5: "Core30", 4: "Large70", 3: "Mid400", 2: "Small 1", 1: "Small 2", 0: "none of these"}

LIQUIDITY = ("adv60", "adv20")
"""Features by which liquidity is told, the first that a set has: mean daily turnover in yen until the session."""


@dataclass(frozen=True)
class Measures:
    """Books, results by group, and what a reader has to know of them."""

    books: Books
    groups: Mapping[str, Sequence[GroupResult]]
    notes: tuple[str, ...]

    def of(self, result: Trial) -> Candidate:
        """Return them with the trial's rank IC, as the results of one of several models."""
        return Candidate(result.daily, self.books, self.groups)

    def metrics(self) -> dict[str, float]:
        """Return the books' figures by the name under which a run logs them."""
        names = ("gross_bp", "net_bp", "turnover", "break_even_bp", "sharpe", "drawdown", "deflated", "competition")
        found = {f"{name}_h{p.horizon:02d}": getattr(p, name) for p in self.books.figures() for name in names}
        return found | {"trials": float(self.books.trials.count)}


def measure(lake: Lake, result: Trial, trading: Trading, trials: Trials) -> Measures:
    """Return what the scores of a trial are worth, by what was known at each session."""
    scored = [part.test for part in result.parts]
    found = [by_sector(lake, result.tested), by_size(scored), by_liquidity(scored)]
    groups = {g.name: by_group(result.scores, result.tested, g) for g, _ in found if g.names}
    notes = tuple(note for _, note in found if note)
    return Measures(books(result.scores, result.tested, trading, trials), groups, notes)


def by_sector(lake: Lake, samples: Samples) -> tuple[Grouping, str]:
    """Return the division by the 33 sectors, as listed at each session, and a sentence where that is not known."""
    known = set(lake.sessions("securities"))
    labels: list[str | None] = []
    for session, rows in zip(samples.sessions, slices(samples.bounds), strict=True):
        codes = pl.DataFrame({"code": samples.codes[rows].astype(str)})
        if session in known:
            listed = lake.read("securities", session, ["code", "sector33"])
            labels += codes.join(listed, on="code", how="left", maintain_order="left")["sector33"].to_list()
        else:
            labels += [None] * codes.height
    without = sum(session not in known for session in samples.sessions)
    told = f"{without} of {len(samples.sessions)} sessions have no list of securities; by sector they do not count."
    named = [None if code is None else f"{code} {SECTORS33.get(code, '')}".strip() for code in labels]
    return labelled("sector", named), told if without else ""


def by_size(scored: Sequence[Samples]) -> tuple[Grouping, str]:
    """Return the division by TOPIX size category, and a sentence where the features do not tell it."""
    values = _feature(scored, SCALE)
    if values is None or not np.isfinite(values).any():
        return labelled("size", ()), f"No row has the feature {SCALE}; results by size are left out."
    labels = [SCALES[int(value)] if np.isfinite(value) else None for value in values]
    return labelled("size", labels), ""


def by_liquidity(scored: Sequence[Samples]) -> tuple[Grouping, str]:
    """Return the division into fifths of mean daily turnover, and a sentence where the features do not tell it."""
    for name in LIQUIDITY:
        values = _feature(scored, name)
        if values is not None and np.isfinite(values).any():
            counts = np.concatenate([np.diff(samples.bounds) for samples in scored])
            return fifths("liquidity", values, np.concatenate([[0], np.cumsum(counts)])), ""
    return labelled("liquidity", ()), f"No row has a feature of {', '.join(LIQUIDITY)}; by liquidity nothing is told."


def _feature(scored: Sequence[Samples], name: str) -> Float64s | None:
    names = scored[0].columns.names
    if name not in names:
        return None
    return np.concatenate(list(_column(scored, names.index(name))))


def _column(scored: Sequence[Samples], at: int) -> Iterator[Float64s]:
    for samples in scored:
        yield samples.features[:, at].astype(np.float64)
