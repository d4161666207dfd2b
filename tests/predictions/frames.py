"""Predictions as a model would give them, small and different by seed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from tosho.contracts import HORIZONS, PREDICTIONS

SESSION = date(2018, 11, 16)


def predictions(session: date = SESSION, seed: int = 0, codes: int = 60, model: str = "lightgbm") -> pl.DataFrame:
    """Return predictions by contract for every horizon; `run_id` tells the seed."""
    random = np.random.default_rng(seed)
    parts = []
    for horizon in HORIZONS:
        score = random.normal(size=codes)
        shown = [None if i % 7 == 0 else float(s) / 50 for i, s in enumerate(score)]
        parts.append(
            pl.DataFrame(
                {
                    "session": [session] * codes,
                    "target_session": session + timedelta(horizon + 1),
                    "horizon": horizon,
                    "code": [f"{code:05d}" for code in range(10000, 10000 + codes)],
                    "model": model,
                    "model_version": "3",
                    "feature_set": "core",
                    "score": score,
                    "rank": np.argsort(np.argsort(-score)) + 1,
                    "expected_return": score / 100,
                    **dict.fromkeys(("q05", "q25", "q50", "q75", "q95"), pl.Series(shown)),
                    "confidence": None,
                    "flags": "unproven",
                    "run_id": f"seed-{seed}",
                    "predicted_at": datetime.combine(session, datetime.min.time(), UTC) + timedelta(hours=9.5),
                }
            )
        )
    return PREDICTIONS.conform(pl.concat(parts))
