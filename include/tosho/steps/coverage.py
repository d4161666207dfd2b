"""Do intervals hold? Asked of a training run, on sessions held out, and of evenings whose labels are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from tosho import quality
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.labels import REACH
from tosho.dataset.samples import Samples
from tosho.evaluation.calibration import Coverage, coverage
from tosho.models.conformal import Mondrian, TooFewToCalibrateError
from tosho.models.intervals import above_the_mean, expected_returns
from tosho.models.registry import IN_SAMPLE
from tosho.models.walk import Walked, stacked
from tosho.observability.log import logger
from tosho.quality.coverage import ROLLING, daily_coverage
from tosho.storage import Lake

log = logger(__name__)

Slopes = Callable[[Samples, Float64s], Sequence[float]]


class HeldOut(NamedTuple):
    """Rows with their returns above the session's mean, and quantile forecasts, `[rows, horizons, quantiles]`."""

    samples: Samples
    quantiles: Float64s

    def coverage(self) -> Coverage:
        """Return by session how many returns lie between the outer quantiles."""
        return coverage(self.quantiles[..., [0, -1]], self.samples)

    def frame(self) -> pl.DataFrame:
        """Return the daily coverage, columns session, horizon and inside; a session without a known return has none."""
        found = self.coverage()
        frames = (
            pl.DataFrame({"session": found.sessions, "horizon": h, "inside": found.daily[:, i]})
            for i, h in enumerate(HORIZONS)
        )
        return pl.concat(frames).cast({"horizon": pl.Int32}).filter(pl.col("inside").is_not_nan())


def held_out(mondrian: Mondrian, samples: Samples, parts: Sequence[Walked], slopes: Slopes) -> HeldOut:
    """Return the newest out-of-sample sessions with what calibration on those before says of them.

    Intervals and slopes are those of the sessions before, and no label of theirs reaches into the ones held out. These
    are ROLLING sessions, or a third of the out-of-sample ones where there are fewer than three times as many.

    Args:
        mondrian: How intervals are calibrated.
        samples: All rows of the training period.
        parts: The folds, oldest first, with what their models said of the sessions that they were tested on.
        slopes: Gives, of out-of-sample rows and scores, the return that goes with a deviation of score, by horizon.

    Raises:
        TooFewToCalibrateError: There are not enough sessions before those that are held out.
    """
    sessions = [session for part in parts for session in part.test.sessions]
    begin = len(sessions) - min(ROLLING, len(sessions) // 3)
    if begin <= REACH:
        raise TooFewToCalibrateError(
            f"There are {len(sessions)} out-of-sample sessions; of the {begin} before those that are held out, {REACH} "
            "are left out as well, because their labels reach into them. Train on a longer history to see the coverage."
        )
    before = _between(parts, sessions[0], sessions[begin - REACH - 1])
    found = slopes(*stacked(before))
    intervals = mondrian.calibrate(samples.between(samples.sessions[0], before[-1].test.sessions[-1]), before, found)
    after = _between(parts, sessions[begin], sessions[-1])
    tested, _ = stacked(after)
    expected = (expected_returns(part.scores, part.test.bounds, found) for part in after)
    quantiles = [intervals.of(part.test.features, e)[0] for part, e in zip(after, expected, strict=True)]
    above = above_the_mean(tested.returns, tested.bounds).astype(np.float32)
    return HeldOut(replace(tested, returns=above), np.concatenate(quantiles))


def judge_coverage(lake: Lake, session: date) -> list[quality.Verdict]:
    """Return the verdicts on the predictions of the sessions up to this one, as far as their labels are known.

    Sessions that the model knew do not count, nor do predictions without intervals; a horizon with none has no verdict.
    """
    newest = [s for s in lake.sessions("predictions", None, session) if lake.has("labels", s)][-ROLLING:]
    found = []
    for each in newest:
        predictions = lake.read("predictions", each)
        honest = predictions.filter(~pl.col("flags").str.split(",").list.contains(IN_SAMPLE))
        found.append(daily_coverage(honest, lake.read("labels", each)))
    daily = pl.concat(found) if found else pl.DataFrame(schema={"session": pl.Date, "horizon": pl.Int32})
    log.info("coverage up to %s: %d sessions have predictions and labels.", session, len(newest))
    return quality.after_labels(daily)


def _between(parts: Sequence[Walked], first: date, last: date) -> list[Walked]:
    """Return the folds cut to the test sessions from `first` to `last`; those with none are left out."""
    kept = []
    for part in parts:
        test = part.test.between(first, last)
        if test.sessions:
            begin = int(part.test.bounds[part.test.sessions.index(test.sessions[0])])
            kept.append(part._replace(test=test, scores=part.scores[begin : begin + test.rows]))
    return kept
