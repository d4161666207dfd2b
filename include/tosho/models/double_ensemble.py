"""DoubleEnsemble: boosted sub-models, each on other weights of the rows and another choice of the features.

Zhang, Li, Ma and Zhang, "DoubleEnsemble: A New Ensemble Method Based on Sample Reweighting and Feature Selection for
Financial Data Analysis" (ICDM 2020, arXiv 2010.01265); the formulas as in the authors' code in Qlib. A row weighs more
whose error is large and fell while the last sub-model learned: it is hard, and there is something to learn from it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from statistics import median

import numpy as np
import numpy.typing as npt

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, Floats, average_ranks
from tosho.dataset.samples import Columns, Samples
from tosho.models.base import Fitted, Forecaster, NotFittableError, Progress
from tosho.models.boosting import Binned, Watch, boost, boost_watched, every, lightgbm, side_by_side
from tosho.models.lightgbm import LightGBM, TreeForecaster, texts_of

KIND = "double_ensemble"
_FILE = "double_ensemble.json"
_ENDS = 0.1  # share of the rounds that are the beginning of a loss curve, and the end
Chosen = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DoubleEnsemble:
    """Settings. The first sub-model is plain LightGBM; the score is the mean over sub-models.

    Args:
        base: How a sub-model is fitted.
        sub_models: How many there are of a horizon.
        by_loss: What a row's present error counts in its weight.
        by_curve: What the fall of its error during the last fit counts.
        decay: How much less uneven the weights become with each sub-model.
        weight_bins: Rows are weighted by bin, in so many bins of equal width.
        kept: Share of the features that is kept of each bin, the bin of the most useful ones first.
        judged_rows: Rows on which features are shuffled to see what they are good for.
    """

    base: LightGBM = field(default_factory=lambda: LightGBM(rounds=60, patience=20, learning_rate=0.08))
    sub_models: int = 3
    by_loss: float = 1.0
    by_curve: float = 1.0
    decay: float = 0.5
    weight_bins: int = 10
    kept: tuple[float, ...] = (0.8, 0.7, 0.6, 0.5, 0.4)
    judged_rows: int = 20_000

    @property
    def kind(self) -> str:
        """The name of the models that it fits."""
        return KIND

    @property
    def parts(self) -> int:
        """How often one fit tells its progress: once a sub-model."""
        return len(HORIZONS) * self.sub_models

    def brief(self) -> DoubleEnsemble:
        """Return the same learner with little effort, for tests that need no good model."""
        return replace(self, base=self.base.brief(), sub_models=min(2, self.sub_models), judged_rows=2_000)

    def settings(self) -> dict[str, object]:
        """Return every setting, by name."""
        own = {name: value for name, value in asdict(self).items() if name != "base"}
        return own | {f"base_{name}": value for name, value in self.base.settings().items()}

    def fit(self, train: Samples, validation: Samples, progress: Progress) -> DoubleForecaster:
        """Return sub-models, each stopped where its mean daily rank IC on the validation sessions was highest.

        Raises:
            NotFittableError: A horizon has no labelled row in one of the spans.
        """
        few = self._few(train)
        table = Binned(few, self.base.binning())
        watched = every(validation, self.base.max_validation_sessions)
        chains = [
            _Chain(self, few, i, table.for_horizon(i), Watch.over(watched, i, table), ()) for i in range(len(HORIZONS))
        ]
        texts = side_by_side(lambda c, s: c.run(progress, s), chains, self.base.workers)
        return DoubleForecaster(train.columns, texts, Fitted(train.sessions[0], train.sessions[-1]))

    def refit(self, samples: Samples, fitted: Sequence[Forecaster], progress: Progress) -> DoubleForecaster:
        """Return sub-models on all samples, with the median of the rounds that the fitted ones took for each.

        Raises:
            NotFittableError: A horizon has no labelled row, or no fitted model was given.
        """
        taken = [model.rounds for model in fitted if isinstance(model, DoubleForecaster)]
        if not taken:
            raise NotFittableError("A final model takes its rounds from the folds' models, and none was given.")
        few = self._few(samples)
        table = Binned(few, self.base.binning())
        chains = []
        for i in range(len(HORIZONS)):
            rounds = tuple(max(1, round(median(of_k))) for of_k in zip(*(each[i] for each in taken), strict=True))
            chains.append(_Chain(self, few, i, table.for_horizon(i), None, rounds))
        texts = side_by_side(lambda c, s: c.run(progress, s), chains, self.base.workers)
        return DoubleForecaster(samples.columns, texts, Fitted(samples.sessions[0], samples.sessions[-1]))

    def _few(self, samples: Samples) -> Samples:
        return samples.thinned(self.base.max_rows, seed=self.base.seeds[0])


class DoubleForecaster(TreeForecaster):
    """Fitted sub-models of each horizon, whose mean is the score, and the sessions their features were chosen on."""

    def __init__(self, columns: Columns, texts: Sequence[Sequence[str]], chosen_on: Fitted) -> None:
        super().__init__(columns, texts)
        self._chosen_on = chosen_on

    @property
    def kind(self) -> str:
        """The name under which its bundle is read back."""
        return KIND

    @property
    def scalers(self) -> Mapping[str, Fitted]:
        """The choice of features, which is made on the rows that the sub-models are fitted on."""
        return {"features of the sub-models": self._chosen_on}

    def to_files(self) -> dict[str, bytes]:
        """Return one text a sub-model, and the sessions that features were chosen on."""
        days = [day.isoformat() for day in self._chosen_on]
        return super().to_files() | {_FILE: (json.dumps({"chosen_on": days}) + "\n").encode()}

    @classmethod
    def from_files(cls, columns: Columns, files: Mapping[str, bytes]) -> DoubleForecaster:
        """Return the model that `to_files` gave."""
        first, last = map(date.fromisoformat, json.loads(files[_FILE])["chosen_on"])
        return cls(columns, texts_of(files), Fitted(first, last))


@dataclass(frozen=True)
class _Chain:
    """The sub-models of one horizon, one after the other: each needs what the ones before it still get wrong."""

    learner: DoubleEnsemble
    samples: Samples
    i: int
    data: lightgbm.Dataset
    watch: Watch | None
    rounds: tuple[int, ...]

    def run(self, progress: Progress, stop: threading.Event) -> list[str]:
        """Return the text of each sub-model."""
        target = self.samples.target(self.i)
        rows = np.flatnonzero(np.isfinite(target))
        target, features = target[rows], np.arange(len(self.samples.columns.names))
        texts, boosters, total = [], [], np.zeros(rows.size)
        for k in range(self.learner.sub_models):
            text, said = self._one(k, features, stop)
            progress(f"{'' if self.watch else 'final, '}horizon {HORIZONS[self.i]}, sub-model {k + 1}: {said}")
            texts.append(text)
            if k + 1 == self.learner.sub_models:
                break
            boosters.append(lightgbm.Booster(model_str=text))
            curve = _LossCurve.of(boosters[-1], self.samples.features, rows, target)
            total += curve.prediction
            loss = (total / (k + 1) - target) ** 2
            self.data.set_weight(weights(self.learner, loss, curve, k + 1))
            features = self._selected(boosters, rows, target, k)
        return texts

    def _one(self, k: int, features: Chosen, stop: threading.Event) -> tuple[str, str]:
        base = self.learner.base
        allowed = np.zeros(len(self.samples.columns.names))
        allowed[features] = 1.0  # the gain of a split on any other feature is multiplied by nought
        share = min(1.0, base.feature_fraction * allowed.size / features.size)
        more = {"feature_contri": allowed.tolist(), "feature_fraction": share}
        booster = base.booster(self.data, base.seeds[0] + k, **more)
        if self.watch is None:
            return boost(booster, self.rounds[k], stop), f"{self.rounds[k]} rounds"
        text, rounds, best = boost_watched(booster, self.watch, base.rounds, base.check_every, base.patience, stop)
        return text, f"best rank IC {best:.4f} after {rounds} rounds on {features.size} features"

    def _selected(self, boosters: Sequence[lightgbm.Booster], rows: Chosen, target: Float64s, k: int) -> Chosen:
        """Return the features of the next sub-model, by what shuffling each does to the error of those so far."""
        rng = np.random.default_rng([self.learner.base.seeds[0], self.i, k])
        some = np.sort(rng.choice(rows.size, min(rows.size, self.learner.judged_rows), replace=False))
        use = uses(boosters, self.samples.features[rows[some]], target[some], rng)
        return select(use, self.learner.kept, rng)


@dataclass(frozen=True)
class _LossCurve:
    """A sub-model's predictions, and each row's mean place among all errors early and late in its fit, in (0, 1]."""

    prediction: Float64s
    begin: Float64s
    end: Float64s

    @classmethod
    def of(cls, booster: lightgbm.Booster, features: Floats, rows: Chosen, target: Float64s) -> _LossCurve:
        rounds = booster.num_trees()
        part = max(1, int(rounds * _ENDS))
        now, places, done = np.zeros(rows.size), {}, 0
        for at in sorted({*range(1, part + 1), *range(rounds - part + 1, rounds + 1)}):
            step = booster.predict(features, start_iteration=done, num_iteration=at - done, num_threads=1)
            now = now + np.asarray(step, dtype=np.float64)[rows]
            places[at], done = _places((now - target) ** 2), at
        begin = np.mean([places[at] for at in range(1, part + 1)], axis=0)
        return cls(now, begin, np.mean([places[at] for at in range(rounds - part + 1, rounds + 1)], axis=0))


def weights(learner: DoubleEnsemble, loss: Float64s, curve: _LossCurve, k: int) -> Float64s:
    """Return the rows' weights for the sub-model after the k-th, `[rows]`; their mean is 1."""
    value = learner.by_loss * _places(-loss) + learner.by_curve * _places(curve.end / curve.begin)
    edges = np.linspace(value.min(), value.max(), learner.weight_bins + 1)
    bins = np.clip(np.searchsorted(edges, value, side="left") - 1, 0, learner.weight_bins - 1)
    counts = np.bincount(bins, minlength=learner.weight_bins)
    mean = np.bincount(bins, weights=value, minlength=learner.weight_bins) / np.maximum(counts, 1)
    found = (1.0 / (learner.decay**k * mean + 0.1))[bins]
    return np.asarray(found / found.mean(), dtype=np.float64)


def uses(
    boosters: Sequence[lightgbm.Booster], features: Floats, target: Float64s, rng: np.random.Generator
) -> Float64s:
    """Return by how many deviations the error grows where a feature is shuffled, `[features]`; 0 where none splits."""

    def loss() -> Float64s:
        found = np.mean([booster.predict(features, num_threads=1) for booster in boosters], axis=0)
        return np.asarray((found - target) ** 2, dtype=np.float64)

    before, use = loss(), np.zeros(features.shape[1])
    splits = np.sum([booster.feature_importance("split") for booster in boosters], axis=0)
    for at in np.flatnonzero(splits):
        kept = features[:, at].copy()
        features[:, at] = rng.permutation(kept)
        grown = loss() - before
        features[:, at] = kept
        use[at] = grown.mean() / (grown.std() + 1e-7)
    return use


def select(use: Float64s, kept: Sequence[float], rng: np.random.Generator) -> Chosen:
    """Return the chosen features, in order: of each bin of use a share, drawn at random, the most useful bin first."""
    edges = np.linspace(use.min(), use.max(), len(kept) + 1)
    bins = np.clip(np.searchsorted(edges, use, side="left") - 1, 0, len(kept) - 1)
    drawn = []
    for share, at in zip(kept, reversed(range(len(kept))), strict=True):
        members = np.flatnonzero(bins == at)
        drawn.append(rng.choice(members, int(np.ceil(share * members.size)), replace=False))
    return np.sort(np.concatenate(drawn))


def _places(values: Float64s) -> Float64s:
    """Return each value's rank as a share, in (0, 1]."""
    return np.asarray((average_ranks(values) + 1) / values.size, dtype=np.float64)
