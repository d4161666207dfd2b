"""Promotion that a person approves: what is asked of them, and what comes of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tosho.config import Settings
from tosho.evaluation.promotion import Decision
from tosho.models.registry import CHAMPION, Decided, Registered, Registry, decisions
from tosho.observability.log import logger
from tosho.steps import succession

log = logger(__name__)


def held(earned: Decision) -> Decision:
    """Return a decision that promotes nothing: what earned promotion awaits a person's word.

    >>> held(Decision(True, ("Promoted: it beats the champion.", "By so much."))).reasons[0]
    "Awaits a person's approval, having earned promotion: it beats the champion."
    """
    if not earned.promoted:
        return earned
    verdict = earned.reasons[0].removeprefix("Promoted: ")
    first = f"Awaits a person's approval, having earned promotion: {verdict}"
    return Decision(promoted=False, reasons=(first, *earned.reasons[1:]))


def question(trained: Mapping[str, Any]) -> dict[str, str]:
    """Return `subject` and `body` (Markdown) of what a person is asked about a training run's version."""
    name = f"{trained['model']} version {trained['version']}"
    return {"subject": f"Promote {name}?", "body": "\n".join(_body(trained))}


def settle(settings: Settings, trained: Mapping[str, Any], decided: Decided, *, is_approved: bool) -> dict[str, object]:
    """Promote the version that a training run made, or leave the champion, as a person says; keep who, why and when.

    An answer that was carried out already (a retry) changes nothing, whatever was decided since.

    Args:
        settings: The installation, with the feature set of the training.
        trained: The training run in short.
        decided: Who answered, why and when.
        is_approved: Whether it is to be promoted.

    Raises:
        NoModelError: The version is not there any more.
        BundleError: It has no bundle that can be trusted on this machine.
        NotPromotableError: No reason is given, or its features are not those of the settings.
    """
    registry = Registry(settings, str(trained["model"]))
    found = succession.find(registry, str(trained["version"]))
    if any((made.who, made.when) == (decided.who, decided.when) for made in decisions(found)):
        log.info("The answer of %s at %s was carried out already.", decided.who, decided.when)
    elif is_approved:
        _promote(registry, found, decided)
    else:
        succession.decline(registry, found.version, decided)
    champion = registry.find(CHAMPION)
    told = {"who": decided.who, "why": decided.why, "champion": champion.version if champion else None}
    return {"model": registry.name, "version": found.version, "approved": is_approved, **told}


def _promote(registry: Registry, found: Registered, decided: Decided) -> None:
    champion = registry.find(CHAMPION)
    if champion and champion.version == found.version:  # by a try that died before it kept the decision, or by hand
        registry.promote(found, decided)
    else:
        succession.promote(registry, found.version, decided)


def _body(trained: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"- {reason}" for reason in trained["reasons"])
    yield "\n| horizon | rank IC | t | sessions |\n|---|---|---|---|"
    for horizon, found in trained["rank_ic"].items():
        yield f"| {horizon} | {found['rank_ic']:+.4f} | {found['t']:.2f} | {found['sessions']} |"
    yield f"\nTrained on {trained['sessions']} sessions; it knew the market up to {trained['knew']}."
    yield f"\nReport: `{trained['report']}`"
