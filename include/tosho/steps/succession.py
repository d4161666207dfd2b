"""A person's decisions about who is champion: promotion by hand, and the way back. Who and why are kept."""

from __future__ import annotations

from tosho.config import Settings
from tosho.features.sets import feature_set
from tosho.models.bundle import Bundle
from tosho.models.registry import CHALLENGER, CHAMPION, Decided, NoModelError, Registered, Registry
from tosho.observability.log import logger

log = logger(__name__)


class NotPromotableError(ValueError):
    """A version cannot be put into service as it was asked."""


def find(registry: Registry, wanted: str) -> Registered:
    """Return a version by its number, or by the alias `champion` or `challenger`.

    Raises:
        NoModelError: There is none; the sentence names those that there are.
    """
    if wanted in (CHAMPION, CHALLENGER):
        found = registry.find(wanted)
    else:
        found = next((version for version in registry.versions() if version.version == wanted.removeprefix("v")), None)
    if found is None:
        there = ", ".join(version.version for version in registry.versions()) or "none"
        raise NoModelError(
            f"Version {wanted!r} of {registry.name} was asked for; there are: {there}. Ask for one of these, or for "
            f"`{CHAMPION}` or `{CHALLENGER}` where one bears that alias."
        )
    return found


def promote(registry: Registry, wanted: str, decided: Decided, *, may_differ: bool = False) -> Registered:
    """Make a version the champion because a person says so, and return it.

    Args:
        registry: The registered model.
        wanted: The version's number, or `challenger`.
        decided: Who says so, and why.
        may_differ: It may be fitted on other features than the settings name; the evening's scoring fails until these
            are computed.

    Raises:
        NoModelError: There is no such version.
        BundleError: It has no bundle, or one that cannot be trusted on this machine.
        NotPromotableError: No reason is given, it is the champion already, or its features are others.
    """
    _demand_reason(decided)
    found = find(registry, wanted)
    champion = registry.find(CHAMPION)
    if champion and champion.version == found.version:
        raise NotPromotableError(f"Version {found.version} of {found.name} is the champion already; nothing was done.")
    _demand_features(registry.settings, found, registry.bundle(found), may_differ=may_differ)
    registry.promote(found, decided)
    log.info("%s promoted version %s of %s: %s", decided.who, found.version, found.name, decided.why)
    return found


def decline(registry: Registry, wanted: str, decided: Decided) -> Registered:
    """Keep with a version that a person did not make it the champion, and return it; who serves stays as it is.

    Raises:
        NoModelError: There is no such version.
        NotPromotableError: No reason is given.
    """
    _demand_reason(decided)
    found = find(registry, wanted)
    registry.decline(found, decided)
    log.info("%s declined version %s of %s: %s", decided.who, found.version, found.name, decided.why)
    return found


def roll_back(registry: Registry, decided: Decided, *, may_differ: bool = False) -> tuple[Registered, Registered]:
    """Put the newest former champion into service again, and return it and the version that was withdrawn.

    What was withdrawn once is passed over by later rollbacks and scores no past session, until it is promoted again.

    Raises:
        NoModelError: There is no champion, or none before it.
        BundleError: The former champion cannot be trusted on this machine.
        NotPromotableError: No reason is given, or its features are others.
    """
    _demand_reason(decided)
    champion = registry.champion()
    former = next((version for version in registry.former() if version.version != champion.version), None)
    if former is None:
        raise NoModelError(
            f"{registry.name} has no champion before version {champion.version} to go back to. Promote a version by "
            "its number, or train a new one."
        )
    _demand_features(registry.settings, former, registry.bundle(former), may_differ=may_differ)
    registry.withdraw(champion, decided)
    registry.promote(former, decided)
    log.info("%s went back from version %s to %s: %s", decided.who, champion.version, former.version, decided.why)
    return former, champion


def _demand_reason(decided: Decided) -> None:
    if not (decided.who.strip() and decided.why.strip()):
        raise NotPromotableError(
            f"A decision needs who made it and why; given were {decided.who!r} and {decided.why!r}. Say both."
        )


def _demand_features(settings: Settings, found: Registered, bundle: Bundle, *, may_differ: bool) -> None:
    asked, columns = feature_set(settings.feature_set), bundle.columns
    if (columns.feature_set, columns.number) != (asked.name, asked.number) and not may_differ:
        raise NotPromotableError(
            f"Version {found.version} of {found.name} was fitted on feature set {columns.feature_set} number "
            f"{columns.number}; this installation computes {asked.name} number {asked.number}, on which it cannot "
            "score. Choose another version, or say that other features are meant (`--other-features`)."
        )
