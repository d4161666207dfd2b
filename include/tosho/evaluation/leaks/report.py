"""What the leak gate found, as JSON and on one page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from tosho.evaluation.leaks.gate import QUESTIONS, Answer, Outcome
from tosho.evaluation.leaks.signal import RankIC

STRONGEST = 20
"""Rank ICs that the page shows."""

_PAGE = Path(__file__).with_name("leaks.html")


def to_json(outcome: Outcome) -> str:
    """Return everything that was found, for a program."""
    found: dict[str, Any] = {
        "title": outcome.title,
        "passed": outcome.passed,
        "features": len(outcome.features),
        "codes": len(outcome.market.codes),
        "first": outcome.market.sessions[0].isoformat(),
        "last": outcome.market.sessions[-1].isoformat(),
        "sessions": len(outcome.market.sessions),
        "cuts": [cut.isoformat() for cut in outcome.cuts],
        "checks": [_answer(answer) for answer in outcome.answers],
        "rank_ics": [_rank_ic(one) for one in outcome.rank_ics],
        "unjudged": dict(outcome.unjudged),
        "sentences": outcome.sentences(),
    }
    return json.dumps(found, indent=1, ensure_ascii=False)


def render(outcome: Outcome) -> str:
    """Return the page: HTML with no other file."""
    planted = [canary for answer in outcome.answers for canary in answer.canaries]
    unseen = sum(len(answer.blind_to) for answer in outcome.answers)
    tiles = (
        ("features", f"{len(outcome.features)}"),
        ("codes", f"{len(outcome.market.codes):,}"),
        ("sessions", f"{len(outcome.market.sessions):,}"),
        ("findings", f"{sum(len(answer.found) for answer in outcome.answers)}"),
        ("canaries found", f"{len(planted) - unseen} of {len(planted)}"),
    )
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        title=escape(outcome.title),
        state="passed" if outcome.passed else "stopped",
        headline=_headline(outcome, unseen),
        market=f"{outcome.market.sessions[0]} to {outcome.market.sessions[-1]}, cut at "
        f"{', '.join(str(cut) for cut in sorted(outcome.cuts))}",
        tiles="".join(f'<div class="tile"><b>{value}</b>{name}</div>' for name, value in tiles),
        findings="".join(f"<p>{escape(sentence)}</p>" for sentence in outcome.sentences()) or "<p>None.</p>",
        checks=_table(("check", "question", "features that fail", "canaries", "seconds", ""), _checks(outcome.answers)),
        canaries=_table(("canary", "what is wrong with it", "check", "seen"), _canaries(outcome.answers)),
        strongest=_table(("feature", "horizon", "rank IC", "bound", "sessions"), _strongest(outcome.rank_ics)),
        unjudged=_table(("feature", "why"), ((escape(n), escape(why)) for n, why in outcome.unjudged.items()))
        if outcome.unjudged
        else "<p>None.</p>",
    )


def line(answer: Answer) -> str:
    """Return an answer as a line of the table on the terminal, under `HEAD`."""
    seen = len(answer.canaries) - len(answer.blind_to)
    state = "passed" if answer.passed else "FAILED"
    return (
        f"{answer.check:<9} {len(answer.found):>5} {f'{seen} of {len(answer.canaries)}':>9} "
        f"{answer.seconds:>7.1f}  {state}  {QUESTIONS[answer.check]}"
    )


HEAD = f"{'check':<9} {'found':>5} {'canaries':>9} {'seconds':>7}"


def _headline(outcome: Outcome, unseen: int) -> str:
    if unseen:
        return "The gate is blind to a fault that was planted: what it passes is not proven."
    return "No leak was found, and every planted one was." if outcome.passed else "A feature may know what comes later."


def _answer(answer: Answer) -> dict[str, Any]:
    return {
        "check": answer.check.value,
        "question": QUESTIONS[answer.check],
        "passed": answer.passed,
        "found": dict(answer.found),
        "canaries": {canary.name: seen or None for canary, seen in answer.canaries.items()},
        "seconds": round(answer.seconds, 2),
    }


def _rank_ic(one: RankIC) -> dict[str, Any]:
    return {
        "feature": one.feature,
        "horizon": one.horizon,
        "value": round(one.value, 5),
        "bound": round(one.bound, 5),
        "sessions": one.sessions,
    }


def _checks(answers: Iterable[Answer]) -> Iterator[Sequence[str]]:
    for answer in answers:
        seen = f"{len(answer.canaries) - len(answer.blind_to)} of {len(answer.canaries)}"
        state = '<i class="passed">passed</i>' if answer.passed else '<i class="stopped">failed</i>'
        question = escape(QUESTIONS[answer.check])
        yield answer.check.value, question, f"{len(answer.found)}", seen, f"{answer.seconds:.1f}", state


def _canaries(answers: Iterable[Answer]) -> Iterator[Sequence[str]]:
    for answer in answers:
        for canary, seen in answer.canaries.items():
            told = escape(seen) if seen else '<i class="stopped">not seen</i>'
            yield escape(canary.name), escape(canary.wrong), answer.check.value, told


def _strongest(measured: Sequence[RankIC]) -> Iterator[Sequence[str]]:
    for one in sorted(measured, key=lambda one: -abs(one.value) / one.bound)[:STRONGEST]:
        yield escape(one.feature), f"{one.horizon}", f"{one.value:+.4f}", f"{one.bound:.4f}", f"{one.sessions}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>\n{body}</table>"
