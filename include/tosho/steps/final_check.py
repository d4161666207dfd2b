"""The final check of a learner: combinatorial purged splits, and what each path through history would have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.combinatorial import Combination, Combinatorial, Places
from tosho.dataset.cross_section import slices
from tosho.dataset.samples import Samples
from tosho.evaluation.ic import DailyIC, HorizonResult, daily_ic, estimate, joined, summarise
from tosho.evaluation.significance import Estimate
from tosho.models.base import Learner, Progress
from tosho.models.walk import predicted


@dataclass(frozen=True)
class FinalCheck:
    """The paths: histories in which every session was scored by a model that had not seen it."""

    paths: tuple[DailyIC, ...]

    def results(self) -> tuple[tuple[HorizonResult, ...], ...]:
        """Return each path's figures, by horizon."""
        return tuple(summarise(path) for path in self.paths)

    def overall(self) -> tuple[Estimate, ...]:
        """Return each path's rank IC over all horizons."""
        return tuple(estimate(path) for path in self.paths)

    def __str__(self) -> str:
        found = self.metrics()
        return (
            f"Final check: of {found['cpcv_paths']:.0f} paths through {len(self.paths[0].sessions)} sessions, "
            f"{found['cpcv_share_above_zero']:.0%} have a rank IC above zero; it lies between "
            f"{found['cpcv_rank_ic_worst']:+.4f} and {found['cpcv_rank_ic_best']:+.4f}."
        )

    def metrics(self) -> dict[str, float]:
        """Return the spread of the paths' rank IC, under the names by which a run logs it."""
        means = np.array([found.mean for found in self.overall()])
        return {
            "cpcv_paths": float(means.size),
            "cpcv_rank_ic_worst": float(means.min()),
            "cpcv_rank_ic_median": float(np.median(means)),
            "cpcv_rank_ic_best": float(means.max()),
            "cpcv_share_above_zero": float((means > 0).mean()),
        }


def check(learner: Learner, samples: Samples, plan: Combinatorial, progress: Progress) -> FinalCheck:
    """Fit a model on each split and return the paths.

    Raises:
        TooShortError: The sessions do not fill the plan.
    """
    splits = plan.over(samples.sessions)
    daily = [_tested(learner, samples, split, progress) for split in splits]
    ranks, pearsons = (
        np.stack(
            [plan.paths([getattr(d, kind)[:, i] for d in daily], len(samples.sessions)) for i in range(len(HORIZONS))]
        )
        for kind in ("rank", "pearson")
    )
    pairs = zip(pearsons.transpose(1, 2, 0), ranks.transpose(1, 2, 0), strict=True)
    return FinalCheck(tuple(DailyIC(samples.sessions, pearson, rank) for pearson, rank in pairs))


def _tested(learner: Learner, samples: Samples, split: Combination, progress: Progress) -> DailyIC:
    train, validation = (_of(samples, places) for places in (split.train, split.validation))
    model = learner.fit(train, validation, lambda what: progress(f"split {split.number}, {what}"))
    blocks = (predicted(model, samples, *ends) for ends in _ends(samples.sessions, split.test))
    return joined([daily_ic(scores, test) for test, scores in blocks])


def _of(samples: Samples, places: Places) -> Samples:
    """Return these sessions with those between them, which are left without rows: windows must not reach across."""
    kept = np.zeros(samples.rows, dtype=bool)
    rows = list(slices(samples.bounds))
    for place in places:
        kept[rows[place]] = True
    return samples.where(kept).between(samples.sessions[places[0]], samples.sessions[places[-1]])


def _ends(sessions: Sequence[date], places: Places) -> list[tuple[date, date]]:
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    return [(sessions[run[0]], sessions[run[-1]]) for run in runs]
