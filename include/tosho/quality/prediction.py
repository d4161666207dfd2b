"""Gates after prediction: is every code scored at every horizon, with scores that tell codes apart?"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tosho.contracts import PREDICTIONS
from tosho.quality.verdict import NOT_MEASURED, Verdict, at_least, at_most, share

COUNT_AT_LEAST = 0.95
DISTINCT_AT_LEAST = 0.01
"""A boosted model of few trees ties many codes; one that gives all the same score says nothing."""


def after_prediction(predictions: pl.DataFrame | None, feature_rows: int, horizons: Sequence[int]) -> list[Verdict]:
    """Return the verdicts on one session's predictions.

    Args:
        predictions: Rows of the `predictions` contract, of one session and model; None when there are none.
        feature_rows: How many rows the model was given.
        horizons: The horizons that must be there, in sessions.
    """
    rows = PREDICTIONS.empty() if predictions is None else predictions
    absent = [name for name in ("session", "code", "horizon", "score", "rank") if name not in rows.columns]
    by_horizon = {h: rows.filter(pl.col("horizon") == h) for h in horizons} if not absent else {}
    there = _horizons(by_horizon, horizons, absent)
    if not there.passed:
        return [there]
    return [there, _count(by_horizon, feature_rows), _surplus(rows, feature_rows, horizons), *_scores(by_horizon, rows)]


def _horizons(by_horizon: dict[int, pl.DataFrame], horizons: Sequence[int], absent: list[str]) -> Verdict:
    empty = [h for h in horizons if h not in by_horizon or by_horizon[h].is_empty()]
    return at_most(
        "predictions.horizons",
        float(len(empty)) if horizons else NOT_MEASURED,
        0,
        f"Of the horizons {list(horizons)} without a row: {empty or 'none'}; columns absent: {absent or 'none'}.",
        "Score again; a bundle must hold a model for each horizon.",
    )


def _count(by_horizon: dict[int, pl.DataFrame], feature_rows: int) -> Verdict:
    counts = {h: frame["code"].n_unique() for h, frame in by_horizon.items()}
    return at_least(
        "predictions.count",
        share(min(counts.values()), feature_rows),
        COUNT_AT_LEAST,
        f"Codes by horizon: {counts}, from {feature_rows} rows of features.",
        "See in the scoring log which codes were left out, and score again.",
    )


def _surplus(rows: pl.DataFrame, feature_rows: int, horizons: Sequence[int]) -> Verdict:
    surplus = max(rows.height - feature_rows * len(horizons), 0)
    sessions = rows["session"].n_unique()
    return at_most(
        "predictions.surplus",
        surplus + sessions - 1,
        0,
        f"{rows.height} rows for {feature_rows} rows of features and {len(horizons)} horizons; {sessions} session(s).",
        "Two models or two sessions were mixed: load one session of one model at a time.",
    )


def _scores(by_horizon: dict[int, pl.DataFrame], rows: pl.DataFrame) -> list[Verdict]:
    wrong = rows.filter(~pl.col("score").is_finite().fill_null(value=False)).height
    spread = {h: frame["score"].std() for h, frame in by_horizon.items()}
    flat = [h for h, std in spread.items() if not (isinstance(std, float) and std > 0)]
    distinct = {h: share(frame["score"].n_unique(), frame.height) for h, frame in by_horizon.items()}
    unordered = [h for h, frame in by_horizon.items() if not _ranked(frame)]
    retrain = "The model learned nothing or was given constants; see its training report before scoring again."
    return [
        at_most("predictions.not_finite", wrong, 0, f"{wrong} scores are null, NaN or infinite.", retrain),
        at_most("predictions.flat", len(flat), 0, f"Horizons with one score for all: {flat or 'none'}.", retrain),
        at_least(
            "predictions.distinct",
            min(distinct.values()),
            DISTINCT_AT_LEAST,
            f"Share of distinct scores by horizon: { {h: round(s, 4) for h, s in distinct.items()} }.",
            retrain,
        ),
        at_most(
            "predictions.ranks",
            len(unordered),
            0,
            f"Horizons whose ranks do not begin at 1 or do not follow the scores: {unordered or 'none'}.",
            "Rank 1 belongs to the highest score of its session and horizon: rank again.",
        ),
    ]


def _ranked(frame: pl.DataFrame) -> bool:
    ordered = frame.sort("rank")
    return ordered["rank"][0] == 1 and ordered["score"].fill_nan(None).is_sorted(descending=True, nulls_last=True)
