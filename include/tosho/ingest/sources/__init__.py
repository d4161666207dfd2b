from tosho.ingest.sources.all_indices import ALL_INDICES
from tosho.ingest.sources.bars import BARS
from tosho.ingest.sources.breakdown import BREAKDOWN
from tosho.ingest.sources.derivatives import FUTURES, OPTIONS, OPTIONS_225
from tosho.ingest.sources.dividends import DIVIDENDS
from tosho.ingest.sources.earnings_calendar import EARNINGS_CALENDAR
from tosho.ingest.sources.earnings_dates import EARNINGS_DATES
from tosho.ingest.sources.half_bars import HALF_BARS
from tosho.ingest.sources.indices import INDICES
from tosho.ingest.sources.investor_flows import INVESTOR_FLOWS
from tosho.ingest.sources.margin_alerts import MARGIN_ALERTS
from tosho.ingest.sources.margin_interest import MARGIN_INTEREST
from tosho.ingest.sources.morning_bars import MORNING_BARS
from tosho.ingest.sources.sector_short_selling import SECTOR_SHORT_SELLING
from tosho.ingest.sources.securities import SECURITIES
from tosho.ingest.sources.shares import SHARES
from tosho.ingest.sources.short_positions import SHORT_POSITIONS
from tosho.ingest.sources.source import Query, Source
from tosho.ingest.sources.statement_details import STATEMENT_DETAILS
from tosho.ingest.sources.statements import STATEMENTS
from tosho.ingest.sources.trading_days import TRADING_DAYS

SOURCES = (
    TRADING_DAYS, SECURITIES, INDICES, ALL_INDICES, STATEMENTS, SHARES, EARNINGS_DATES, EARNINGS_CALENDAR,
    INVESTOR_FLOWS, MARGIN_INTEREST, MARGIN_ALERTS, SECTOR_SHORT_SELLING, SHORT_POSITIONS, OPTIONS_225,
    DIVIDENDS, STATEMENT_DETAILS, BREAKDOWN, FUTURES, OPTIONS, MORNING_BARS, HALF_BARS, BARS,
)  # fmt: skip
"""In the order in which a session is published: who has its bars has the rest of it."""

__all__ = ["BARS", "INDICES", "SECURITIES", "SHARES", "SOURCES", "STATEMENTS", "Query", "Source"]
