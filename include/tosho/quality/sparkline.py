"""A trend as a small drawing that stands in a line of text: inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

_WIDTH, _HEIGHT, _EDGE = 180.0, 28.0, 3.0


def sparkline(trend: Sequence[tuple[date, int]]) -> str:
    """Return the drawing of at least one count by session, from nothing at the foot to the largest at the top.

    The last one is marked; the largest and the smallest stand in the title, which a browser shows under the pointer.
    """
    counts = [count for _, count in trend]
    top, places = max(*counts, 1), max(len(counts) - 1, 1)
    points = [
        (_EDGE + (_WIDTH - 2 * _EDGE) * (n if len(counts) > 1 else 1) / places,
         _HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * count / top)
        for n, count in enumerate(counts)
    ]  # fmt: skip
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    title = f"{trend[0][0]} to {trend[-1][0]}: {min(counts):,} to {max(counts):,} rows"
    return (
        f'<svg class="trend" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img"><title>{title}</title>'
        f'<polyline points="{line}"/><circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2.4"/></svg>'
    )
