"""What boosted models share: the binned table, the watch over the validation, threads. LightGBM's door."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Bounds, Float64s, average_ranks, bounds_of, slices
from tosho.dataset.samples import Samples
from tosho.models.base import NotFittableError
from tosho.models.without import without

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # OpenMP reads it when it is loaded, by the next line
with without("sklearn", "dask", "matplotlib", "graphviz"):  # its other faces, unused: two thirds of its import
    import lightgbm

__all__ = ["Binned", "Watch", "boost", "boost_watched", "by_horizon", "every", "lightgbm", "side_by_side", "unit_ranks"]

T = TypeVar("T")


class Binned:
    """A span's features in bins, made once and shared by all horizons."""

    def __init__(self, samples: Samples, binning: Mapping[str, object]) -> None:
        names = [f"f{i}" for i in range(len(samples.columns.names))]
        # training targets are made from the thinned rows: an even draw has the moments of the whole session
        self.binning = dict(binning)
        self.targets = [samples.target(i) for i in range(len(HORIZONS))]
        self.span = f"{samples.sessions[0]} and {samples.sessions[-1]}"
        self.whole = lightgbm.Dataset(
            samples.features,
            label=np.zeros(samples.rows, dtype=np.float32),
            feature_name=names,
            params=self.binning,
            free_raw_data=True,
        ).construct()

    def for_horizon(self, i: int) -> lightgbm.Dataset:
        """Return the rows that have a label of horizon i, with their targets.

        Raises:
            NotFittableError: There is none.
        """
        target = self.targets[i]
        rows = np.flatnonzero(np.isfinite(target))
        if rows.size == 0:
            raise NotFittableError(
                f"Horizon {HORIZONS[i]} has no labelled row between {self.span}; there is nothing to fit. "
                "Label the sessions first."
            )
        return self.whole.subset(rows).construct().set_label(target[rows])


@dataclass(frozen=True)
class Watch:
    """Mean daily rank IC over the validation sessions, in the form that LightGBM calls."""

    data: lightgbm.Dataset
    ranks: Float64s  # of the labels, centred and of unit length within the session
    bounds: Bounds

    @classmethod
    def over(cls, samples: Samples, i: int, table: Binned) -> Watch:
        """Return the watch over horizon i of the validation sessions.

        Raises:
            NotFittableError: None of their rows has its label.
        """
        kept = np.isfinite(samples.returns[:, i])
        labels, bounds = samples.returns[kept, i], bounds_of(kept, samples.bounds)
        if labels.size == 0:
            raise NotFittableError(
                f"Horizon {HORIZONS[i]} has no labelled row in the validation sessions {samples.sessions[:1]}.."
                f"{samples.sessions[-1:]}; training could not be stopped. Label the sessions first."
            )
        data = table.whole.create_valid(samples.features[kept], label=labels, params=table.binning).construct()
        return cls(data, unit_ranks(labels, bounds), bounds)

    def __call__(self, predictions: npt.NDArray[np.float64], _: lightgbm.Dataset) -> tuple[str, float, bool]:
        """Return name and value of the measure, and that more of it is better."""
        daily = unit_ranks(predictions, self.bounds) * self.ranks
        sessions = np.count_nonzero(np.diff(self.bounds))
        return "rank_ic", float(daily.sum() / sessions), True


def boost_watched(  # noqa: PLR0913 - one number each
    booster: lightgbm.Booster, watch: Watch, rounds: int, check_every: int, patience: int, stop: threading.Event
) -> tuple[str, int, float]:
    """Return the booster's text up to its best round, that round, and the rank IC it had there."""
    booster.add_valid(watch.data, "validation")
    best, best_round = -np.inf, 0
    for done in range(1, rounds + 1):
        go_on_unless(stop)
        booster.update()
        if done % check_every == 0 or done == rounds:
            value = booster.eval_valid(watch)[0][2]
            if value > best:
                best, best_round = value, done
            if done - best_round >= patience:
                break
    return booster.model_to_string(num_iteration=best_round), best_round, best


def boost(booster: lightgbm.Booster, rounds: int, stop: threading.Event) -> str:
    """Return the booster's text after so many rounds."""
    for _ in range(rounds):
        go_on_unless(stop)
        booster.update()
    return str(booster.model_to_string())


def unit_ranks(values: npt.NDArray[np.floating[Any]], bounds: Bounds) -> Float64s:
    """Return ranks within the session, centred and of unit length: their product is the rank IC."""
    out = np.zeros(values.size)
    for rows in slices(bounds):
        ranks = average_ranks(values[rows])
        ranks -= ranks.mean() if ranks.size else 0.0
        length = np.sqrt(ranks @ ranks)
        out[rows] = ranks / length if length > 0 else 0.0
    return out


def every(samples: Samples, most: int) -> Samples:
    """Return the rows of at most so many sessions, evenly spread."""
    stride = -(-len(samples.sessions) // most)
    kept = np.zeros(samples.rows, dtype=bool)
    for i, rows in enumerate(slices(samples.bounds)):
        kept[rows] = i % stride == 0
    return samples if stride == 1 else samples.where(kept)


def by_horizon(flat: Sequence[T], seeds: int) -> list[list[T]]:
    """Return a flat list of so many of each horizon as a list a horizon."""
    return [list(flat[at : at + seeds]) for at in range(0, len(flat), seeds)]


def side_by_side(one: Callable[[Any, threading.Event], T], jobs: Sequence[Any], workers: int) -> list[T]:
    """Run a job in each of `workers` threads; an error or a signal in one place stops them all."""
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(one, job, stop) for job in jobs]
        try:
            return [future.result() for future in running]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def go_on_unless(stop: threading.Event) -> None:
    """Do nothing while nobody has stopped the fit.

    Raises:
        InterruptedError: Somebody has.
    """
    if stop.is_set():
        raise InterruptedError("Fitting was stopped before its end; no model was kept.")
