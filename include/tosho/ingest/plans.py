"""What each J-Quants plan may ask for, how often and how far back. Gathered 2026-07 from the vendor's pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tosho.config import Plan

MASTER = "/equities/master"
BARS = "/equities/bars/daily"
TOPIX = "/indices/bars/daily/topix"
FINS = "/fins/summary"
CALENDAR = "/markets/calendar"
INVESTORS = "/equities/investor-types"
BULK_LIST = "/bulk/list"
BULK_GET = "/bulk/get"

_FREE = frozenset({MASTER, BARS, FINS, CALENDAR})
_PAID = _FREE | {TOPIX, INVESTORS, BULK_LIST, BULK_GET}

FINS_PER_MINUTE: Final = 60
"""fins/summary has this limit on every plan above it."""


@dataclass(frozen=True)
class Terms:
    """What one plan allows. Only the endpoints that Tosho knows are listed."""

    per_minute: int
    years: int
    delay_weeks: int
    endpoints: frozenset[str]
    half_day_blocks: bool = False  # bars carry the M* and A* columns

    @property
    def bulk(self) -> bool:
        """Whether months of data come as files."""
        return BULK_LIST in self.endpoints


PLANS: Final[dict[Plan, Terms]] = {
    "free": Terms(5, 2, 12, _FREE),
    "light": Terms(60, 5, 0, _PAID),
    "standard": Terms(120, 10, 0, _PAID),
    "premium": Terms(500, 20, 0, _PAID, half_day_blocks=True),
}
