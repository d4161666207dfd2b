"""Several models on one page, HTML with its plots inside, and the same figures as a file for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from math import isfinite
from pathlib import Path
from string import Template

import numpy as np

from tosho.contracts import HORIZONS
from tosho.evaluation import book_charts, tables
from tosho.evaluation.comparison import Comparison, figures
from tosho.evaluation.groups import GroupResult, by_year
from tosho.evaluation.ic import DailyIC, estimate, summarise
from tosho.evaluation.page import STYLE, items, number, section, table
from tosho.evaluation.paired import Paired
from tosho.evaluation.performance import Books
from tosho.evaluation.significance import SIGNIFICANT, Estimate

PAGE, FIGURES = "comparison.html", "comparison.json"
"""The artefacts: what a person reads, and the same figures for programs."""


def write(folder: Path, comparison: Comparison) -> tuple[Path, Path]:
    """Write the page and its figures into a folder, and return where they are."""
    page, numbers = folder / PAGE, folder / FIGURES
    page.write_text(render(comparison), encoding="utf-8")
    numbers.write_text(json.dumps(figures(comparison), indent=1) + "\n", encoding="utf-8")
    return page, numbers


def render(comparison: Comparison) -> str:
    """Return the page."""
    aligned = comparison.aligned()
    books = {name: candidate.books for name, candidate in comparison.candidates.items()}
    common = comparison.common()
    span = f"{len(common)} sessions that all have, {common[0]} to {common[-1]}."
    sections = (
        section("Rank IC", _results(aligned) + book_charts.models_by_horizon(aligned), f"On the {span} {_RESULTS}"),
        section("Paired tests", _pairs(comparison.pairs()), _paired_hint(comparison)),
        section(f"What each block of {comparison.ablated} adds", _ablations(comparison), _ABLATIONS),
        section("Rank IC over all horizons, added up", book_charts.models_over_time(aligned)),
        section("What following the scores would have earned", _books(books), _costs_hint(books)),
        section("Year by year", _years(aligned), "Rank IC over all horizons, with its t."),
        section("By sector, size and liquidity", _groups(comparison), _GROUPS),
        section("Notes", f'<ul class="notes">{items(comparison.notes)}</ul>' if comparison.notes else ""),
    )
    title, subtitle = escape(comparison.title), escape(comparison.subtitle)
    return _PAGE.substitute(title=title, subtitle=subtitle, style=STYLE, sections="\n".join(sections))


def _results(aligned: Mapping[str, DailyIC]) -> str:
    head = ("model", *(f"rank IC {h} (t)" for h in HORIZONS), *(f"ICIR {h}" for h in HORIZONS), "all horizons (t)")
    rows = (
        (
            name,
            *(f"{number(r.rank_ic, '+.4f')} ({number(r.t, '.1f')})" for r in summarise(daily)),
            *(number(r.icir, ".2f") for r in summarise(daily)),
            _cell(estimate(daily)),
        )
        for name, daily in aligned.items()
    )
    return table(head, rows, "figures")


def _pairs(pairs: Mapping[tuple[str, str], Paired]) -> str:
    if not pairs:
        return ""
    head = ("model", "less", *(f"horizon {h} (t)" for h in HORIZONS), "all horizons (t)", "sessions", "")
    rows = (
        (b, a, *map(_cell, p.by_horizon), _cell(p.overall), f"{p.overall.sessions}", _verdict(p.overall, b, a))
        for (a, b), p in pairs.items()
    )
    return table(head, rows, "figures")


def _ablations(comparison: Comparison) -> str:
    if not comparison.ablations:
        return ""
    head = ("without", "rank IC left (t)", *(f"adds {h} (t)" for h in HORIZONS), "adds over all (t)", "")
    rows = (
        (
            name,
            _cell(estimate(comparison.ablations[name])),
            *map(_cell, p.by_horizon),
            _cell(p.overall),
            _adds(p.overall),
        )
        for name, p in comparison.gains().items()
    )
    return table(head, rows, "figures")


def _books(books: Mapping[str, Books]) -> str:
    rows = ((name, *tables.performance_cells(p)) for name, made in books.items() for p in made.figures())
    left = "".join(f"<h3>{escape(name)}</h3>{tables.costs(made)}" for name, made in books.items())
    body = table(("model", *tables.performance_head()), rows, "figures") + book_charts.models_net(books)
    return f"{body}<details><summary>What is left at other costs, bp a session</summary>{left}</details>"


def _years(aligned: Mapping[str, DailyIC]) -> str:
    places = by_year(next(iter(aligned.values())))
    rows = (
        (year, f"{at.stop - at.start}", *(_cell(estimate(daily.on(daily.sessions[at]))) for daily in aligned.values()))
        for year, at in places
    )
    return table(("year", "sessions", *aligned), rows, "figures")


def _groups(comparison: Comparison) -> str:
    divisions = dict.fromkeys(name for c in comparison.candidates.values() for name in c.groups)
    return "".join(f"<h3>By {escape(name)}</h3>{_division(comparison, name)}" for name in divisions)


def _division(comparison: Comparison, division: str) -> str:
    found = {name: {g.name: g for g in c.groups.get(division, ())} for name, c in comparison.candidates.items()}
    members = dict.fromkeys(group for groups in found.values() for group in groups)
    rows = ((group, *_in_group(group, found.values())) for group in members)
    return table(("group", "codes", *found), rows, "figures")


def _in_group(group: str, found: Iterable[Mapping[str, GroupResult]]) -> Iterable[str]:
    results = [groups.get(group) for groups in found]
    yield f"{max(r.codes for r in results if r):.0f}"
    for result in results:
        known = [r.rank_ic for r in result.results if isfinite(r.rank_ic)] if result else []
        yield number(float(np.mean(known)) if known else float("nan"), "+.4f")


def _cell(found: Estimate) -> str:
    return f"{number(found.mean, '+.4f')} ({number(found.t, '.1f')})"


def _verdict(found: Estimate, second: str, first: str) -> str:
    if abs(found.t) >= SIGNIFICANT:
        return f"{second if found.mean > 0 else first} is better"
    return "not told apart"


def _adds(found: Estimate) -> str:
    if abs(found.t) >= SIGNIFICANT:
        return "adds" if found.mean > 0 else "harms"
    return "no difference shown"


def _paired_hint(comparison: Comparison) -> str:
    count = len(comparison.pairs())
    return (
        f"The difference of daily rank IC, session by session, with its t after Newey and West (lag: the horizon). The "
        f"bound is {SIGNIFICANT:g}. {count} pair{'s are' if count > 1 else ' is'} tested: of twenty without any "
        "difference, one passes the bound by chance."
    )


def _costs_hint(books: Mapping[str, Books]) -> str:
    first = next(iter(books.values()))
    return f"{' '.join(first.notes())} Each model's own sessions."


_RESULTS = "Means over sessions, t after Newey and West with the horizon as lag."
_ABLATIONS = "The whole model's daily rank IC less that of the model trained without the block, with its t."
_GROUPS = (
    "Rank IC within the group, mean over horizons, by what was known at the session itself. Codes: mean of sessions "
    "with at least 20."
)
_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>$style</style></head><body><main>
<h1>$title</h1><p class="hint">$subtitle</p>
$sections
</main></body></html>
""")
