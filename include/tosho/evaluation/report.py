"""A training run on one page: HTML with its plots inside, no other file, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from string import Template

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.splits import Fold
from tosho.evaluation import charts
from tosho.evaluation.ic import DailyIC, HorizonResult, summarise
from tosho.evaluation.nulls import NullTest
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
    tests: Sequence[NullTest]
    importance: Mapping[str, float]
    settings: Mapping[str, object]
    notes: Sequence[str] = ()
    attainable: Mapping[int, float] = field(default_factory=dict)


def render(content: Content) -> str:
    """Return the page."""
    results = summarise(content.daily)
    return _PAGE.substitute(
        title=escape(content.title),
        subtitle=escape(content.subtitle),
        verdict="promoted" if content.decision.promoted else "kept",
        headline=escape(content.decision.reasons[0]),
        reasons=_items(content.decision.reasons[1:]),
        tiles="".join(_tile(result, content.attainable) for result in results),
        horizons=_horizon_table(results, content),
        over_time=charts.rank_ic_over_time(content.daily),
        cumulative=charts.cumulative_rank_ic(content.daily),
        decay=charts.by_horizon(content.daily, content.attainable),
        quantiles=charts.quantile_bars(content.quantiles),
        importance=charts.importance_bars(content.importance),
        folds_chart=charts.fold_bars([fold for fold, _ in content.folds]),
        folds=_fold_table(content.folds),
        tests=_table(
            ("test", "found", "bound", "", ""),
            (
                (t.name, f"{t.found:+.4f}", f"{t.bound:.4f}", "held" if t.passed else "FAILED", t.sentence)
                for t in content.tests
            ),
        ),
        notes=_items(content.notes),
        settings=_table(("setting", "value"), ((k, str(v)) for k, v in content.settings.items())),
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
    return _table(head, rows)


def _fold_table(folds: Sequence[tuple[Fold, Sequence[HorizonResult]]]) -> str:
    head = ("fold", "train", "validation", "test", *(f"rank IC {h}" for h in HORIZONS))
    rows = (
        (str(f.number), str(f.train), str(f.validation), str(f.test), *(f"{r.rank_ic:+.4f}" for r in results))
        for f, results in folds
    )
    return _table(head, rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table><thead>{line(head, 'th')}</thead><tbody>{''.join(line(row, 'td') for row in rows)}</tbody></table>"


def _items(sentences: Iterable[str]) -> str:
    return "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title>
<style>
  :root { color-scheme: light; }
  body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, sans-serif; color: #1e293b; background: #f8fafc; margin: 0; }
  main { max-width: 1000px; margin: 0 auto; padding: 28px 20px 60px; }
  h1 { font-size: 26px; margin: 0; } h2 { font-size: 17px; margin: 0 0 6px; }
  p.hint { color: #64748b; margin: 0 0 10px; font-size: 13.5px; }
  section { background: #fff; border: 1px solid #e2e8f0; border-radius: 10px; padding: 18px 20px; margin-top: 16px; }
  .tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin-top: 16px; }
  .tile { background: #fff; border: 1px solid; border-top-width: 4px; border-radius: 10px; padding: 10px 14px; }
  .tile .name, .tile .below { color: #64748b; font-size: 13px; } .tile .value { font-size: 27px; font-weight: 650; }
  .verdict { border-left: 6px solid #d97706; } .verdict.promoted { border-left-color: #16a34a; }
  .verdict ul, .notes { margin: 6px 0 0; padding-left: 18px; color: #475569; }
  .two { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; } .two section { min-width: 0; }
  table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
  th, td { padding: 4px 10px 4px 0; border-bottom: 1px solid #f1f5f9; text-align: left; }
  th { color: #64748b; font-weight: 600; }
  svg { width: 100%; height: auto; display: block; } .scroll { overflow-x: auto; }
  details summary { cursor: pointer; font-weight: 600; }
  @media (max-width: 760px) { .two { grid-template-columns: 1fr; } .tiles { grid-template-columns: 1fr 1fr; } }
</style></head><body><main>
<h1>$title</h1><p class="hint">$subtitle</p>
<section class="verdict $verdict"><h2>$headline</h2><ul>$reasons</ul></section>
<div class="tiles">$tiles</div>
<section><h2>Out of sample, by horizon</h2>
<p class="hint">Means over the sessions of all test folds; t after Newey and West with the horizon as lag.
Spread: the highest tenth of the scores less the lowest, before costs.</p><div class="scroll">$horizons</div></section>
<section><h2>Rank IC over time</h2>$over_time</section>
<section><h2>Rank IC, added up</h2><p class="hint">A straight rise is a steady signal.</p>$cumulative</section>
<section><h2>Return by tenth of the scores</h2>
<p class="hint">Basis points above the mean of all codes.</p>$quantiles</section>
<div class="two"><section><h2>Decay</h2><p class="hint">Bars show two standard errors.</p>$decay</section>
<section><h2>What the model uses</h2><p class="hint">Share of gain of the final model.</p>$importance</section></div>
<section><h2>Folds</h2><p class="hint">White space is purged: no label of one span reaches into the next.</p>
$folds_chart<div class="scroll">$folds</div></section>
<section><h2>Tests of the run itself</h2><div class="scroll">$tests</div></section>
<section><h2>Notes</h2><ul class="notes">$notes</ul></section>
<section><details><summary>Settings</summary>$settings</details></section>
</main></body></html>
""")
