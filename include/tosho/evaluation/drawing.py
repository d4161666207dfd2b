"""How every plot of a page looks: SVG that stands inside it. The same figures give the same text."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date

import matplotlib as mpl  # noqa: TID253 - this module is matplotlib's door, imported when a report is made
import numpy as np
from matplotlib.axes import Axes  # noqa: TID253
from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: TID253
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: TID253
from matplotlib.figure import Figure  # noqa: TID253
from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: TID253

from tosho.dataset.cross_section import Float64s

INK, FAINT, BOUND = "#334155", "#e2e8f0", "#94a3b8"
_STYLE = {
    "svg.fonttype": "none",  # text stays text: small, sharp and searchable
    "svg.hashsalt": "tosho",
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": BOUND,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house's style within the block."""
    with mpl.rc_context(_STYLE):
        yield


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure of one plot; sizes in inches, 9.2 wide fills the page."""
    figure = Figure(figsize=(width, height))
    return figure, figure.subplots()


def panels(width: float, height: float, count: int) -> tuple[Figure, list[Axes]]:
    """Return a figure of several plots side by side."""
    figure = Figure(figsize=(width, height))
    return figure, list(np.atleast_1d(figure.subplots(1, count)))


def line(axes: Axes, sessions: Sequence[date], values: Float64s, colour: str, label: str) -> None:
    """Draw a daily series."""
    axes.plot(np.array(sessions, dtype="datetime64[D]"), values, color=colour, linewidth=1.6, label=label)


def in_time(axes: Axes) -> None:
    """Draw the line of zero, and dates that do not overlap."""
    axes.axhline(0, color=BOUND, linewidth=0.8)
    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def svg(figure: Figure) -> str:
    """Return the figure as text, laid out, without what would differ from run to run.

    A figure with a layout engine of its own is drawn twice when it is saved, the first time for nobody.
    """
    FigureCanvasSVG(figure)
    ConstrainedLayoutEngine().execute(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
