"""Ridge regression on features normalised within their session: what a straight line finds, in closed form."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import NamedTuple

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, Floats, rank_correlations, slices
from tosho.dataset.samples import Columns, Samples
from tosho.models.base import Fitted, Forecaster, NotFittableError, Progress

KIND = "linear"
_FILE = "weights.npz"
_LIMIT = 3.0  # standard deviations at which a normalised feature is held
_SAME = 1e-6  # of its mean: a feature that differs by less within the session is one value, rounded


@dataclass(frozen=True)
class Linear:
    """Settings: the penalties that are tried, each for a row of data; the best is that of the validation's rank IC.

    One matrix, `[features, features]`, is all that is kept of the rows: a session at a time is normalised, multiplied
    and added, so that memory does not grow with the history.
    """

    penalties: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)

    @property
    def kind(self) -> str:
        """The name of the models that it fits."""
        return KIND

    @property
    def parts(self) -> int:
        """How often one fit tells its progress: once a horizon."""
        return len(HORIZONS)

    def brief(self) -> Linear:
        """Return the same learner: a closed form has no smaller effort."""
        return self

    def settings(self) -> dict[str, object]:
        """Return every setting, by name."""
        return asdict(self)

    def fit(self, train: Samples, validation: Samples, progress: Progress) -> LinearForecaster:
        """Return, for each horizon, the weights whose mean daily rank IC on the validation sessions is highest.

        Raises:
            NotFittableError: A horizon has no labelled row in one of the spans.
        """
        sums = _sums(train)
        candidates = np.stack([[_solve(each, penalty) for penalty in self.penalties] for each in sums])
        found = _rank_ics(candidates, validation)  # [horizons, penalties]
        if np.isnan(found).all(axis=1).any():
            blank = HORIZONS[int(np.isnan(found).all(axis=1).argmax())]
            raise NotFittableError(
                f"Horizon {blank} has no session with enough labelled rows among the validation sessions "
                f"{validation.sessions[:1]}..{validation.sessions[-1:]}; no penalty could be chosen. Label them first."
            )
        best = np.nanargmax(found, axis=1)
        for i, at in enumerate(best):
            progress(f"horizon {HORIZONS[i]}: best rank IC {found[i, at]:.4f} with penalty {self.penalties[at]:g}")
        weights = np.stack([candidates[i, at] for i, at in enumerate(best)], axis=1)
        return LinearForecaster(train.columns, weights, np.array([self.penalties[at] for at in best]))

    def refit(self, samples: Samples, fitted: Sequence[Forecaster], progress: Progress) -> LinearForecaster:
        """Return weights on all samples, with the median of the penalties that the fitted ones chose for a horizon.

        Raises:
            NotFittableError: A horizon has no labelled row, or no fitted model was given.
        """
        chosen = [model.penalties for model in fitted if isinstance(model, LinearForecaster)]
        if not chosen:
            raise NotFittableError("A final model takes its penalties from the folds' models, and none was given.")
        penalties = [median(float(each[i]) for each in chosen) for i in range(len(HORIZONS))]
        weights = [_solve(each, penalty) for each, penalty in zip(_sums(samples), penalties, strict=True)]
        for horizon, penalty in zip(HORIZONS, penalties, strict=True):
            progress(f"final, horizon {horizon}: penalty {penalty:g}")
        return LinearForecaster(samples.columns, np.stack(weights, axis=1), np.array(penalties))


class LinearForecaster:
    """Fitted weights, `[features, horizons]`, and the penalties they were fitted with, `[horizons]`."""

    def __init__(self, columns: Columns, weights: Float64s, penalties: Float64s) -> None:
        self._columns, self.weights, self.penalties = columns, weights, penalties

    @property
    def kind(self) -> str:
        """The name under which its bundle is read back."""
        return KIND

    @property
    def columns(self) -> Columns:
        """The features that it was fitted on."""
        return self._columns

    @property
    def context(self) -> int:
        """No earlier session is needed."""
        return 0

    @property
    def scalers(self) -> Mapping[str, Fitted]:
        """None: features are normalised within their session, and the penalties are part of the weights."""
        return {}

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version decides what it predicts."""
        return ("numpy",)

    def predict(self, samples: Samples) -> Float64s:
        """Return scores, `[rows, horizons]`, in standard deviations of the session's returns.

        A row is compared with its session: all codes of a session must be given, as they were in training.

        Raises:
            ColumnsError: The samples have other columns than the model was fitted on.
        """
        self._columns.demand(samples.columns, "The samples to predict on")
        scores = np.zeros((samples.rows, len(HORIZONS)))
        for rows, x in _normalised(samples):
            scores[rows] = x @ self.weights
        return scores

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of the absolute weights, averaged over horizons; shares sum to 1."""
        size = np.abs(self.weights)
        shares = (size / np.maximum(size.sum(axis=0), 1e-300)).mean(axis=1)
        return dict(zip(self._columns.names, shares.tolist(), strict=True))

    def to_files(self) -> dict[str, bytes]:
        """Return weights and penalties as one file."""
        buffer = io.BytesIO()
        np.savez(buffer, weights=self.weights, penalties=self.penalties)
        return {_FILE: buffer.getvalue()}

    @classmethod
    def from_files(cls, columns: Columns, files: Mapping[str, bytes]) -> LinearForecaster:
        """Return the model that `to_files` gave."""
        with np.load(io.BytesIO(files[_FILE])) as kept:
            return cls(columns, kept["weights"], kept["penalties"])


def normalise(features: Floats) -> Float64s:
    """Return a session's features `[rows, features]` in deviations from its mean, held within 3; a null is the mean.

    A feature that is the same for all codes is zero throughout: it orders nothing within the session.
    """
    x = features.astype(np.float64)
    known = np.isfinite(x)
    x[~known] = 0.0
    rows = np.maximum(known.sum(axis=0), 1)
    mean = x.sum(axis=0) / rows
    x -= mean
    x[~known] = 0.0
    spread = np.sqrt((x * x).sum(axis=0) / rows)
    differs = spread > _SAME * np.abs(mean)
    x *= np.where(differs, 1 / np.where(differs, spread, 1.0), 0.0)
    return np.clip(x, -_LIMIT, _LIMIT, out=x)


class _Sums(NamedTuple):
    """What a regression needs to know of its rows: X'X, X'y and how many there are."""

    gram: Float64s
    cross: Float64s
    rows: int


def _normalised(samples: Samples) -> Iterator[tuple[slice, Float64s]]:
    for rows in slices(samples.bounds):
        if rows.start < rows.stop:
            yield rows, normalise(samples.features[rows])


def _sums(samples: Samples) -> list[_Sums]:
    """Return the sums of each horizon. Rows with every label are multiplied once, for all of them."""
    wide, deep = len(samples.columns.names), len(HORIZONS)
    targets = np.stack([samples.target(i) for i in range(deep)], axis=1)
    known = np.isfinite(targets)
    shared, own, cross = np.zeros((wide, wide)), np.zeros((deep, wide, wide)), np.zeros((wide, deep))
    for rows, x in _normalised(samples):
        there = known[rows]
        whole = there.all(axis=1)
        labelled = x[whole]
        shared += labelled.T @ labelled  # of one array: half the work, and symmetric to the last bit
        cross += x.T @ np.where(there, targets[rows], 0.0)
        for i in range(deep):
            some = x[there[:, i] & ~whole]
            if len(some):
                own[i] += some.T @ some
    counts = known.sum(axis=0)
    if not counts.all():
        raise NotFittableError(
            f"Horizon {HORIZONS[int(counts.argmin())]} has no labelled row between {samples.sessions[0]} and "
            f"{samples.sessions[-1]}; there is nothing to fit. Label the sessions first."
        )
    return [_Sums(shared + own[i], cross[:, i], int(counts[i])) for i in range(deep)]


def _solve(sums: _Sums, penalty: float) -> Float64s:
    """Return the ridge weights, `[features]`; a feature that never differs has none."""
    alive = np.diag(sums.gram) > 0
    gram = sums.gram[np.ix_(alive, alive)] + penalty * sums.rows * np.eye(int(alive.sum()))
    weights = np.zeros(len(alive))
    weights[alive] = np.linalg.solve(gram, sums.cross[alive])
    return weights


def _rank_ics(candidates: Float64s, validation: Samples) -> Float64s:
    """Return the mean daily rank IC of candidates `[horizons, penalties, features]`, `[horizons, penalties]`."""
    deep, tried, wide = candidates.shape
    flat = candidates.reshape(deep * tried, wide).T
    scores = np.zeros((validation.rows, deep * tried), dtype=np.float32)
    for rows, x in _normalised(validation):
        scores[rows] = x @ flat
    daily = [
        rank_correlations(scores[:, i * tried + at], validation.returns[:, i], validation.bounds)
        for i in range(deep)
        for at in range(tried)
    ]
    known = [values[np.isfinite(values)] for values in daily]
    means = [float(values.mean()) if values.size else np.nan for values in known]
    return np.array(means).reshape(deep, tried)
