"""Whether a new model takes the place of the one in service, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tosho.evaluation.ic import DailyIC, estimate
from tosho.evaluation.nulls import NullTest
from tosho.evaluation.paired import paired
from tosho.evaluation.significance import SIGNIFICANT

LEAST_COMMON = 60
"""Out-of-sample sessions that two models must share to be compared."""


@dataclass(frozen=True)
class Champion:
    """The model in service: its out-of-sample series, the last session that it knew, and why it is retired, if so."""

    version: str
    daily: DailyIC
    knew: date
    retired: str = ""


@dataclass(frozen=True)
class Decision:
    """Promoted or not; the reasons say what was compared, what was found and what the bound was."""

    promoted: bool
    reasons: tuple[str, ...]


def decide(
    challenger: DailyIC,
    tests: Sequence[NullTest],
    champion: Champion | None,
    knew: date,
    uncovered: Sequence[str] = (),
) -> Decision:
    """Return whether the challenger is promoted.

    It must pass every test and beat zero. Where a champion serves, it must not have known less of the market, and
    where that one's features are not retired its intervals must hold, and it must beat it on the same out-of-sample
    sessions.

    Args:
        challenger: Its out-of-sample series.
        tests: What it had to pass.
        champion: The model in service, if there is one.
        knew: The last session whose data the challenger's training knew.
        uncovered: Of intervals that do not hold, in sentences.
    """
    if champion and knew < champion.knew:
        older = (
            f"Its training knew the market up to {knew}, that of champion {champion.version} up to {champion.knew}; "
            "an older view never takes the place of a newer one."
        )
        return Decision(promoted=False, reasons=("Not promoted: the champion knows later sessions.", older))
    if failed := [test.sentence for test in tests if not test.passed]:
        return Decision(promoted=False, reasons=("Not promoted: a test failed.", *failed))
    zero = estimate(challenger)
    against_zero = (
        f"Rank IC over all horizons is {zero.mean:+.4f} on {zero.sessions} out-of-sample sessions, "
        f"t = {zero.t:.2f} with lag {zero.lag}; the bound is {SIGNIFICANT:g}."
    )
    if not zero.beats_zero:
        return Decision(promoted=False, reasons=("Not promoted: it does not beat zero.", against_zero))
    if champion is None or champion.retired:
        why = champion.retired if champion else "the first model that beats zero."
        return Decision(promoted=True, reasons=(f"Promoted: {why}", against_zero))
    if uncovered:
        return Decision(promoted=False, reasons=("Not promoted: its intervals do not hold.", *uncovered, against_zero))
    return _compare(challenger, champion, against_zero)


def _compare(challenger: DailyIC, champion: Champion, against_zero: str) -> Decision:
    found = paired(challenger, champion.daily).overall
    common = len(set(challenger.sessions) & set(champion.daily.sessions))
    if common < LEAST_COMMON:
        few = (
            f"It shares {common} out-of-sample sessions with champion {champion.version}; a comparison takes "
            f"{LEAST_COMMON}."
        )
        return Decision(promoted=False, reasons=("Not promoted: it cannot be compared yet.", few, against_zero))
    against = (
        f"Against champion {champion.version} on {found.sessions} common sessions its rank IC is {found.mean:+.4f} "
        f"higher, t = {found.t:.2f} with lag {found.lag}; the bound is {SIGNIFICANT:g}."
    )
    verdict = "Promoted: it beats the champion." if found.beats_zero else "Not promoted: it does not beat the champion."
    return Decision(promoted=found.beats_zero, reasons=(verdict, against, against_zero))
