"""A training run over again: the version that the same data and settings made is found, not made a second time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from tosho.config import Settings
from tosho.evaluation import comparison_report
from tosho.models.bundle import BundleError
from tosho.models.registry import CHAMPION, PROMOTED, Decides, Registered, Registry, decisions
from tosho.observability.log import logger
from tosho.steps.origin import Origin

log = logger(__name__)

SUMMARY = "summary.json"
"""The artefact that holds a run in short."""

PAGE = "report.html"
"""The artefact that a person reads."""

PAGES = {"report": PAGE, "comparison": comparison_report.PAGE}
"""The pages that a run may leave, by the name under which it tells where they are."""


def recall(settings: Settings, registry: Registry, origin: Origin, decides: Decides) -> dict[str, object] | None:
    """Return in short the run that made a version of this origin, completed if it died; None if there is none.

    A version whose bundle cannot be used here any more (another LightGBM, say) does not count.
    """
    found = registry.made_from(origin.digest)
    if found is None:
        return None
    try:
        registry.bundle(found)
    except BundleError as error:
        log.warning("Version %s was made of the same data and settings; it is trained anew: %s", found.version, error)
        return None
    summary = dict(json.loads(registry.artefact(found, SUMMARY)))
    log.info("Version %s was made of the same data and settings; nothing is trained.", found.version)
    summary |= _complete(registry, found, summary, decides)
    kept = registry.artefacts(found)
    pages = {page: registry.artefact(found, page).decode() for page in PAGES.values() if page in kept}
    return summary | named(settings, found, pages) | {"is_new": False}


def named(settings: Settings, registered: Registered, pages: Mapping[str, str]) -> dict[str, object]:
    """Return what a run is called, and leave its pages where a person finds them."""
    folder = Path(settings.home) / "reports"
    folder.mkdir(parents=True, exist_ok=True)
    left: dict[str, object] = {}
    for what, page in PAGES.items():
        if page in pages:
            ending = "" if page == PAGE else f"-{what}"
            target = folder / f"{registered.name}-v{registered.version}{ending}.html"
            target.write_text(pages[page], encoding="utf-8")
            left[what] = str(target)
    return {"model": registered.name, "version": registered.version, "run_id": registered.run_id, **left}


def _complete(
    registry: Registry, found: Registered, summary: Mapping[str, object], decides: Decides
) -> dict[str, bool]:
    """Promote what has earned it and is not promoted yet, or leave it to a person, unless it is settled since."""
    earned = summary["promoted"] or summary.get("awaits_approval")  # earlier versions of Tosho did not tell the latter
    was_promoted = found.tags.get(PROMOTED) == "true"
    if not earned or was_promoted or decisions(found) or _is_overtaken(registry, found):
        return {"promoted": was_promoted, "awaits_approval": False}
    if decides == "figures":
        registry.promote(found)
    return {"promoted": decides == "figures", "awaits_approval": decides == "person"}


def _is_overtaken(registry: Registry, found: Registered) -> bool:
    champion = registry.find(CHAMPION)
    return champion is not None and int(champion.version) > int(found.version)
