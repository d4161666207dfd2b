"""What a key can fill: one small question to every endpoint that Tosho knows.

J-Quants answers 403 alike to a bad key, to a wrong path and to an endpoint outside the plan. The calendar, which every
plan has, tells the first from the others; what the plan in the settings should have tells the other two apart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final, Literal, NamedTuple

from tosho.config import Plan
from tosho.ingest import plans
from tosho.ingest.errors import (
    AccessRefusedError,
    KeyRefusedError,
    NotYetPublishedError,
    OutsideWindowError,
    PayloadError,
    PlanTooSmallError,
    RequestRefusedError,
    ServiceUnavailableError,
)
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.plans import PLANS

State = Literal["ok", "plan", "key", "path", "unknown"]
Told = Callable[[str, "Capability"], None]

WEEKS_AGO: Final = 20
"""Inside every plan's window: the free one begins twelve weeks ago."""
_CODE: Final = {"code": "72030"}


class Capability(NamedTuple):
    """Whether an endpoint answers a key, else why not; and what it said."""

    state: State
    said: str


def _unheard(_: str, __: Capability) -> None:
    """Tell nobody."""


def questions(day: date) -> dict[str, dict[str, str]]:
    """Return the cheapest question there is to each endpoint; on a Sunday most have nothing to answer."""
    on, within = {"date": day.isoformat()}, {"from": day.isoformat(), "to": day.isoformat()}
    return {
        plans.CALENDAR: within,  # first: every plan has it
        plans.MASTER: _CODE | on,
        plans.BARS: _CODE | on,
        plans.BARS_AM: _CODE,
        plans.TOPIX: within,
        plans.INDICES: {"code": "0000"} | on,
        plans.FINS: _CODE | on,
        plans.FINS_DETAILS: _CODE | on,
        plans.EARNINGS_DATE: on,
        plans.EARNINGS_CALENDAR: {},
        plans.DIVIDENDS: _CODE | on,
        plans.INVESTORS: within,
        plans.MARGIN_INTEREST: _CODE | on,
        plans.MARGIN_ALERT: _CODE | on,
        plans.SHORT_RATIO: {"s33": "0050"} | on,
        plans.SHORT_SALE_REPORT: {"disc_date": day.isoformat()},
        plans.BREAKDOWN: _CODE | on,
        plans.OPTIONS_225: on,
        plans.FUTURES: on,
        plans.OPTIONS: on,
        plans.BULK_LIST: {"endpoint": plans.TOPIX},  # one small file a month
        plans.BULK_GET: {},  # of a file that the list before named
    }


def sunday_before(now: datetime) -> date:
    """Return the Sunday that questions are about."""
    day = now.date() - timedelta(weeks=WEEKS_AGO)
    return day - timedelta(days=day.isoweekday() % 7)


def capabilities(
    client: JQuantsClient, told: Told = _unheard, day: date | None = None, only: Collection[str] | None = None
) -> dict[str, Capability]:
    """Ask every endpoint, and return what each said.

    Args:
        client: With the plan that the settings declare.
        told: Is told each endpoint's outcome when it is known.
        day: What is asked about; without it, a Sunday some months ago.
        only: These endpoints, beside the calendar; all when left out.

    Returns:
        By endpoint: `ok` (it answers, if only that there is nothing), `plan` (the key's plan has it not), `key` (the
        key is not accepted, or the address is not J-Quants'), `path` (the declared plan has it and it is refused: the
        path is wrong, or the key's plan is smaller than declared), `unknown` (it gave no answer that says).

    Raises:
        ServiceUnavailableError, PayloadError: Not even the calendar answers.
    """
    every = questions(day or sunday_before(datetime.now(UTC)))
    asked = {path: query for path, query in every.items() if only is None or path in only or path == plans.CALENDAR}
    found: dict[str, Capability] = {}
    for endpoint, query in asked.items():
        refused = found.get(plans.CALENDAR)
        if refused is not None and refused.state != "ok":
            found[endpoint] = refused  # without a good key no other question says anything
        elif endpoint == plans.CALENDAR:
            found[endpoint] = _of_calendar(client, query)
        elif endpoint == plans.BULK_GET:
            found[endpoint] = _of_file(client, found[plans.BULK_LIST])
        else:
            found[endpoint] = _of(client, endpoint, partial(_rows, client, endpoint, query))
        told(endpoint, found[endpoint])
    return found


def lacking(found: Mapping[str, Capability], plan: Plan) -> list[str]:
    """Return the endpoints that a plan has and the key could not be seen to have."""
    return [endpoint for endpoint, one in found.items() if endpoint in PLANS[plan].endpoints and one.state != "ok"]


def beyond(found: Mapping[str, Capability], plan: Plan) -> list[str]:
    """Return the endpoints that the key has and a plan has not."""
    return [endpoint for endpoint, one in found.items() if endpoint not in PLANS[plan].endpoints and one.state == "ok"]


def met(found: Mapping[str, Capability]) -> Plan | None:
    """Return the largest plan all of whose endpoints answer; None where not even the smallest one's do."""
    whole = [plan for plan in PLANS if not lacking(found, plan)]
    return max(whole, key=lambda plan: len(PLANS[plan].endpoints), default=None)


def _rows(client: JQuantsClient, endpoint: str, query: Mapping[str, str]) -> str:
    page = next(client.pages(endpoint, **query))
    return f"{page.rows.height} row(s)" if page.rows.height else "answers; nothing on that day"


def _of_calendar(client: JQuantsClient, query: Mapping[str, str]) -> Capability:
    try:
        return Capability("ok", _rows(client, plans.CALENDAR, query))
    except OutsideWindowError as error:
        return Capability("ok", str(error))
    except PlanTooSmallError as error:
        return Capability("plan", str(error))
    except AccessRefusedError as error:
        return Capability("key", f"Every plan has the calendar, so it is the key or the address. {error}")
    except RequestRefusedError as error:
        return Capability("unknown", str(error))


def _of_file(client: JQuantsClient, listed: Capability) -> Capability:
    if listed.state != "ok":
        return listed

    def ask() -> str:
        files = client.files(plans.TOPIX)
        if not files:
            return "is there with the list, which is empty"
        client.address(files[-1].key)
        return "gives the address of a file"

    return _of(client, plans.BULK_GET, ask)


def _of(client: JQuantsClient, endpoint: str, ask: Callable[[], str]) -> Capability:
    """Return what an endpoint's answer means when the key is known to be good."""
    try:
        return Capability("ok", ask())
    except (NotYetPublishedError, OutsideWindowError) as error:
        return Capability("ok", str(error))
    except (PlanTooSmallError, KeyRefusedError) as error:
        return Capability("plan" if isinstance(error, PlanTooSmallError) else "key", str(error))
    except AccessRefusedError as error:
        if endpoint not in client.terms.endpoints:
            return Capability("plan", f"The calendar answers and plan {client.plan!r} has not this. {error}")
        return Capability(
            "path",
            f"The calendar answers and plan {client.plan!r} should have this: the path is wrong, or the key's plan is "
            f"smaller than the settings say. {error}",
        )
    except (PayloadError, RequestRefusedError, ServiceUnavailableError) as error:
        return Capability("unknown", str(error))
