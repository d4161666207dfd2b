"""What a demo shows at its end: lines for the terminal, and one page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

import polars as pl

from tosho.local.demo import Outcome
from tosho.local.environment import Workplace
from tosho.predictions import open_store
from tosho.storage import Lake

TOP = 10
TOP_HORIZON = 5
_PAGE = Path(__file__).with_name("demo.html")


def lines(place: Workplace, outcome: Outcome) -> Iterable[str]:
    """Yield the summary as text: the ranking, rank IC beside the attainable one, and where the time went."""
    last = max(outcome.daily)
    yield f"\nTop {TOP} of {last}, horizon {TOP_HORIZON} sessions"
    for row in _top(place, outcome).iter_rows(named=True):
        yield f"  {row['rank']:>3}  {row['code']}  {(row['name'] or '')[:24]:<24}  {row['score']:+.4f}"
    yield "\nRank IC out of sample, horizon by horizon"
    for horizon, found in outcome.trained["rank_ic"].items():
        yield f"  {horizon:>3} sessions  {found['rank_ic']:+.4f}  (t {found['t']:.1f})  {_beside(found)}"
    yield f"  champion: {'yes' if outcome.trained['promoted'] else 'no'}. {' '.join(outcome.trained['reasons'])}"
    yield f"\nWhere the time of daily_predictions {last} went"
    for task in outcome.daily[last]:
        yield f"  {task.task:<16} waited {task.waited:5.1f} s  ran {task.ran:6.1f} s"
    yield f"  {'together':<16} {outcome.seconds_of(last):.1f} s for {outcome.rows[last]:,} rows in the store"
    yield "\nStages"
    for stage, seconds in outcome.stages.items():
        yield f"  {stage:<32} {seconds:7.1f} s"


def write(place: Workplace, outcome: Outcome) -> Path:
    """Write the page, with the training's report inside, and return its path."""
    last = max(outcome.daily)
    page = Template(_PAGE.read_text(encoding="utf-8")).substitute(
        market=f"{outcome.market.codes:,} codes, {outcome.market.first} to {outcome.market.last}",
        last=last,
        horizon=TOP_HORIZON,
        top=_table(("rank", "code", "name", "sector", "score", "expected return"), _top_rows(place, outcome)),
        rank_ic=_table(("horizon", "rank IC", "t", "attainable"), _rank_ic_rows(outcome)),
        stages=_bars(list(outcome.stages.items())),
        tasks=_bars([(task.task, task.waited + task.ran) for task in outcome.daily[last]]),
        memory=f"{outcome.peak / 2**30:.1f} GiB",
        report=html.escape(_training_report(place, outcome)),
    )
    target = place.home / "demo.html"
    target.write_text(page, encoding="utf-8")
    return target


def _top(place: Workplace, outcome: Outcome) -> pl.DataFrame:
    settings, last = place.settings(), max(outcome.daily)
    listed = Lake.of(settings).read("securities", last, ["code", "name", "sector33"])
    return open_store(settings.store).top(last, TOP_HORIZON, TOP).join(listed, on="code", how="left").sort("rank")


def _top_rows(place: Workplace, outcome: Outcome) -> Iterable[Sequence[str]]:
    for row in _top(place, outcome).iter_rows(named=True):
        expected = "" if row["expected_return"] is None else f"{row['expected_return']:+.2%}"
        yield str(row["rank"]), row["code"], row["name"] or "", row["sector33"] or "", f"{row['score']:+.4f}", expected


def _rank_ic_rows(outcome: Outcome) -> Iterable[Sequence[str]]:
    for horizon, found in outcome.trained["rank_ic"].items():
        yield f"{horizon} sessions", f"{found['rank_ic']:+.4f}", f"{found['t']:.1f}", _beside(found)


def _beside(found: dict[str, float]) -> str:
    if "attainable" not in found:
        return "attainable: not known on a real market"
    return f"attainable {found['attainable']:+.4f}, recovered {found['rank_ic'] / found['attainable']:.0%}"


def _training_report(place: Workplace, outcome: Outcome) -> str:
    name = f"{outcome.trained['model']}-v{outcome.trained['version']}.html"
    return (place.home / "reports" / name).read_text(encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>{body}</table>"


def _bars(values: Sequence[tuple[str, float]]) -> str:
    longest = max((seconds for _, seconds in values), default=1.0) or 1.0
    return "".join(
        f'<div class="bar"><span>{html.escape(name)}</span>'
        f'<i style="width:{60 * seconds / longest:.1f}%"></i><b>{seconds:.1f} s</b></div>'
        for name, seconds in values
    )
