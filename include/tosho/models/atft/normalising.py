"""Features as the network wants them: compared within the session, or through time if a session has one value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tosho.dataset.cross_section import slices
from tosho.dataset.samples import Samples
from tosho.models.base import Fitted

LIMIT = 3.0
"""Standard deviations at which features are held."""

Float32s = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Scaler:
    """How features become network input. Fitted on training sessions alone.

    A feature that differs within a session becomes its distance from the session's mean in standard deviations. One
    that is the same for all codes (the market's return, a weekday) has no such distance and takes its mean and
    deviation from the training sessions.

    Args:
        mean: `[features]` float64 over the training sessions; NaN for a feature that is compared within the session.
        deviation: `[features]`, likewise.
        sessions: First and last of the training sessions.
    """

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]
    sessions: Fitted

    @classmethod
    def fitted(cls, samples: Samples) -> Scaler:
        """Return the scaler of these sessions."""
        spread, values = [], []
        for rows in slices(samples.bounds):
            mean, deviation = _moments(samples.features[rows])
            spread.append(deviation)
            values.append(mean)
        common = ~(np.nan_to_num(np.array(spread)) > 0).any(axis=0)
        mean, deviation = _moments(np.array(values))
        sessions = Fitted(samples.sessions[0], samples.sessions[-1])
        return cls(np.where(common, mean, np.nan), np.where(common, deviation, np.nan), sessions)

    def apply(self, features: Float32s) -> Float32s:
        """Return one session's features, `[codes, features]`, within `LIMIT`; 0 where null or nothing differs."""
        mean, deviation = _moments(features)
        mean = np.where(np.isnan(self.mean), mean, self.mean)
        deviation = np.where(np.isnan(self.deviation), deviation, self.deviation)
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        scaled = (features - mean) * np.where(np.isfinite(scale), scale, 0.0)
        return np.clip(np.nan_to_num(scaled, nan=0.0), -LIMIT, LIMIT).astype(np.float32)


def _moments(values: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return each column's mean and deviation over its known rows; NaN where none is, and exactly 0 for a constant."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    wide = np.where(known, values, 0.0).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = wide.sum(axis=0) / count
        variance = (np.where(known, wide - mean, 0.0) ** 2).sum(axis=0) / count
    alike = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf) == np.where(known, values, np.inf).min(
        axis=0, initial=np.inf
    )
    return mean, np.where(alike, 0.0, np.sqrt(variance))
