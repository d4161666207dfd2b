"""markets/margin-alert to table `margin_alerts`: daily balances of the codes that are watched. Standard plan."""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import MARGIN_ALERTS as CONTRACT
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, flag_within, number, text
from tosho.ingest.sources.reading import Reading, published_with
from tosho.ingest.sources.source import Source, each_business_day, since_business_began

_REASONS: Final = {
    "Restricted": "restricted", "DailyPublication": "daily_publication", "Monitoring": "monitoring",
    "RestrictedByJSF": "restricted_by_jsf", "PrecautionByJSF": "precaution_by_jsf",
    "UnclearOrSecOnAlert": "unclear_or_second_alert",
}  # fmt: skip
_BALANCES: Final = {
    "Shrt": "short", "Long": "long", "ShrtNeg": "short_negotiable", "ShrtStd": "short_standardized",
    "LongNeg": "long_negotiable", "LongStd": "long_standardized",
}  # fmt: skip
_RATIOS: Final = {"ShrtOutRatio": "short_to_listed", "LongOutRatio": "long_to_listed", "SLRatio": "short_long_ratio"}
_SENT: Final = (
    *("PubDate", "Code", "AppDate", "PubReason", "TSEMrgnRegCls"),
    *(f"{balance}Out{end}" for balance in _BALANCES for end in ("", "Chg")),
    *_RATIOS,
)
_BLANKS: Final = ("-", "*")
"""What J-Quants writes for a change that it cannot tell, and for the ratio of a fund."""


to_margin_alerts: Final = Reading(
    CONTRACT,
    "margin_alert",
    _SENT,
    (
        day("PubDate").alias("published_on"),
        day("AppDate").alias("applied_on"),
        text("Code").alias("code"),
        *(flag_within("PubReason", sent).alias(f"is_{name}") for sent, name in _REASONS.items()),
        *(number(f"{sent}Out", *_BLANKS).alias(f"{name}_outstanding") for sent, name in _BALANCES.items()),
        *(number(f"{sent}OutChg", *_BLANKS).alias(f"{name}_change") for sent, name in _BALANCES.items()),
        *(number(sent, *_BLANKS).alias(name) for sent, name in _RATIOS.items()),
        text("TSEMrgnRegCls").alias("regulation_class"),
    ),
    published_with("published_on", "margin_alert"),
)


MARGIN_ALERTS: Final = Source(
    "margin_alerts", "margin_alert", plans.MARGIN_ALERT, to_margin_alerts,
    ask=each_business_day(), days=since_business_began, day=pl.col("published_on"),
)  # fmt: skip
