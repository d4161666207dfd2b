"""Before long work: does the key fill what the declared plan has?"""

from __future__ import annotations

from typing import Final

from tosho.ingest.capabilities import capabilities
from tosho.ingest.errors import KeyRefusedError, PlanTooSmallError
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.sources import SOURCES
from tosho.observability.log import logger

_log = logger(__name__)
REFUSED: Final = frozenset({"plan", "path"})


def admitted(client: JQuantsClient) -> list[str]:
    """Ask each endpoint of the declared plan a small question, and return the tables that the key fills.

    An endpoint that gives no answer at the moment is not held against the key.

    Raises:
        KeyRefusedError: The key is not accepted.
        PlanTooSmallError: The key's plan has less than the declared one; the sentence names the endpoints.
        ServiceUnavailableError: Not even the calendar answers.
    """
    found = capabilities(client, only=client.terms.endpoints)
    if keyless := [one.said for one in found.values() if one.state == "key"]:
        raise KeyRefusedError(keyless[0])
    if lacking := {endpoint: one.said for endpoint, one in found.items() if one.state in REFUSED}:
        raise PlanTooSmallError(
            f"The settings declare plan {client.plan!r}, and its key is refused {', '.join(lacking)}. The first said: "
            f"{next(iter(lacking.values()))} Declare the plan that you have (TOSHO_JQUANTS_PLAN); nothing was taken in."
        )
    tables = [source.table for source in SOURCES if source.within(client.terms)]
    _log.info("plan %s: the key fills %d tables: %s", client.plan, len(tables), ", ".join(tables))
    return tables
