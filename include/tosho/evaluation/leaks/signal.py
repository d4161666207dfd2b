"""How well each feature orders the returns that followed: one that does it too well has seen them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
import polars as pl

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import MIN_PAIRS, Float64s
from tosho.dataset.labels import LABEL_COLUMNS
from tosho.evaluation.significance import newey_west
from tosho.features.columns import KEY

ALARM = 0.2
"""Mean rank IC of one feature that is no skill: the best published models of daily returns stay below 0.08."""

CHANCE = 1e-6
"""Odds at which a mean of nothing may lie beyond the bound: thousands are looked at, and a short market wanders far."""

LABELS_AT_LEAST = 4
"""Labels one after the other, without overlap, that a mean must rest on."""


@dataclass(frozen=True)
class RankIC:
    """The mean rank IC of one feature with the returns of one horizon, over so many sessions, and the alarm's bound."""

    feature: str
    horizon: int
    value: float
    bound: float
    sessions: int

    @property
    def alarms(self) -> bool:
        """Whether it is beyond the bound; one that was not measured is not."""
        return abs(self.value) > self.bound

    def __str__(self) -> str:
        """Return it as a sentence."""
        return (
            f"Its rank IC with the returns of {self.horizon} sessions is {self.value:+.3f} over {self.sessions} "
            f"sessions; the bound is {self.bound:.3f}."
        )


def rank_ics(values: pl.DataFrame, labels: pl.DataFrame, names: Sequence[str], apart: int = 1) -> list[RankIC]:
    """Return what is measured of each feature and horizon; one that the sessions are too few for is left out.

    A value that all codes of a session share, as those of the market are, is compared through time with the mean
    return of the codes.

    Args:
        values: session, code and the features.
        labels: Rows of the `labels` contract.
        names: The features.
        apart: Sessions from one session of `values` to the next.
    """
    rows = values.select(*KEY, *names).join(labels, on=KEY, how="inner").sort(KEY)
    sessions = list(_by_session(rows, names))
    if not sessions:
        return []
    daily = np.stack([_correlations(x, y) for x, y in sessions])
    shared = _shared(sessions)
    found = []
    for at, name in enumerate(names):
        for place, horizon in enumerate(HORIZONS):
            if at in shared:
                found.append(_through_time(name, horizon, shared[at], sessions, place, apart))
            else:
                found.append(_within_sessions(name, horizon, daily[:, at, place], apart))
    return [one for one in found if np.isfinite(one.value)]


def alarms(measured: Sequence[RankIC]) -> Mapping[str, str]:
    """Return the features that order what follows too well, each with its strongest rank IC."""
    by_strength = sorted((one for one in measured if one.alarms), key=lambda one: -abs(one.value))
    found: dict[str, str] = {}
    for one in by_strength:
        found.setdefault(one.feature, str(one))
    return found


def ranked(values: Float64s) -> Float64s:
    """Return the rank of each value in its column, from 0, ties sharing their mean rank; NaN stays NaN.

    >>> ranked(np.array([[5.0], [1.0], [5.0], [np.nan]]))[:, 0].tolist()
    [1.5, 0.0, 1.5, nan]
    """
    order = np.argsort(values, axis=0, kind="stable")
    ascending = np.take_along_axis(values, order, axis=0)
    place = np.broadcast_to(np.arange(len(values))[:, None], values.shape)
    begins = np.ones(values.shape, bool)
    begins[1:] = ascending[1:] != ascending[:-1]
    first = np.maximum.accumulate(np.where(begins, place, 0), axis=0)
    ends = np.ones(values.shape, bool)
    ends[:-1] = begins[1:]
    last = np.minimum.accumulate(np.where(ends, place, len(values))[::-1], axis=0)[::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (first + last) / 2, axis=0)
    return np.where(np.isnan(values), np.nan, ranks)


def _by_session(rows: pl.DataFrame, names: Sequence[str]) -> Iterator[tuple[Float64s, Float64s]]:
    """Yield the values and the returns of one session after the other, `[codes, features]` and `[codes, horizons]`."""
    for part in rows.partition_by("session", maintain_order=True):
        yield _floats(part.select(names)), _floats(part.select(LABEL_COLUMNS))


def _floats(frame: pl.DataFrame) -> Float64s:
    numbers: Float64s = frame.with_columns(pl.all().cast(pl.Float64).fill_null(float("nan"))).to_numpy()
    return numbers


def _correlations(x: Float64s, y: Float64s) -> Float64s:
    """Return the rank correlations of a session, `[features, horizons]`, each over the codes that have both."""
    found = np.full((x.shape[1], y.shape[1]), np.nan)
    known, ranks = np.zeros(len(y), bool), x[:0]
    for place in range(y.shape[1]):
        if not np.array_equal(known, ~np.isnan(y[:, place])) or not place:
            known = ~np.isnan(y[:, place])
            ranks = ranked(x[known])
        whole = ~np.isnan(ranks).any(axis=0)
        returns = np.where(np.isnan(ranks), np.nan, y[known, place][:, None])
        returns[:, whole] = ranked(y[known, place][:, None])
        returns[:, ~whole] = ranked(returns[:, ~whole])
        found[:, place] = _pearson(ranks, returns)
    return found


def _pearson(a: Float64s, b: Float64s) -> Float64s:
    pairs = (~np.isnan(a)).sum(axis=0)
    enough = np.maximum(pairs, 1)
    a, b = (np.nan_to_num(x - np.nansum(x, axis=0) / enough) for x in (a, b))
    scale = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    known = (pairs >= MIN_PAIRS) & (scale > 0)
    result: Float64s = np.divide((a * b).sum(axis=0), scale, out=np.full(len(scale), np.nan), where=known)
    return result


def _within_sessions(name: str, horizon: int, daily: Float64s, apart: int) -> RankIC:
    estimate = newey_west(daily, ceil(horizon / apart) if apart <= horizon else 0)
    labels = estimate.sessions / max(horizon / apart, 1.0)
    if not (labels >= LABELS_AT_LEAST and np.isfinite(estimate.error)):
        return RankIC(name, horizon, float("nan"), float("nan"), estimate.sessions)
    return RankIC(name, horizon, estimate.mean, _bound(estimate.error, labels), estimate.sessions)


def _bound(error: float, labels: float) -> float:
    """Return the alarm's bound for a mean with this standard error, by Student's t."""
    from scipy.special import stdtrit  # noqa: PLC0415 - only where somebody asks; scipy.stats is slower by a second

    return max(ALARM, -float(stdtrit(labels - 1, CHANCE / 2)) * error)


def _shared(sessions: Sequence[tuple[Float64s, Float64s]]) -> dict[int, Float64s]:
    """Return, by the place of the features that never differ within a session, their values `[sessions]`."""
    lowest = np.stack([np.where(np.isnan(x), np.inf, x).min(axis=0) for x, _ in sessions])
    highest = np.stack([np.where(np.isnan(x), -np.inf, x).max(axis=0) for x, _ in sessions])
    known = np.isfinite(lowest)
    same = ((lowest == highest) | ~known).all(axis=0) & known.any(axis=0)
    return {int(at): np.where(known[:, at], lowest[:, at], np.nan) for at in np.flatnonzero(same)}


def _through_time(  # noqa: PLR0913 - one feature and horizon of all
    name: str,
    horizon: int,
    values: Float64s,
    sessions: Sequence[tuple[Float64s, Float64s]],
    place: int,
    apart: int,
) -> RankIC:
    returns = np.array([_mean(y[:, place]) for _, y in sessions])
    both = ~(np.isnan(values) | np.isnan(returns))
    labels = float(both.sum()) / max(horizon / apart, 1.0)
    if labels < LABELS_AT_LEAST:
        return RankIC(name, horizon, float("nan"), float("nan"), int(both.sum()))
    found = _pearson(ranked(values[both][:, None]), ranked(returns[both][:, None]))
    return RankIC(name, horizon, float(found[0]), _bound(1 / sqrt(labels), labels), int(both.sum()))


def _mean(returns: Float64s) -> float:
    known = returns[~np.isnan(returns)]
    return float(known.mean()) if known.size else float("nan")
