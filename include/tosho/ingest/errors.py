"""Why J-Quants gave no data: told apart, because each wants something else done.

What no second attempt can mend is a ValueError, as a broken contract is: AccessRefusedError and those under it, and
RequestRefusedError. What may pass is none: NotYetPublishedError, PayloadError, ServiceUnavailableError.
"""

from __future__ import annotations

import http
from typing import Final

NOTHING_YET: Final = 210
"""The status J-Quants invented for "not at this hour"."""


class AccessRefusedError(ValueError):
    """J-Quants refused, and its message does not say whether path, plan or key is the reason."""


class KeyRefusedError(AccessRefusedError):
    """The API key is not valid. A new one, or a correct copy of it, is needed."""


class PlanTooSmallError(AccessRefusedError):
    """The subscription has neither this endpoint nor these dates. A larger plan, or other dates, are needed."""


class OutsideWindowError(PlanTooSmallError):
    """The subscription has the endpoint and not the dates. Other dates are needed."""


class RequestRefusedError(ValueError):
    """J-Quants found fault with the parameters. That is a defect here."""


class NotYetPublishedError(LookupError):
    """There is nothing yet for what was asked. Later there may be."""


class PayloadError(ConnectionError):
    """An answer arrived that cannot be read: cut short, not JSON, or of another shape."""


class ServiceUnavailableError(ConnectionError):
    """J-Quants did not answer properly in as many attempts as are made. It may be asked again later."""


def refusal(status: int, said: str, asked: str, subscription: str) -> Exception:
    """Return the error that a refused request means.

    Status 403 stands for a bad key, a plan without the endpoint and a path that does not exist; the message tells
    them apart as far as it goes.
    """
    told = f"J-Quants answered {status} to {asked}: {said!r}."
    if status == NOTHING_YET:
        return NotYetPublishedError(f"{told} There is nothing yet; ask again after its publication time.")
    if status == http.HTTPStatus.UNAUTHORIZED or "api key" in said.lower():
        return KeyRefusedError(
            f"{told} Copy the key from the dashboard into TOSHO_JQUANTS_API_KEY or the connection jquants_default."
        )
    if "subscription" in said.lower():
        kind = OutsideWindowError if status == http.HTTPStatus.BAD_REQUEST else PlanTooSmallError
        return kind(f"{told} The settings say {subscription}: ask for what it covers, or take a larger one.")
    if status == http.HTTPStatus.FORBIDDEN:
        return AccessRefusedError(
            f"{told} That may be the key, an endpoint which {subscription} does not have, or a wrong address: "
            "J-Quants answers all three alike. `python -m tosho jquants probe` tells them apart."
        )
    if status in {http.HTTPStatus.NOT_FOUND, http.HTTPStatus.METHOD_NOT_ALLOWED}:
        return AccessRefusedError(f"{told} There is no such path at the address of {subscription}; look at both.")
    return RequestRefusedError(f"{told} It does not accept these parameters.")
