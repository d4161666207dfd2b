"""The baseline that must be beaten: gradient-boosted trees, one ensemble of seeds a horizon."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Columns, Samples
from tosho.models.base import Fitted, Forecaster, NotFittableError, Progress
from tosho.models.boosting import Binned, Watch, boost, boost_watched, by_horizon, every, lightgbm, side_by_side

KIND = "lightgbm"


@dataclass(frozen=True)
class LightGBM:
    """Settings. With the defaults, 4,000 codes x 450 sessions x 160 features take 125 s of processor in all folds.

    Boosters are fitted side by side, each on one thread: on shared cores a booster on several threads waits
    for itself most of the time.
    """

    rounds: int = 100
    patience: int = 30
    check_every: int = 10
    learning_rate: float = 0.04
    leaves: int = 12
    min_rows_in_leaf: int = 1000
    l2: float = 1000.0
    max_bin: int = 63
    feature_fraction: float = 0.3
    bagging_fraction: float = 0.3
    bagging_every: int = 1
    max_rows: int = 400_000
    max_validation_sessions: int = 40
    seeds: tuple[int, ...] = (1,)
    workers: int = 2

    @property
    def kind(self) -> str:
        """The name of the models that it fits."""
        return KIND

    @property
    def parts(self) -> int:
        """How often one fit tells its progress: once a booster."""
        return len(HORIZONS) * len(self.seeds)

    def brief(self) -> LightGBM:
        """Return the same learner with little effort, for tests that need no good model."""
        return replace(self, rounds=20, learning_rate=0.3, max_rows=100_000, seeds=self.seeds[:1])

    def settings(self) -> dict[str, object]:
        """Return every setting, by name."""
        return asdict(self)

    def fit(self, train: Samples, validation: Samples, progress: Progress) -> TreeForecaster:
        """Return boosters stopped where the mean daily rank IC of the validation sessions was highest.

        Raises:
            NotFittableError: A horizon has no labelled row in one of the spans.
        """
        table = Binned(train.thinned(self.max_rows, seed=self.seeds[0]), self.binning())
        watched = every(validation, self.max_validation_sessions)
        jobs = [
            (f"horizon {h}, seed {seed}", table.for_horizon(i), Watch.over(watched, i, table), seed)
            for i, h in enumerate(HORIZONS)
            for seed in self.seeds
        ]

        def one(job: tuple[str, lightgbm.Dataset, Watch, int], stop: threading.Event) -> str:
            name, data, watch, seed = job
            booster = self.booster(data, seed)
            text, rounds, best = boost_watched(booster, watch, self.rounds, self.check_every, self.patience, stop)
            progress(f"{name}: best rank IC {best:.4f} after {rounds} rounds")
            return text

        return TreeForecaster(train.columns, by_horizon(side_by_side(one, jobs, self.workers), len(self.seeds)))

    def refit(self, samples: Samples, fitted: Sequence[Forecaster], progress: Progress) -> TreeForecaster:
        """Return boosters on all samples, with the median of the rounds that the fitted ones took for a horizon.

        Raises:
            NotFittableError: A horizon has no labelled row.
        """
        table = Binned(samples.thinned(self.max_rows, seed=self.seeds[0]), self.binning())
        rounds = _median_rounds(fitted)
        jobs = [(i, table.for_horizon(i), seed) for i in range(len(HORIZONS)) for seed in self.seeds]

        def one(job: tuple[int, lightgbm.Dataset, int], stop: threading.Event) -> str:
            i, data, seed = job
            text = boost(self.booster(data, seed), rounds[i], stop)
            progress(f"final, horizon {HORIZONS[i]}, seed {seed}: {rounds[i]} rounds")
            return text

        return TreeForecaster(samples.columns, by_horizon(side_by_side(one, jobs, self.workers), len(self.seeds)))

    def parameters(self, seed: int, rows: int) -> dict[str, object]:
        """Return LightGBM's own parameters: the same data and seed give the same text.

        Leaf size and l2 are those of the settings for 100 leaves' worth of rows or more, and shrink with fewer.
        """
        shrink = min(1.0, rows / (100 * self.min_rows_in_leaf))
        return {
            "objective": "regression",
            "metric": "None",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(1, round(self.min_rows_in_leaf * shrink)),
            "lambda_l2": self.l2 * shrink,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": self.bagging_every,
            "seed": seed,
            "deterministic": True,
            "num_threads": 1,
            "verbosity": -1,
            **self.binning(),
        }

    def binning(self) -> dict[str, object]:
        """Return the parameters that shape the binned table, shared by all boosters on it."""
        return {
            "max_bin": self.max_bin,
            "feature_pre_filter": False,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }

    def booster(self, data: lightgbm.Dataset, seed: int, **more: object) -> lightgbm.Booster:
        """Return a booster without a tree yet, with parameters beside those of the settings."""
        return lightgbm.Booster(self.parameters(seed, data.num_data()) | more, data)


class TreeForecaster:
    """Fitted trees; `texts[i]` are the boosters of horizon i, one a seed, whose mean is the score."""

    def __init__(self, columns: Columns, texts: Sequence[Sequence[str]]) -> None:
        self._columns = columns
        self._texts = tuple(tuple(seeds) for seeds in texts)
        self._boosters = [[lightgbm.Booster(model_str=text) for text in seeds] for seeds in self._texts]

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
        """No earlier session is needed: a row says all."""
        return 0

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version decides what it predicts."""
        return ("lightgbm", "numpy")

    @property
    def scalers(self) -> Mapping[str, Fitted]:
        """None: trees split features as they are, and the edges of their bins are part of the weights."""
        return {}

    @property
    def rounds(self) -> tuple[tuple[int, ...], ...]:
        """Boosting rounds, by horizon and seed."""
        return tuple(tuple(booster.num_trees() for booster in seeds) for seeds in self._boosters)

    def predict(self, samples: Samples) -> Float64s:
        """Return scores, `[rows, horizons]`, in standard deviations of the session's returns.

        Raises:
            ColumnsError: The samples have other columns than the model was fitted on.
        """
        self._columns.demand(samples.columns, "The samples to predict on")
        jobs = [booster for seeds in self._boosters for booster in seeds]

        def one(booster: lightgbm.Booster, _: threading.Event) -> Float64s:
            return np.asarray(booster.predict(samples.features, num_threads=1), dtype=np.float64)

        scores = side_by_side(one, jobs, workers=2)
        return np.stack([np.mean(seeds, axis=0) for seeds in by_horizon(scores, len(self._boosters[0]))], axis=1)

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share of the gain, averaged over horizons; shares sum to 1."""
        gains = [b.feature_importance("gain") for seeds in self._boosters for b in seeds]
        shares = np.mean([gain / max(gain.sum(), 1e-12) for gain in gains], axis=0)
        return dict(zip(self._columns.names, shares.tolist(), strict=True))

    def to_files(self) -> dict[str, bytes]:
        """Return one text a booster."""
        return {
            f"horizon_{h:02d}_seed_{i}.txt": text.encode()
            for h, seeds in zip(HORIZONS, self._texts, strict=True)
            for i, text in enumerate(seeds)
        }

    @classmethod
    def from_files(cls, columns: Columns, files: Mapping[str, bytes]) -> TreeForecaster:
        """Return the model that `to_files` gave."""
        return cls(columns, texts_of(files))


def texts_of(files: Mapping[str, bytes]) -> list[list[str]]:
    """Return the boosters of each horizon that `to_files` wrote, in order."""
    by_horizon = [[n for n in sorted(files) if n.startswith(f"horizon_{h:02d}_")] for h in HORIZONS]
    return [[files[name].decode() for name in names] for names in by_horizon]


def _median_rounds(fitted: Sequence[Forecaster]) -> list[int]:
    rounds = [model.rounds for model in fitted if isinstance(model, TreeForecaster)]
    if not rounds:
        raise NotFittableError("A final model takes its rounds from the folds' models, and none was given.")
    return [max(1, round(median(n for model in rounds for n in model[i]))) for i in range(len(HORIZONS))]
