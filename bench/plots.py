"""The page's plots, as SVG that stands inside it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl  # noqa: TID253 - imported when a page is made
import numpy as np
from matplotlib.axes import Axes  # noqa: TID253
from matplotlib.figure import Figure  # noqa: TID253

from bench.growth import AXES, COSTS, exponents, points
from bench.results import Entries

COLOURS = {"floor": "#94a3b8", "local": "#2563eb", "spark": "#d97706", "standalone": "#9333ea"}
NAMES = {"floor": "floor", "local": "local engine", "spark": "Spark, local", "standalone": "Spark, 2 workers"}
NOTHING = '<p class="lead">Not measured.</p>'
_INK, _FAINT, _EDGE = "#334155", "#e2e8f0", "#94a3b8"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "tosho",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": _INK,
    "axes.edgecolor": _EDGE,
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


def by_set(figures: Mapping[str, Mapping[str, float]], label: str, bounds: Mapping[str, float] | None = None) -> str:
    """Return bars by set, one for each engine. `bounds` are lines across a set's bars."""
    if not any(figures.values()):
        return NOTHING
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(4.5, 3.0)
        engines = [name for name in NAMES if any(name in told for told in figures.values())]
        width = 0.8 / max(len(engines), 1)
        for place, engine in enumerate(engines):
            at = np.arange(len(figures)) + (place - (len(engines) - 1) / 2) * width
            heights = [told.get(engine, 0.0) for told in figures.values()]
            bars = axes.bar(at, heights, width * 0.94, color=COLOURS[engine], label=NAMES[engine])
            axes.bar_label(bars, [f"{height:.3g}" if height else "" for height in heights], fontsize=7.5, padding=1)
        for place, name in enumerate(figures):
            if bound := (bounds or {}).get(name):
                axes.hlines(bound, place - 0.46, place + 0.46, color="#dc2626", linewidth=1.2, linestyles="dashed")
        axes.set_xticks(range(len(figures)), list(figures))
        axes.grid(visible=False, axis="x")
        axes.margins(y=0.12)
        axes.set_ylabel(label)
        axes.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8.5)
        return _svg(figure)


def growth(entries: Entries) -> str:
    """Return cost against rows along each axis, on logarithmic scales, with the fitted lines."""
    fits = exponents(entries)
    if not any(points(entries, axis, "work_s") for axis in AXES):
        return NOTHING
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(9.2, 3.4), layout="constrained")
        panels: Sequence[Axes] = list(figure.subplots(1, len(AXES)))
        for axes, axis in zip(panels, AXES, strict=True):
            for cost, colour, told in (("work_cpu_s", "#2563eb", "CPU s"), ("work_s", "#0d9488", "wall s")):
                measured = np.array(points(entries, axis, cost))
                if not measured.size:
                    continue
                axes.plot(measured[:, 0], measured[:, 1], "o", color=colour, markersize=5)
                name = told
                if found := fits.get(axis, {}).get(cost):
                    line = found.factor * measured[:, 0] ** found.exponent
                    name = f"{told}: rows to the {found.exponent:.2f}"
                    axes.plot(measured[:, 0], line, color=colour, linewidth=1.4, label=name)
            axes.set_xscale("log")
            axes.set_yscale("log")
            rows = sorted({rows for cost in COSTS for rows, _ in points(entries, axis, cost)})
            axes.set_xticks(rows, [f"{number:,.0f}" for number in rows])
            axes.set_xticks([], minor=True)
            axes.set_xlabel("rows")
            axes.set_title(f"more {axis}", fontsize=9.5)
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="upper left")
        panels[0].set_ylabel("seconds")
        return _svg(figure)


def speeds(figures: Mapping[str, float]) -> str:
    """Return rows a CPU second as bars on a logarithmic scale."""
    if not figures:
        return NOTHING
    with mpl.rc_context(_STYLE):
        figure, axes = _figure(9.2, 0.42 * max(len(figures), 2) + 0.7)
        names = list(figures)[::-1]
        colours = ["#2563eb" if name.startswith("Tosho") else "#94a3b8" for name in names]
        bars = axes.barh(names, [figures[name] for name in names], 0.6, color=colours)
        axes.bar_label(bars, [f"{figures[name]:,.0f}" for name in names], padding=3, fontsize=8.5)
        axes.set_xscale("log")
        axes.margins(x=0.15)
        axes.set_xlabel("rows a CPU second")
        axes.grid(visible=False, axis="y")
        return _svg(figure)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
