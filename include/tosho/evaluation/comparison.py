"""Several models side by side: the same sessions, paired tests, and what a model is without one of its blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import combinations
from math import isfinite

from tosho.evaluation.groups import GroupResult
from tosho.evaluation.ic import DailyIC, estimate, summarise
from tosho.evaluation.paired import Paired, gains, paired
from tosho.evaluation.performance import Books
from tosho.evaluation.significance import Estimate


class NothingToCompareError(ValueError):
    """The models share no session, or there is nothing to set one beside: neither another nor an ablation."""


@dataclass(frozen=True)
class Candidate:
    """A model's out-of-sample results."""

    daily: DailyIC
    books: Books
    groups: Mapping[str, Sequence[GroupResult]] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Args:
        title: Of the page.
        subtitle: On which market and sessions.
        candidates: The models, by name; the first is what the others have to beat.
        ablated: Which of them the ablations are of.
        ablations: That model without one of its blocks, by what is left out.
        notes: What a reader has to know.
    """

    title: str
    subtitle: str
    candidates: Mapping[str, Candidate]
    ablated: str = ""
    ablations: Mapping[str, DailyIC] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        beside = len(self.candidates) + (1 if self.ablations else 0)
        if beside < 2 or not self.common():  # noqa: PLR2004 - a comparison takes two
            raise NothingToCompareError(
                f"{len(self.candidates)} models were given ({', '.join(self.candidates)}) and they share "
                f"{len(self.common())} sessions; a comparison takes two models, or one and its ablations, and a "
                "session. Test them on the same folds."
            )
        if self.ablations and self.ablated not in self.candidates:
            raise NothingToCompareError(
                f"The ablations are said to be of {self.ablated!r}, which is not among {list(self.candidates)}. "
                "Name one."
            )

    def common(self) -> tuple[date, ...]:
        """Return the sessions that all models have, in order."""
        sessions = [set(candidate.daily.sessions) for candidate in self.candidates.values()]
        return tuple(sorted(set.intersection(*sessions))) if sessions else ()

    def aligned(self) -> dict[str, DailyIC]:
        """Return each model's series on the sessions that all have."""
        common = self.common()
        return {name: candidate.daily.on(common) for name, candidate in self.candidates.items()}

    def pairs(self) -> dict[tuple[str, str], Paired]:
        """Return for each two models by how much the second is better than the first."""
        daily = {name: candidate.daily for name, candidate in self.candidates.items()}
        return {(a, b): paired(daily[b], daily[a]) for a, b in combinations(daily, 2)}

    def gains(self) -> dict[str, Paired]:
        """Return what each block adds: the whole model's rank IC less that without the block."""
        return gains(self.candidates[self.ablated].daily, self.ablations) if self.ablations else {}


def figures(comparison: Comparison) -> dict[str, object]:
    """Return the figures of the page as plain JSON; what cannot be told is null."""
    aligned = comparison.aligned()
    return {
        "sessions": [s.isoformat() for s in comparison.common()],
        "models": {
            name: {
                "overall": _told(estimate(daily)),
                "by_horizon": [_known(asdict(r)) for r in summarise(daily)],
                "books": [_known(asdict(p)) for p in comparison.candidates[name].books.figures()],
            }
            for name, daily in aligned.items()
        },
        "paired": [
            {"model": b, "less": a, "overall": _told(p.overall), "by_horizon": [_told(e) for e in p.by_horizon]}
            for (a, b), p in comparison.pairs().items()
        ],
        "ablations": {
            name: {"overall": _told(p.overall), "by_horizon": [_told(e) for e in p.by_horizon]}
            for name, p in comparison.gains().items()
        },
        "notes": list(comparison.notes),
    }


def _told(found: Estimate) -> dict[str, object]:
    return _known({"rank_ic": found.mean, "error": found.error, "t": found.t, "sessions": found.sessions})


def _known(found: Mapping[str, object]) -> dict[str, object]:
    return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in found.items()}
