"""What a request asks and what V2 answers when it cannot be: parameters read, errors as `{"message": ...}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

Query = Mapping[str, str]

PLANS_PAGE = "If you want more data, please check other plans: https://jpx-jquants.com/"
BAD_KEY = "The incoming api key is invalid or expired."
NOT_IN_PLAN = f"This API is not available on your subscription. {PLANS_PAGE}"
NO_SUCH_PATH = "Missing Authentication Token. The method or resources may not be supported."
TOO_MANY = "Rate limit exceeded. Please wait for a while before requesting again."
BLOCKED = "Access is temporarily blocked after too many requests. Please wait for about 5 minutes."

_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_CODE = re.compile(r"[0-9A-Z]{4,5}")


class ApiError(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def day(query: Mapping[str, str], name: str) -> date | None:
    """Return a date parameter, written YYYYMMDD or YYYY-MM-DD; None where it was not given."""
    if not (text := query.get(name, "")):
        return None
    try:
        year, month, of_month = _DATE.fullmatch(text).groups()  # type: ignore[union-attr]  # no match: AttributeError
        return date(int(year), int(month), int(of_month))
    except (AttributeError, ValueError):
        raise ApiError(400, f"'{name}' must be a valid date in YYYYMMDD or YYYY-MM-DD format.") from None


def code(query: Mapping[str, str]) -> list[str] | None:
    """Return the code asked for; four characters mean the ordinary share. None where it was not given."""
    if not (text := query.get("code", "")):
        return None
    if not _CODE.fullmatch(text):
        raise ApiError(400, "'code' must be a 4 or 5 characters code.")
    return [text.ljust(5, "0")]


def require(query: Mapping[str, str], *names: str) -> None:
    """Refuse a question that has none of some parameters."""
    if not any(query.get(name) for name in names):
        raise ApiError(400, f"This API requires at least 1 parameter as follows; {', '.join(names)}")
