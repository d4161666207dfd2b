"""A training run on one page: HTML with its plots inside, no other file, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from string import Template

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.splits import Fold
from tosho.evaluation import book_charts, charts, tables
from tosho.evaluation.calibration import Calibration, Coverage
from tosho.evaluation.groups import GroupResult
from tosho.evaluation.ic import DailyIC, HorizonResult, summarise
from tosho.evaluation.nulls import NullTest
from tosho.evaluation.page import STYLE, items, section, table
from tosho.evaluation.performance import Books
from tosho.evaluation.portfolio import spread
from tosho.evaluation.promotion import Decision


@dataclass(frozen=True)
class Content:
    """What a report shows. All figures are out of sample."""

    title: str
    subtitle: str
    decision: Decision
    daily: DailyIC
    folds: Sequence[tuple[Fold, Sequence[HorizonResult]]]
    quantiles: Mapping[int, Float64s]  # horizon to [sessions, quantiles]
    books: Books
    tests: Sequence[NullTest]
    importance: Mapping[str, float]
    settings: Mapping[str, object]
    notes: Sequence[str] = ()
    attainable: Mapping[int, float] = field(default_factory=dict)
    groups: Mapping[str, Sequence[GroupResult]] = field(default_factory=dict)
    calibration: Calibration | None = None  # where the model forecasts quantiles
    coverage: Coverage | None = None  # where it gives intervals
    paths: Sequence[DailyIC] = ()  # of the final check, where one was asked for


def render(content: Content) -> str:
    """Return the page."""
    results = summarise(content.daily)
    return _PAGE.substitute(
        title=escape(content.title),
        subtitle=escape(content.subtitle),
        verdict="promoted" if content.decision.promoted else "kept",
        headline=escape(content.decision.reasons[0]),
        reasons=items(content.decision.reasons[1:]),
        tiles="".join(_tile(result, content.attainable) for result in results),
        horizons=_horizon_table(results, content),
        over_time=charts.rank_ic_over_time(content.daily),
        cumulative=charts.cumulative_rank_ic(content.daily),
        decay=charts.by_horizon(content.daily, content.attainable),
        quantiles=charts.quantile_bars(content.quantiles),
        curves=book_charts.cumulative_quantiles(content.daily.sessions, content.quantiles),
        books=_books(content.books),
        years=section("Year by year", tables.years(content.daily, content.books), _YEARS),
        groups=section("Where it is good", tables.all_groups(content.groups), _GROUPS),
        forecasts=_forecasts(content),
        paths=section("Other histories", tables.paths(content.paths), _PATHS),
        style=STYLE,
        importance=charts.importance_bars(content.importance),
        folds_chart=charts.fold_bars([fold for fold, _ in content.folds]),
        folds=_fold_table(content.folds),
        tests=table(
            ("test", "found", "bound", "", ""),
            (
                (t.name, f"{t.found:+.4f}", f"{t.bound:.4f}", "held" if t.passed else "FAILED", t.sentence)
                for t in content.tests
            ),
        ),
        notes=items(content.notes),
        settings=table(("setting", "value"), ((k, str(v)) for k, v in content.settings.items())),
    )


def _tile(result: HorizonResult, attainable: Mapping[int, float]) -> str:
    below = f"ICIR {result.icir:.2f}"
    if bound := attainable.get(result.horizon):
        below = f"{result.rank_ic / bound:.0%} of the attainable {bound:.4f}"
    colour = charts.COLOURS[result.horizon]
    return (
        f'<div class="tile" style="border-color:{colour}"><div class="name">{result.horizon} sessions</div>'
        f'<div class="value">{result.rank_ic:+.4f}</div><div class="below">t = {result.t:.1f}<br>{below}</div></div>'
    )


def _books(books: Books) -> str:
    hint = " ".join(books.notes())
    body = tables.performance_table(books) + book_charts.cumulative_net(books)
    left = f"<h3>What is left at other costs, bp a session</h3>{tables.costs(books)}"
    return section("What following the scores would have earned", body + left, f"{hint} {_BOOKS}")


def _forecasts(content: Content) -> str:
    body = ""
    if content.calibration:
        body += tables.calibration_table(content.calibration) + book_charts.calibration_lines(content.calibration)
    if content.coverage:
        body += tables.coverage_table(content.coverage) + book_charts.coverage_over_time(content.coverage)
    return section("Do the forecast quantiles and intervals hold?", body, _FORECASTS)


def _horizon_table(results: Sequence[HorizonResult], content: Content) -> str:
    head = ("horizon", "sessions", "rank IC", "attainable", "t", "ICIR", "Pearson IC", "hit rate", "spread, bp")
    rows = (
        (
            f"{r.horizon}",
            f"{r.sessions}",
            f"{r.rank_ic:+.4f}",
            f"{content.attainable[r.horizon]:+.4f}" if content.attainable else "unknown",
            f"{r.t:.2f}",
            f"{r.icir:.2f}",
            f"{r.ic:+.4f}",
            f"{r.hit_rate:.0%}",
            f"{1e4 * np.nanmean(spread(content.quantiles[r.horizon])):+.1f}",
        )
        for r in results
    )
    return table(head, rows)


def _fold_table(folds: Sequence[tuple[Fold, Sequence[HorizonResult]]]) -> str:
    head = ("fold", "train", "validation", "test", *(f"rank IC {h}" for h in HORIZONS))
    rows = (
        (str(f.number), str(f.train), str(f.validation), str(f.test), *(f"{r.rank_ic:+.4f}" for r in results))
        for f, results in folds
    )
    return table(head, rows)


_BOOKS = (
    "Each session the newest scores replace the oldest, so that returns are of one session and do not overlap. Figures "
    "are fractions of the capital of one leg. Turnover is the share of the book that is replaced a session; the "
    "break-even is the one-way cost that leaves nothing; Sharpe is of the net return, a year; the deflated one is the "
    "probability that it is more than luck; the JPX metric is mean over standard deviation of the competition's daily "
    "spread, before costs; unpriced is the share of what is held that was not traded and counts as standing still. In "
    "the plot, dotted lines are before costs."
)
_YEARS = "Rank IC with its t after Newey and West; net is the daily return of the book after costs."
_GROUPS = (
    "Order within the group, by what was known at the session itself. Codes: mean of sessions with at least 20. "
    "Spread: the group's highest fifth of scores less its lowest, until the label's end, before costs."
)
_PATHS = (
    "Combinatorial purged splits: on each path every session is scored by a model that was fitted on other sessions, "
    "later ones too. How far the paths lie apart tells how much a result owes to the one history that there was; none "
    "of them could have been earned."
)
_FORECASTS = "Shares are counted within each session and averaged; ± is two standard errors."

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>$style</style></head><body><main>
<h1>$title</h1><p class="hint">$subtitle</p>
<section class="verdict $verdict"><h2>$headline</h2><ul>$reasons</ul></section>
<div class="tiles">$tiles</div>
<section><h2>Out of sample, by horizon</h2>
<p class="hint">Means over the sessions of all test folds; t after Newey and West with the horizon as lag.
Spread: the highest tenth of the scores less the lowest, before costs.</p><div class="scroll">$horizons</div></section>
<section><h2>Rank IC over time</h2>$over_time</section>
<section><h2>Rank IC, added up</h2><p class="hint">A straight rise is a steady signal.</p>$cumulative</section>
<section><h2>Return by tenth of the scores</h2>
<p class="hint">Basis points above the mean of all codes; below, added up over time.</p>$quantiles$curves</section>
$books
$years
$groups
$forecasts
<div class="two"><section><h2>Decay</h2><p class="hint">Bars show two standard errors.</p>$decay</section>
<section><h2>What the model uses</h2><p class="hint">Share of gain of the final model.</p>$importance</section></div>
<section><h2>Folds</h2><p class="hint">White space is purged: no label of one span reaches into the next.</p>
$folds_chart<div class="scroll">$folds</div></section>
$paths
<section><h2>Tests of the run itself</h2><div class="scroll">$tests</div></section>
<section><h2>Notes</h2><ul class="notes">$notes</ul></section>
<section><details><summary>Settings</summary>$settings</details></section>
</main></body></html>
""")
