"""The plots of a training run's report: rank IC, returns by quantile, importance, folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes  # noqa: TID253 - through `drawing`, matplotlib's door, which this module needs
from matplotlib.dates import date2num  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.splits import Fold
from tosho.evaluation.drawing import BOUND, INK, canvas, in_time, line, panels, style, svg
from tosho.evaluation.ic import DailyIC
from tosho.evaluation.significance import newey_west

COLOURS = dict(zip(HORIZONS, ("#2563eb", "#0d9488", "#d97706", "#9333ea"), strict=True))
_ROLLING = 20


def rank_ic_over_time(daily: DailyIC) -> str:
    """Return each horizon's rank IC as a rolling mean of 20 sessions."""
    with style():
        figure, axes = canvas(9.2, 3.2)
        _lines(axes, daily, [_rolling(rank) for rank in daily.rank.T])
        axes.set_ylabel(f"rank IC, mean of {_ROLLING} sessions")
        return svg(figure)


def cumulative_rank_ic(daily: DailyIC) -> str:
    """Return each horizon's rank IC added up: a straight rise is a steady signal."""
    with style():
        figure, axes = canvas(9.2, 3.2)
        _lines(axes, daily, [np.nancumsum(rank) for rank in daily.rank.T])
        axes.set_ylabel("sum of daily rank IC")
        return svg(figure)


def by_horizon(daily: DailyIC, attainable: Mapping[int, float]) -> str:
    """Return mean rank IC by horizon with two standard errors, beside the attainable one where that is known."""
    with style():
        figure, axes = canvas(4.5, 3.2)
        found = [newey_west(daily.rank[:, i], h) for i, h in enumerate(HORIZONS)]
        places = np.arange(len(HORIZONS))
        shift, width = (0.2, 0.38) if attainable else (0.0, 0.6)
        colours = [COLOURS[h] for h in HORIZONS]
        errors = [2 * e.error if np.isfinite(e.error) else 0.0 for e in found]
        axes.bar(places - shift, [e.mean for e in found], width, yerr=errors, color=colours, ecolor=INK, capsize=3)
        if attainable:
            heights = [attainable[h] for h in HORIZONS]
            axes.bar(places + shift, heights, width, color="#f1f5f9", edgecolor=BOUND, label="attainable")
            axes.legend(loc="best")
        axes.set_xticks(places, [f"{h}" for h in HORIZONS])
        axes.set_xlabel("horizon, sessions")
        axes.set_ylabel("mean rank IC")
        return svg(figure)


def quantile_bars(by_quantile: Mapping[int, Float64s]) -> str:
    """Return the mean return of each tenth of the scores, in basis points above the mean of all, by horizon."""
    with style():
        figure, parts = panels(9.2, 2.5, len(HORIZONS))
        for axes, h in zip(parts, HORIZONS, strict=True):
            mean = np.nanmean(by_quantile[h], axis=0)
            axes.bar(np.arange(1, mean.size + 1), 1e4 * (mean - mean.mean()), 0.75, color=COLOURS[h])
            axes.axhline(0, color=BOUND, linewidth=0.8)
            axes.set_title(f"{h} sessions", fontsize=9.5)
            axes.set_xticks([1, mean.size], ["lowest", "highest"])
        parts[0].set_ylabel("basis points")
        return svg(figure)


def importance_bars(importance: Mapping[str, float], most: int = 20) -> str:
    """Return the features that the model uses most, by share of gain."""
    top = sorted(importance.items(), key=lambda item: -item[1])[:most][::-1]
    with style():
        figure, axes = canvas(4.5, 0.2 * max(len(top), 4) + 0.7)
        axes.barh([name for name, _ in top], [100 * share for _, share in top], 0.7, color="#475569")
        axes.set_xlabel("% of gain")
        axes.grid(visible=False, axis="y")
        return svg(figure)


def fold_bars(folds: Sequence[Fold]) -> str:
    """Return the folds as bars in time: train, validation, test, and the gaps between them."""
    spans = {"train": "#cbd5e1", "validation": "#93c5fd", "test": "#2563eb"}
    with style():
        figure, axes = canvas(9.2, 0.32 * len(folds) + 0.9)
        for name, colour in spans.items():
            drawn = [getattr(fold, name) for fold in folds]
            starts = [date2num(span.first) for span in drawn]
            lengths = [(span.last - span.first).days for span in drawn]
            axes.barh([f"fold {fold.number}" for fold in folds], lengths, 0.55, left=starts, color=colour, label=name)
        axes.invert_yaxis()
        axes.xaxis_date()
        axes.grid(visible=False, axis="y")
        axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        return svg(figure)


def _lines(axes: Axes, daily: DailyIC, values: Sequence[Float64s]) -> None:
    for h, series in zip(HORIZONS, values, strict=True):
        line(axes, daily.sessions, series, COLOURS[h], f"{h}")
    in_time(axes)
    axes.legend(title="horizon", ncols=4, loc="best")


def _rolling(values: Float64s) -> Float64s:
    window = min(_ROLLING, values.size)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), np.ones(window), "valid")
    rows = np.convolve(known, np.ones(window), "valid")
    out = np.full(values.size, np.nan)
    out[window - 1 :] = np.divide(total, rows, out=np.full(total.size, np.nan), where=rows > 0)
    return out
