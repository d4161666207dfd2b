"""What became stale: features that were made from other data than is published now."""

from __future__ import annotations

from datetime import date
from typing import Any

from tosho.calendar import next_session
from tosho.features import inputs
from tosho.observability.log import logger
from tosho.storage import Lake

_log = logger(__name__)


def stale(lake: Lake, first: date | None = None, last: date | None = None) -> list[date]:
    """Return the sessions of a range whose features were made from other data than is published now, in order."""
    return list(reasons(lake, first, last))


def reasons(lake: Lake, first: date | None = None, last: date | None = None) -> dict[date, str]:
    """Return the same sessions, each with what changed: the first input partition, and how many more."""
    return {found.session: found.why for found in inputs.stale(lake, first, last)}


def report_later(lake: Lake, session: date) -> dict[str, Any]:
    """Tell, in the log too, which later sessions have stale features once a session was taken in again.

    Of the newest session there is no later one, and nothing is read.

    Returns:
        `sessions`, how many; where there are any also `first`, `last` and `why`, the reason of the first.
    """
    found = reasons(lake, next_session(session))
    if not found:
        return {"sessions": 0}
    first, last = min(found), max(found)
    _log.warning(
        "%d sessions from %s to %s have stale features: %s. A run with the parameter `session` or `codes` builds them "
        "again after its own; after any other: Run the Dag `history` from %s to %s with build `stale`. `tosho lake "
        "stale` lists them.",
        *(len(found), first, last, found[first], first, last),
    )
    return {"sessions": len(found), "first": first.isoformat(), "last": last.isoformat(), "why": found[first]}
