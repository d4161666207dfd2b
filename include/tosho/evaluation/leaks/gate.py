"""The leak gate: every question asked of every feature of a set, and every canary looked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial

from tosho.dataset.labels import label_bars
from tosho.evaluation.leaks import checks, signal
from tosho.evaluation.leaks.canaries import Canary, Check, canaries, planted
from tosho.evaluation.leaks.checks import LOOKED_AT, Found, Subject
from tosho.evaluation.leaks.market import Market
from tosho.evaluation.leaks.signal import RankIC
from tosho.features.columns import KEY
from tosho.features.plan import Plan
from tosho.quality.verdict import Verdict, at_most

CUTS = (8, 21, 34)
"""Sessions before the last at which the market is cut: on different days of the week, and with some to come."""

SAMPLED = 200
"""Sessions over which a rank IC is measured, spread over the market, at most."""

ROWS = "session, code"
"""Named in the place of a feature where rows came or went."""


class MarketTooSmallError(ValueError):
    """A market cannot show what is asked of it."""


QUESTIONS: Mapping[Check, str] = {
    Check.PREFIX: "Do values up to a session keep every bit when all tables end there?",
    Check.SUFFIX: "And when the rows after it are shuffled, multiplied by 1.7, or null?",
    Check.ORDER: "And when the rows of all tables come in another order?",
    Check.OTHERS: "Do a code's values through time stay when other codes go or change?",
    Check.WARM_UP: "Is there a value only, and always, once the declared lookback is full?",
    Check.RANK_IC: "Does no feature order the returns that follow beyond belief?",
    Check.NAMES: "Does nothing that is read bear the name of a label?",
}
ADVICE = "Give the feature, or the records that it reads, nothing but rows that are known in its session."


@dataclass(frozen=True)
class Answer:
    """What a check found: features that fail, and of each canary that it must find what was seen, empty if unseen."""

    check: Check
    found: Found
    canaries: Mapping[Canary, str]
    seconds: float

    @property
    def blind_to(self) -> list[Canary]:
        """The canaries that it did not find."""
        return [canary for canary, seen in self.canaries.items() if not seen]

    @property
    def passed(self) -> bool:
        """Whether it found every canary and nothing else."""
        return not (self.found or self.blind_to)

    def sentences(self) -> Iterator[str]:
        """Yield what is wrong."""
        for canary in self.blind_to:
            yield (
                f"The gate is blind: {self.check} did not find {canary.name}. {canary.wrong} Until it is found, what "
                "this check passes is not proven."
            )
        for name, seen in self.found.items():
            yield f"{self.check}: {name}. {seen}"

    def verdicts(self) -> list[Verdict]:
        """Return what it found as verdicts: on the features, and on itself."""
        told = " ".join(f"{name}: {seen}" for name, seen in list(self.found.items())[:3])
        unseen = ", ".join(canary.name for canary in self.blind_to) or "none"
        return [
            at_most(f"leaks.{self.check}", len(self.found), 0, f"Features that fail: {told or 'none.'}", ADVICE),
            at_most(
                f"leaks.{self.check}.canaries",
                len(self.blind_to),
                0,
                f"Planted faults that it did not find, of {len(self.canaries)}: {unseen}.",
                "Mend the gate: what it passes is not proven.",
            ),
        ]


@dataclass(frozen=True)
class Outcome:
    """What a run of the gate found."""

    title: str
    features: Sequence[str]
    market: Market
    cuts: Sequence[date]
    answers: Sequence[Answer]
    rank_ics: Sequence[RankIC]
    unjudged: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(answer.passed for answer in self.answers)

    def sentences(self) -> list[str]:
        """Return what is wrong."""
        return [sentence for answer in self.answers for sentence in answer.sentences()]

    def verdicts(self) -> list[Verdict]:
        """Return what all checks found."""
        return [verdict for answer in self.answers for verdict in answer.verdicts()]


@dataclass(frozen=True)
class Gate:
    """A set's plan before the gate, on a market: `answers` asks one question after the other."""

    market: Market
    passes: Plan
    _measured: list[RankIC] = field(default_factory=list)

    def __post_init__(self) -> None:
        need = max(CUTS) + LOOKED_AT + 1
        if len(self.market.sessions) < need:
            raise MarketTooSmallError(
                f"The market has {len(self.market.sessions)} sessions; the gate cuts it {max(CUTS)} before its end and "
                f"compares {LOOKED_AT}, so it needs {need} at least, and the longest lookback of the set beside."
            )

    @cached_property
    def canaries(self) -> tuple[Canary, ...]:
        """The faults that are planted."""
        return canaries()

    @cached_property
    def subject(self) -> Subject:
        """What is judged."""
        cuts = tuple(self.market.sessions[-1 - back] for back in CUTS)
        return Subject(self.market, planted(self.passes, self.canaries), cuts)

    def answers(self) -> Iterator[Answer]:
        """Yield what each check finds, in the order of `QUESTIONS`."""
        asked: Mapping[Check, Callable[[], Found]] = {
            Check.PREFIX: partial(checks.prefix, self.subject),
            Check.SUFFIX: partial(checks.suffix, self.subject),
            Check.ORDER: partial(checks.order, self.subject),
            Check.OTHERS: partial(checks.others, self.subject),
            Check.WARM_UP: partial(checks.warm_up, self.subject),
            Check.RANK_IC: self._rank_ics,
            Check.NAMES: partial(checks.names, self.subject),
        }
        for check in QUESTIONS:
            began = time.monotonic()
            yield self._answer(check, asked[check](), began)

    def outcome(self, title: str, answers: Sequence[Answer]) -> Outcome:
        """Return what all checks found."""
        return Outcome(
            title, self.passes.names, self.market, self.subject.cuts, answers, tuple(self._measured), self._unjudged()
        )

    def _answer(self, check: Check, found: Found, began: float) -> Answer:
        own = {name: seen for name, seen in found.items() if name not in {canary.name for canary in self.canaries}}
        seen = {canary: found.get(canary.name, "") for canary in self.canaries if check in canary.found_by}
        return Answer(check, own, seen, time.monotonic() - began)

    def _rank_ics(self) -> Found:
        tables, sessions = self.market.tables, self.market.sessions
        apart = -(-len(sessions) // SAMPLED)
        listed = tables["securities"].select(KEY) if tables["securities"].height else None
        labels = label_bars(tables["bars"], listed, sessions)
        values = self.subject.values(sessions[::apart], len(sessions))
        measured = signal.rank_ics(values.sort(KEY), labels, self.subject.passes.names, apart)
        self._measured[:] = [one for one in measured if one.feature in set(self.passes.names)]
        return signal.alarms(measured)

    def _unjudged(self) -> dict[str, str]:
        before, lookback = self.market.sessions.index(max(self.subject.cuts)), self.passes.lookback
        young = {
            name: f"It looks back on {lookback[name]} sessions; the market has {before} before the last cut."
            for name in self.passes.names
            if lookback[name] > before
        }
        return {name: told for name, told in checks.unfed(self.subject).items() if name in lookback} | young


def judge(market: Market, passes: Plan, title: str, say: Callable[[Answer], None] | None = None) -> Outcome:
    """Ask every question of a plan's features on a market.

    Args:
        market: The tables.
        passes: The plan.
        title: What is judged, in words.
        say: Called with each answer as it comes.

    Raises:
        MarketTooSmallError: The market has too few sessions to be cut.
    """
    gate = Gate(market, passes)
    answers = []
    for answer in gate.answers():
        answers.append(answer)
        if say:
            say(answer)
    return gate.outcome(title, answers)
