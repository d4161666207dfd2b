"""Do intervals hold? Asked of a training run, on sessions held out, and of evenings whose labels are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from tosho import quality
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.labels import REACH
from tosho.dataset.samples import Samples
from tosho.models.conformal import Mondrian, TooFewToCalibrateError
from tosho.models.intervals import above_the_mean, expected_returns, shares_within
from tosho.models.registry import IN_SAMPLE
from tosho.models.walk import Walked, stacked
from tosho.observability.log import logger
from tosho.quality.coverage import ROLLING, daily_coverage
from tosho.storage import Lake

log = logger(__name__)

Slopes = Callable[[Samples, Float64s], Sequence[float]]


def held_out(mondrian: Mondrian, samples: Samples, parts: Sequence[Walked], slopes: Slopes) -> pl.DataFrame:
    """Return the daily coverage of the newest out-of-sample sessions, columns session, horizon and inside.

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
    frames = []
    for part in _between(parts, sessions[begin], sessions[-1]):
        expected = expected_returns(part.scores, part.test.bounds, found)
        quantiles, _ = intervals.of(part.test.features, expected)
        returns = above_the_mean(part.test.returns, part.test.bounds)
        shares = shares_within(quantiles, returns, part.test.bounds)
        frames += [
            pl.DataFrame({"session": part.test.sessions, "inside": shares[:, i]}).with_columns(
                pl.lit(h, pl.Int32).alias("horizon")
            )
            for i, h in enumerate(HORIZONS)
        ]
    return pl.concat(frames).filter(pl.col("inside").is_not_nan()).select("session", "horizon", "inside")


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
