"""What a gate found, and how a run is stopped by it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from tosho.observability.log import logger

log = logger(__name__)

NOT_MEASURED = math.nan
"""The value of a gate that had nothing to judge. It keeps no bound, so that such a gate fails."""


@dataclass(frozen=True)
class Verdict:
    """One gate's finding: the value it measured, the bound for it, and whether it holds.

    One that does not stop a run is a warning when it fails.
    """

    gate: str
    value: float
    relation: Literal["at least", "at most"]
    bound: float
    passed: bool
    detail: str
    advice: str
    stops: bool = True

    def __str__(self) -> str:
        """Return the finding as a sentence."""
        value = "could not be measured" if math.isnan(self.value) else f"is {self.value:.6g}"
        return f"Gate {self.gate}: the value {value}, the bound is {self.relation} {self.bound:g}. {self.detail}"


class GateFailedError(ValueError):
    """A gate stopped the run. `verdicts` holds what every gate of the stage found."""

    def __init__(self, message: str, verdicts: Sequence[Verdict]) -> None:
        super().__init__(message)
        self.verdicts = tuple(verdicts)

    def __reduce__(self) -> tuple[type[GateFailedError], tuple[str, tuple[Verdict, ...]]]:
        """Travel between processes whole."""
        return type(self), (str(self), self.verdicts)


def at_least(gate: str, value: float, bound: float, detail: str, advice: str) -> Verdict:
    """Return the verdict on a value that must not be smaller; one that is not a number fails."""
    return Verdict(gate, value, "at least", bound, value >= bound, detail, advice)


def at_most(gate: str, value: float, bound: float, detail: str, advice: str) -> Verdict:
    """Return the verdict on a value that must not be larger; one that is not a number fails."""
    return Verdict(gate, value, "at most", bound, value <= bound, detail, advice)


def share(part: float, whole: float) -> float:
    """Return a fraction; of nothing it is not measured."""
    return part / whole if whole else NOT_MEASURED


def some(codes: Iterable[str], limit: int = 8) -> str:
    """Return the first few codes as text."""
    found = sorted(codes)
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return (", ".join(found[:limit]) or "none") + more


def enforce(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Log every verdict, and return them when no gate that stops a run failed.

    Raises:
        GateFailedError: Such a gate failed, or none was asked. The sentence is the first failed one's and names the
            others.
    """
    for verdict in verdicts:
        if verdict.passed:
            log.info("passed %s", verdict)
        elif verdict.stops:
            log.error("FAILED %s", verdict)
        else:
            log.warning("warning %s %s", verdict, verdict.advice)
    failed = stopping(verdicts)
    if not verdicts:
        raise GateFailedError("No gate was asked, and that is no pass. Call the stage's gates on its tables.", ())
    if failed:
        others = f" Also failed: {', '.join(v.gate for v in failed[1:])}." if failed[1:] else ""
        raise GateFailedError(f"{failed[0]} {failed[0].advice}{others}", verdicts)
    return list(verdicts)


def stopping(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the failed verdicts that stop a run."""
    return [verdict for verdict in verdicts if verdict.stops and not verdict.passed]


def to_json(verdicts: Sequence[Verdict]) -> str:
    """Return the verdicts as JSON; a value that was not measured is null."""
    rows = [asdict(v) | {"value": None if math.isnan(v.value) else v.value} for v in verdicts]
    return json.dumps(rows, ensure_ascii=False)


def from_json(text: str) -> list[Verdict]:
    """Return the verdicts that `to_json` wrote."""
    rows = json.loads(text)
    return [Verdict(**row | {"value": NOT_MEASURED if row["value"] is None else row["value"]}) for row in rows]
