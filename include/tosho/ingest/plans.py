"""What each J-Quants plan may ask for, how often and how far back. Gathered 2026-07 from the vendor's pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tosho.config import Plan

MASTER = "/equities/master"
BARS = "/equities/bars/daily"
BARS_AM = "/equities/bars/daily/am"
INVESTORS = "/equities/investor-types"
EARNINGS_CALENDAR = "/equities/earnings-calendar"
TOPIX = "/indices/bars/daily/topix"
INDICES = "/indices/bars/daily"
FINS = "/fins/summary"
FINS_DETAILS = "/fins/details"
DIVIDENDS = "/fins/dividend"
EARNINGS_DATE = "/fins/earnings-date"
CALENDAR = "/markets/calendar"
MARGIN_INTEREST = "/markets/margin-interest"
MARGIN_ALERT = "/markets/margin-alert"
SHORT_RATIO = "/markets/short-ratio"
SHORT_SALE_REPORT = "/markets/short-sale-report"
BREAKDOWN = "/markets/breakdown"
OPTIONS_225 = "/derivatives/bars/daily/options/225"
FUTURES = "/derivatives/bars/daily/futures"
OPTIONS = "/derivatives/bars/daily/options"
BULK_LIST = "/bulk/list"
BULK_GET = "/bulk/get"

_FREE = frozenset({MASTER, BARS, FINS, CALENDAR, EARNINGS_CALENDAR, EARNINGS_DATE})
_LIGHT = _FREE | {TOPIX, INVESTORS, BULK_LIST, BULK_GET}
_STANDARD = _LIGHT | {INDICES, MARGIN_INTEREST, MARGIN_ALERT, SHORT_RATIO, SHORT_SALE_REPORT, OPTIONS_225}
_PREMIUM = _STANDARD | {BARS_AM, FINS_DETAILS, DIVIDENDS, BREAKDOWN, FUTURES, OPTIONS}

MARGIN_CLASS: Final = "securities.margin_class"
"""What the lesser plans may not tell."""

WITHOUT_FILES: Final = frozenset({BARS_AM, CALENDAR, EARNINGS_CALENDAR})
"""Endpoints of which no plan has bulk files."""

FINS_PER_MINUTE: Final = 60
"""Requests a minute to `fins/*`, on every plan that has more in general."""


def per_minute(endpoint: str, general: int) -> int:
    """Return how often a minute an endpoint may be asked, where the plan's general number is given."""
    return min(general, FINS_PER_MINUTE) if endpoint.startswith("/fins/") else general


@dataclass(frozen=True)
class Terms:
    """What one plan allows. Only the endpoints that Tosho knows are listed."""

    per_minute: int
    years: int
    delay_weeks: int
    endpoints: frozenset[str]
    half_day_blocks: bool = False  # bars carry the M* and A* columns
    tells: frozenset[str] = frozenset()  # `table.column` of what lesser plans may leave blank throughout

    @property
    def bulk(self) -> bool:
        """Whether months of data come as files."""
        return BULK_LIST in self.endpoints


PLANS: Final[dict[Plan, Terms]] = {
    "free": Terms(5, 2, 12, _FREE),
    "light": Terms(60, 5, 0, _LIGHT),
    "standard": Terms(120, 10, 0, _STANDARD, tells=frozenset({MARGIN_CLASS})),
    "premium": Terms(500, 20, 0, _PREMIUM, half_day_blocks=True, tells=frozenset({MARGIN_CLASS})),
}
