"""The report's plots, as SVG that stands inside a page. The same figures give the same text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl  # noqa: TID253 - this module is matplotlib's door, imported when a report is made
import numpy as np
from matplotlib.axes import Axes  # noqa: TID253
from matplotlib.dates import date2num  # noqa: TID253
from matplotlib.figure import Figure  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.splits import Fold
from tosho.evaluation.ic import DailyIC
from tosho.evaluation.significance import newey_west

COLOURS = dict(zip(HORIZONS, ("#2563eb", "#0d9488", "#d97706", "#9333ea"), strict=True))
_INK, _FAINT, _BOUND = "#334155", "#e2e8f0", "#94a3b8"
_ROLLING = 20
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, sharp and searchable
    "svg.hashsalt": "tosho",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _BOUND,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _FAINT,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
}


def rank_ic_over_time(daily: DailyIC) -> str:
    """Return each horizon's rank IC as a rolling mean of 20 sessions."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.2, 3.2)
        for i, h in enumerate(HORIZONS):
            _line(axes, daily, _rolling(daily.rank[:, i]), h)
        axes.set_ylabel(f"rank IC, mean of {_ROLLING} sessions")
        return _svg(figure, axes)


def cumulative_rank_ic(daily: DailyIC) -> str:
    """Return each horizon's rank IC added up: a straight rise is a steady signal."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.2, 3.2)
        for i, h in enumerate(HORIZONS):
            _line(axes, daily, np.nancumsum(daily.rank[:, i]), h)
        axes.set_ylabel("sum of daily rank IC")
        return _svg(figure, axes)


def by_horizon(daily: DailyIC, attainable: Mapping[int, float]) -> str:
    """Return mean rank IC by horizon with two standard errors, beside the attainable one where that is known."""
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(4.5, 3.2)
        found = [newey_west(daily.rank[:, i], h) for i, h in enumerate(HORIZONS)]
        places = np.arange(len(HORIZONS))
        shift, width = (0.2, 0.38) if attainable else (0.0, 0.6)
        colours = [COLOURS[h] for h in HORIZONS]
        errors = [2 * e.error if np.isfinite(e.error) else 0.0 for e in found]
        axes.bar(places - shift, [e.mean for e in found], width, yerr=errors, color=colours, ecolor=_INK, capsize=3)
        if attainable:
            heights = [attainable[h] for h in HORIZONS]
            axes.bar(places + shift, heights, width, color="#f1f5f9", edgecolor=_BOUND, label="attainable")
            axes.legend(loc="best")
        axes.set_xticks(places, [f"{h}" for h in HORIZONS])
        axes.set_xlabel("horizon, sessions")
        axes.set_ylabel("mean rank IC")
        return _svg(figure, axes)


def quantile_bars(by_quantile: Mapping[int, Float64s]) -> str:
    """Return the mean return of each tenth of the scores, in basis points above the mean of all, by horizon."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.2, 2.5), layout="constrained")
        panels = figure.subplots(1, len(HORIZONS))
        for axes, h in zip(panels, HORIZONS, strict=True):
            mean = np.nanmean(by_quantile[h], axis=0)
            axes.bar(np.arange(1, mean.size + 1), 1e4 * (mean - mean.mean()), 0.75, color=COLOURS[h])
            axes.axhline(0, color=_BOUND, linewidth=0.8)
            axes.set_title(f"{h} sessions", fontsize=9.5)
            axes.set_xticks([1, mean.size], ["lowest", "highest"])
        panels[0].set_ylabel("basis points")
        return _svg(figure)


def importance_bars(importance: Mapping[str, float], most: int = 20) -> str:
    """Return the features that the model uses most, by share of gain."""
    top = sorted(importance.items(), key=lambda item: -item[1])[:most][::-1]
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(4.5, 0.2 * max(len(top), 4) + 0.7)
        axes.barh([name for name, _ in top], [100 * share for _, share in top], 0.7, color="#475569")
        axes.set_xlabel("% of gain")
        axes.grid(visible=False, axis="y")
        return _svg(figure, axes)


def fold_bars(folds: Sequence[Fold]) -> str:
    """Return the folds as bars in time: train, validation, test, and the gaps between them."""
    spans = {"train": "#cbd5e1", "validation": "#93c5fd", "test": "#2563eb"}
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.2, 0.32 * len(folds) + 0.9)
        for name, colour in spans.items():
            drawn = [getattr(fold, name) for fold in folds]
            starts = [date2num(span.first) for span in drawn]
            lengths = [(span.last - span.first).days for span in drawn]
            axes.barh([f"fold {fold.number}" for fold in folds], lengths, 0.55, left=starts, color=colour, label=name)
        axes.invert_yaxis()
        axes.xaxis_date()
        axes.grid(visible=False, axis="y")
        axes.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
        return _svg(figure, axes)


def _line(axes: Axes, daily: DailyIC, values: Float64s, horizon: int) -> None:
    days = np.array(daily.sessions, dtype="datetime64[D]")
    axes.plot(days, values, color=COLOURS[horizon], linewidth=1.6, label=f"{horizon}")
    axes.axhline(0, color=_BOUND, linewidth=0.8)
    axes.legend(title="horizon", ncols=4, loc="best")


def _rolling(values: Float64s) -> Float64s:
    window = min(_ROLLING, values.size)
    known = np.isfinite(values)
    total = np.convolve(np.where(known, values, 0.0), np.ones(window), "valid")
    rows = np.convolve(known, np.ones(window), "valid")
    out = np.full(values.size, np.nan)
    out[window - 1 :] = np.divide(total, rows, out=np.full(total.size, np.nan), where=rows > 0)
    return out


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, *_: Axes) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
