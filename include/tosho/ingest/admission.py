"""Before work: does the key fill what the declared plan has?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tosho.ingest import plans
from tosho.ingest.capabilities import Capability, capabilities
from tosho.ingest.errors import KeyRefusedError, PlanTooSmallError
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.last_probe import LastProbe
from tosho.ingest.sources import SOURCES
from tosho.observability.log import logger

_log = logger(__name__)
REFUSED: Final = frozenset({"plan", "path"})
NEEDED: Final = frozenset({plans.BULK_LIST, plans.BULK_GET, *(source.endpoint for source in SOURCES if source.always)})
"""Endpoints without which no session is whole, or no history begins."""


def admitted(client: JQuantsClient, last_probe: LastProbe) -> list[str]:
    """Ask each endpoint of the declared plan a small question, and return the tables that the key fills.

    An endpoint that gives no answer at the moment is not held against the key. One that is refused is told, and what
    it fills is skipped, unless no session is whole without it. What every endpoint answered is kept.

    Raises:
        KeyRefusedError: The key is not accepted.
        PlanTooSmallError: The key is refused what no session can be without; the sentence names the endpoints.
        ServiceUnavailableError: Not even the calendar answers.
    """
    last_probe.forget()
    found = capabilities(client, only=client.terms.endpoints)
    if keyless := [one.said for one in found.values() if one.state == "key"]:
        raise KeyRefusedError(keyless[0])
    lacking = {endpoint: one.said for endpoint, one in found.items() if one.state in REFUSED}
    _tell(client, lacking)
    within = [source for source in SOURCES if source.within(client.terms)]
    tables = [source.table for source in within if source.endpoint not in lacking]
    _log.info("plan %s: the key fills %d tables: %s", client.plan, len(tables), ", ".join(tables))
    if _is_certain(found):
        last_probe.keep(client, tables, datetime.now(UTC).date())
    return tables


def admitted_lately(client: JQuantsClient, last_probe: LastProbe) -> list[str]:
    """Return the tables that the key fills, as it was told within the week, else by asking.

    A key that was revoked since is told by the run's own first question, which is the calendar: every plan has it.

    Raises:
        KeyRefusedError, PlanTooSmallError, ServiceUnavailableError: As from `admitted`.
    """
    told = last_probe.recall(client, datetime.now(UTC).date())
    if told is None:
        return admitted(client, last_probe)
    where = (client.plan, len(told.tables), told.on, ", ".join(told.tables))
    _log.info("plan %s: the key fills %d tables, as it did on %s: %s", *where)
    return told.tables


def _tell(client: JQuantsClient, lacking: Mapping[str, str]) -> None:
    """Say what a key is refused that the declared plan has; nothing where that is nothing."""
    told = (
        f"The settings declare plan {client.plan!r}, and its key is refused {', '.join(lacking)}. The first said: "
        f"{next(iter(lacking.values()), '')} Declare the plan that you have (TOSHO_JQUANTS_PLAN)."
    )
    if NEEDED & lacking.keys():
        raise PlanTooSmallError(f"{told} Nothing was taken in.")
    if lacking:
        _log.error("%s What these endpoints fill is skipped.", told)


def _is_certain(found: Mapping[str, Capability]) -> bool:
    """Tell whether every endpoint said whether it has the key."""
    return all(one.state != "unknown" for one in found.values())
