"""The plots of what books earn and of what forecasts promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import matplotlib as mpl  # noqa: TID253 - through `drawing`, matplotlib's door
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.evaluation.calibration import HIGH, LOW, PROMISED, ROLLING, Calibration, Coverage
from tosho.evaluation.charts import COLOURS
from tosho.evaluation.drawing import BOUND, INK, canvas, in_time, line, panels, style, svg
from tosho.evaluation.ic import DailyIC
from tosho.evaluation.performance import Books
from tosho.evaluation.significance import newey_west

PALETTE = ("#2563eb", "#d97706", "#0d9488", "#9333ea", "#dc2626", "#475569", "#65a30d", "#db2777")
"""Colours of models, in their order; after the eighth they begin anew."""

_POINTS = 150


def cumulative_net(books: Books) -> str:
    """Return each horizon's return added up, after costs and, dotted, before."""
    with style():
        figure, axes = canvas(9.2, 3.2)
        for h in HORIZONS:
            made = books.parts[h]
            net = made.net(books.trading.cost_bp)
            line(axes, made.sessions, 100 * np.nancumsum(net), COLOURS[h], f"{h}")
            gross = 100 * np.nancumsum(np.where(np.isfinite(net), made.gross, np.nan))
            axes.plot(_days(made.sessions), gross, color=COLOURS[h], linewidth=1.0, linestyle=":")
        in_time(axes)
        axes.set_ylabel("% of the capital")
        axes.legend(title="horizon", ncols=4, loc="best")
        return svg(figure)


def cumulative_quantiles(sessions: Sequence[date], by_quantile: Mapping[int, Float64s]) -> str:
    """Return each tenth's return above the mean of all, added up, a panel a horizon.

    A return until the label's end is spread evenly over the sessions that it takes, so that overlapping ones add up
    to what was earned.
    """
    with style():
        figure, parts = panels(9.2, 2.8, len(HORIZONS))
        for axes, h in zip(parts, HORIZONS, strict=True):
            _quantile_lines(axes, sessions, by_quantile[h] / h)
            axes.set_title(f"{h} sessions", fontsize=9.5)
        parts[0].set_ylabel("% above the mean")
        handles, labels = parts[0].get_legend_handles_labels()
        figure.legend(handles, labels, ncols=2, loc="outside lower center")
        return svg(figure)


def calibration_lines(found: Calibration) -> str:
    """Return by how much more returns lay below each forecast quantile than should, with two standard errors."""
    with style():
        figure, axes = canvas(9.2, 2.8)
        for i, h in enumerate(HORIZONS):
            apart = 100 * (found.found[i] - found.levels)
            errors = np.nan_to_num(200 * found.error[i])
            places = np.arange(len(found.levels)) + 0.1 * (i - 1.5)
            axes.errorbar(places, apart, errors, fmt="o", color=COLOURS[h], markersize=5, capsize=3, label=f"{h}")
        axes.axhline(0, color=BOUND, linewidth=0.8)
        axes.set_xticks(np.arange(len(found.levels)), [f"{level:.0%}" for level in found.levels])
        axes.set_xlabel("level of the forecast")
        axes.set_ylabel("percentage points too many")
        axes.legend(title="horizon", ncols=4, loc="best")
        return svg(figure)


def coverage_over_time(found: Coverage) -> str:
    """Return each horizon's coverage over 60 sessions, with the bounds within which it holds."""
    with style():
        figure, axes = canvas(9.2, 2.8)
        axes.axhspan(LOW, HIGH, color="#dcfce7", linewidth=0)
        for h, series in zip(HORIZONS, found.rolling().T, strict=True):
            line(axes, found.sessions, series, COLOURS[h], f"{h}")
        in_time(axes)
        axes.set_ylim(min(LOW, PROMISED - 0.1), 1.0)
        axes.set_ylabel(f"coverage over {ROLLING} sessions")
        axes.legend(title="horizon", ncols=4, loc="best")
        return svg(figure)


def models_over_time(models: Mapping[str, DailyIC]) -> str:
    """Return each model's rank IC over all horizons, added up."""
    with style():
        figure, axes = canvas(9.2, 3.2)
        for i, (name, daily) in enumerate(models.items()):
            line(axes, daily.sessions, np.nancumsum(daily.overall()), colour(i), name)
        in_time(axes)
        axes.set_ylabel("sum of daily rank IC")
        axes.legend(loc="best")
        return svg(figure)


def models_by_horizon(models: Mapping[str, DailyIC]) -> str:
    """Return each model's mean rank IC by horizon, with two standard errors."""
    width = 0.8 / max(len(models), 1)
    with style():
        figure, axes = canvas(9.2, 2.8)
        for i, (name, daily) in enumerate(models.items()):
            found = [newey_west(daily.rank[:, k], h) for k, h in enumerate(HORIZONS)]
            places = np.arange(len(HORIZONS)) + (i - (len(models) - 1) / 2) * width
            errors = [2 * e.error if np.isfinite(e.error) else 0.0 for e in found]
            heights = [e.mean for e in found]
            axes.bar(places, heights, 0.9 * width, yerr=errors, color=colour(i), ecolor=INK, capsize=2, label=name)
        axes.axhline(0, color=BOUND, linewidth=0.8)
        axes.set_xticks(np.arange(len(HORIZONS)), [f"{h} sessions" for h in HORIZONS])
        axes.set_ylabel("mean rank IC")
        axes.legend(loc="best")
        return svg(figure)


def models_net(models: Mapping[str, Books]) -> str:
    """Return each model's return after costs, added up, a panel a horizon."""
    with style():
        figure, parts = panels(9.2, 2.9, len(HORIZONS))
        for axes, h in zip(parts, HORIZONS, strict=True):
            for i, (name, books) in enumerate(models.items()):
                net = books.parts[h].net(books.trading.cost_bp)
                line(axes, books.parts[h].sessions, 100 * np.nancumsum(net), colour(i), name)
            in_time(axes)
            axes.set_title(f"{h} sessions", fontsize=9.5)
        parts[0].set_ylabel("% of the capital")
        handles, labels = parts[0].get_legend_handles_labels()
        figure.legend(handles, labels, ncols=max(len(labels), 1), loc="outside lower center")
        return svg(figure)


def colour(i: int) -> str:
    """Return the colour of the model at this place."""
    return PALETTE[i % len(PALETTE)]


def _quantile_lines(axes: Axes, sessions: Sequence[date], daily: Float64s) -> None:
    quantiles = daily.shape[1]
    shades = mpl.colormaps["coolwarm"](np.linspace(1, 0, quantiles))
    above = np.nancumsum(daily - daily.mean(axis=1, keepdims=True), axis=0)
    shown = np.unique(np.linspace(0, len(sessions) - 1, _POINTS).astype(np.int64))  # forty lines make a large page
    days = _days(sessions)[shown]
    for k in range(quantiles):
        label = {0: "lowest scores", quantiles - 1: "highest scores"}.get(k, "_")
        axes.plot(days, 100 * above[shown, k], color=shades[k], linewidth=1.2, label=label)
    in_time(axes)


def _days(sessions: Sequence[date]) -> npt.NDArray[np.datetime64]:
    return np.array(sessions, dtype="datetime64[D]")
