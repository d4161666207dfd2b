"""The figures of books, years and groups as tables of a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import MIN_PAIRS
from tosho.evaluation.calibration import HIGH, LOW, Calibration, Coverage
from tosho.evaluation.groups import GroupResult, by_year
from tosho.evaluation.ic import DailyIC, HorizonResult, estimate, summarise
from tosho.evaluation.page import ABSENT, items, number, table
from tosho.evaluation.performance import Books, Performance, cost_table
from tosho.evaluation.significance import Estimate, newey_west

COSTS_BP = (0.0, 5.0, 10.0, 20.0, 30.0)
"""One-way costs for which the return that is left is shown."""

_FIGURES = "figures"


def performance_head() -> tuple[str, ...]:
    """Return the heads of what `performance_cells` gives."""
    return (
        *("horizon", "sessions", "gross, bp", "net, bp", "t", "turnover", "break-even, bp", "Sharpe", "drawdown"),
        *("deflated Sharpe", "JPX metric", "unpriced"),
    )


def performance_cells(found: Performance) -> tuple[str, ...]:
    """Return a horizon's figures as text."""
    return (
        f"{found.horizon}",
        f"{found.sessions}",
        number(found.gross_bp, "+.2f"),
        number(found.net_bp, "+.2f"),
        number(found.t, ".2f"),
        number(found.turnover, ".1%"),
        number(found.break_even_bp, "+.1f"),
        number(found.sharpe, "+.2f"),
        number(found.drawdown, ".1%"),
        number(found.deflated, ".1%"),
        number(found.competition, "+.3f"),
        number(found.unpriced, ".2%"),
    )


def performance_table(books: Books) -> str:
    """Return the books' figures, a row a horizon."""
    return table(performance_head(), map(performance_cells, books.figures()), _FIGURES)


def costs(books: Books) -> str:
    """Return the mean daily return that is left at several costs, a row a cost."""
    rows = cost_table(books, COSTS_BP)
    head = ("one-way cost, bp", *(f"horizon {h}" for h in HORIZONS))
    return table(head, ((f"{cost:g}", *(number(x, "+.2f") for x in left)) for cost, left in rows), _FIGURES)


def years(daily: DailyIC, books: Books) -> str:
    """Return rank IC with its t, and the net return of the books, year by year."""
    head = ("year", "sessions", *(f"rank IC {h} (t)" for h in HORIZONS), *(f"net {h}, bp" for h in HORIZONS))
    return table(head, (_year(year, places, daily, books) for year, places in by_year(daily)), _FIGURES)


def groups(found: Sequence[GroupResult]) -> str:
    """Return each group's rank IC with its t and its spread; below, the names of those with too few codes."""
    measured = [g for g in found if g.is_measured]
    head = ("group", "codes", *(f"rank IC {h} (t)" for h in HORIZONS), *(f"spread {h}, bp" for h in HORIZONS))
    rows = (
        (g.name, f"{g.codes:.0f}", *map(_ic, g.results), *(number(x, "+.1f") for x in g.spreads_bp)) for g in measured
    )
    few = [g.name for g in found if not g.is_measured]
    told = f"<ul class='notes'>{items([_too_few(few)])}</ul>" if few else ""
    return (table(head, rows, _FIGURES) if measured else "") + told


def all_groups(found: Mapping[str, Sequence[GroupResult]]) -> str:
    """Return the tables of several divisions, each under its name; empty where there are none."""
    return "".join(f"<h3>By {name}</h3>{groups(results)}" for name, results in found.items() if results)


def paths(found: Sequence[DailyIC]) -> str:
    """Return the rank IC of each path of the final check with its t; empty where there was none."""
    head = ("path", *(f"rank IC {h} (t)" for h in HORIZONS), "all horizons (t)")
    rows = ((f"{i}", *map(_ic, summarise(path)), _ic(estimate(path))) for i, path in enumerate(found, 1))
    return table(head, rows, _FIGURES) if found else ""


def calibration_table(found: Calibration) -> str:
    """Return the share of returns below each forecast quantile, with two standard errors."""
    head = ("horizon", *(f"{level:.0%}" for level in found.levels))
    rows = (
        (f"{h}", *(f"{number(x, '.1%')} ± {number(2 * e, '.1%')}" for x, e in zip(*pair, strict=True)))
        for h, pair in zip(HORIZONS, zip(found.found, found.error, strict=True), strict=True)
    )
    return table(head, rows, _FIGURES)


def coverage_table(found: Coverage) -> str:
    """Return each horizon's coverage: over all sessions, and the lowest and highest of 60 sessions."""
    rows = (
        _covered(h, mean, rolling) for h, mean, rolling in zip(HORIZONS, found.mean(), found.rolling().T, strict=True)
    )
    return table(
        ("horizon", "coverage", "lowest of 60", "highest of 60", f"within {LOW:.0%} to {HIGH:.0%}"), rows, _FIGURES
    )


def _covered(horizon: int, mean: float, rolling: Sequence[float]) -> tuple[str, ...]:
    known = np.array(rolling)[np.isfinite(rolling)]
    within = f"{((known >= LOW) & (known <= HIGH)).mean():.0%} of the time" if known.size else ABSENT
    ends = (f"{known.min():.1%}", f"{known.max():.1%}") if known.size else (ABSENT, ABSENT)
    return (f"{horizon}", number(mean, ".1%"), *ends, within)


def _year(year: str, places: slice, daily: DailyIC, books: Books) -> tuple[str, ...]:
    found = [newey_west(daily.rank[places, i], h) for i, h in enumerate(HORIZONS)]
    net = [books.parts[h].net(books.trading.cost_bp)[places] for h in HORIZONS]
    left = (1e4 * float(x[np.isfinite(x)].mean()) if np.isfinite(x).any() else float("nan") for x in net)
    return (
        year,
        f"{max(e.sessions for e in found)}",
        *(f"{number(e.mean, '+.4f')} ({number(e.t, '.1f')})" for e in found),
        *(number(x, "+.2f") for x in left),
    )


def _ic(result: HorizonResult | Estimate) -> str:
    value = result.mean if isinstance(result, Estimate) else result.rank_ic
    return f"{number(value, '+.4f')} ({number(result.t, '.1f')})"


def _too_few(names: Sequence[str]) -> str:
    return f"{', '.join(names)}: never {MIN_PAIRS} codes in a session, so that no rank IC can be told."
