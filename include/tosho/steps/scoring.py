"""Predictions of a session: its features, the model that did not know it, a row for every code and horizon."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from tosho.calendar import cutoff, offset
from tosho.config import Settings
from tosho.contracts import HORIZONS, PREDICTIONS, QUANTILES
from tosho.dataset.assemble import assemble_features, with_static
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Samples
from tosho.models.bundle import Bundle
from tosho.models.intervals import expected_returns
from tosho.models.kinds import sees_listings
from tosho.models.registry import UNPROVEN, Registered, Registry, name_of
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.storage import Lake

log = logger(__name__)

_QUANTILES = tuple(f"q{round(q * 100):02d}" for q in QUANTILES)
THIN = "thin_features"
"""Flag of a code more than half of whose features are null."""


def score(settings: Settings, session: date, run_id: str = "", kind: str = "lightgbm") -> dict[str, object]:
    """Publish the predictions of a session and return what was done.

    The model is the champion of its kind, or the newest former one that did not know the session where the champion
    did; where there is none, each row is flagged `in_sample`. The same features and model leave the same bytes:
    `predicted_at` is the session's cutoff, the instant at which what the prediction knows was frozen, and without a
    `run_id` it is made of model, version and session.

    Raises:
        NoModelError: Nothing was trained yet.
        BundleError: The model in service cannot be trusted on this machine.
        ColumnsError: The session's features are not those that the model was fitted on.
        PartitionMissingError: The session has no features.
    """
    registry, lake = Registry(settings, name_of(kind)), Lake.of(settings)
    served, flag = registry.for_session(session)
    bundle = registry.bundle(served)
    log.info("Scoring %s with %s version %s%s.", session, served.name, served.version, f", {flag}" if flag else "")
    context = bundle.forecaster.context
    samples = assemble_features(lake, bundle.columns, [offset(session, n) for n in range(-context, 1)])
    if sees_listings(bundle.forecaster.kind):
        samples = with_static(lake, samples)
    today = samples.between(session, session)
    scores = bundle.predict(samples)[samples.rows - today.rows :]
    frame = predictions(today, scores, bundle, served, flag, run_id or f"{served.name}-v{served.version}-{session}")
    facts = {"model": served.name, "model_version": served.version, "mlflow_run": served.run_id}
    manifest = lake.publish("predictions", session, frame, facts=facts)
    metrics.count(settings.metrics, metrics.ROWS, frame.height, table="predictions")
    return {
        "session": session.isoformat(),
        "model": served.name,
        "version": served.version,
        "knew": served.knew.isoformat(),
        "flag": flag,
        "codes": today.rows,
        "rows": frame.height,
        "sha256": manifest.sha256,
    }


def predictions(  # noqa: PLR0913 - rows, their scores, and who says so
    today: Samples, scores: Float64s, bundle: Bundle, served: Registered, flag: str, run_id: str
) -> pl.DataFrame:
    """Return the rows of the `predictions` contract for one session's scores, `[codes, horizons]`.

    Quantiles and confidence are null where the bundle holds no intervals.
    """
    session = today.sessions[-1]
    thin = np.isnan(today.features).mean(axis=1) > 0.5  # noqa: PLR2004 - the half of `THIN`
    codes = pl.Series("code", today.codes.astype(str))
    expected = expected_returns(scores, today.bounds, bundle.slopes)
    quantiles, confidence = _intervals(bundle, today, expected)
    frames = (
        pl.DataFrame(
            {
                "code": codes,
                "score": scores[:, i],
                "expected_return": expected[:, i],
                **dict(zip(_QUANTILES, quantiles[:, i].T, strict=True)),
                "confidence": confidence[:, i],
                "flags": [_flags(flag, h in bundle.unproven, is_thin) for is_thin in thin],
            }
        )
        .sort("score", "code", descending=[True, False])
        .with_columns(
            pl.int_range(1, pl.len() + 1).alias("rank"),
            pl.lit(h).alias("horizon"),
            pl.lit(offset(session, 1 + h)).alias("target_session"),
        )
        for i, h in enumerate(HORIZONS)
    )
    return (
        pl.concat(frames)
        .select(
            "target_session",
            "horizon",
            "code",
            "score",
            "rank",
            "expected_return",
            pl.col(*_QUANTILES, "confidence").fill_nan(None),
            "flags",
            pl.lit(session).alias("session"),
            pl.lit(served.name).alias("model"),
            pl.lit(served.version).alias("model_version"),
            pl.lit(f"{bundle.columns.feature_set}-{bundle.columns.number}").alias("feature_set"),
            pl.lit(run_id).alias("run_id"),
            pl.lit(cutoff(session)).alias("predicted_at"),
        )
        .select(PREDICTIONS.schema.names())
    )


def _intervals(bundle: Bundle, today: Samples, expected: Float64s) -> tuple[Float64s, Float64s]:
    """Return quantiles `[codes, horizons, quantiles]` and confidence; NaN where the bundle holds no intervals."""
    if bundle.intervals:
        return bundle.intervals.of(today.features, expected)
    return np.full((*expected.shape, len(QUANTILES)), np.nan), np.full(expected.shape, np.nan)


def _flags(flag: str, is_unproven: bool, is_thin: bool) -> str:  # noqa: FBT001 - one row's values, no modes
    """Return a row's flags: those of the version, and what is said of the horizon and of the code."""
    said = [*flag.split(","), UNPROVEN if is_unproven else "", THIN if is_thin else ""]
    return ",".join(dict.fromkeys(word for word in said if word))
