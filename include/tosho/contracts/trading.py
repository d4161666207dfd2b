"""What is traded, lent and sold short, beside the daily bars: by code, by sector and by kind of investor."""

from __future__ import annotations

import polars as pl

from tosho.contracts.contract import Column, Contract, Rule
from tosho.contracts.vocabulary import CODE, CODE_FORM, KNOWN_AT, SESSION, days, not_negative, numbers, texts

_PRICES = ("open", "high", "low", "close")
_LOW_HIGH = (
    Rule("low_is_lowest", pl.col("low") <= pl.min_horizontal("open", "close")),
    Rule("high_is_highest", pl.col("high") >= pl.max_horizontal("open", "close")),
)
_TRADED = ("volume", "turnover_yen")

MANY = 50
"""Rows from which on it is no accident that all lack what most have."""

HALF_BARS = Contract(
    "half_bars",
    (
        SESSION,
        CODE,
        Column("half", pl.String(), "M morning, A afternoon", required=True),
        *numbers(_PRICES, "yen, unadjusted; null when there was no trade in it"),
        Column("volume", pl.Float64(), "shares, unadjusted"),
        Column("turnover_yen", pl.Float64(), "yen"),
        Column("upper_limit_hit", pl.Boolean(), judged_from=MANY),
        Column("lower_limit_hit", pl.Boolean(), judged_from=MANY),
        KNOWN_AT,
    ),
    key=("session", "code", "half"),
    rules=(CODE_FORM, Rule("half_is_known", pl.col("half").is_in(["M", "A"])), *_LOW_HIGH, *not_negative(_TRADED)),
)

MORNING_BARS = Contract(
    "morning_bars",
    (SESSION, CODE, *numbers(_PRICES, "yen, unadjusted"), *numbers(_TRADED, "shares; yen"), KNOWN_AT),
    key=("session", "code"),
    rules=(CODE_FORM, *_LOW_HIGH, *not_negative(_TRADED)),
)

TRADING_DAYS = Contract(
    "trading_days",
    (
        SESSION,
        Column("day", pl.Date(), "a day since the session before, up to this one", required=True),
        Column("division", pl.String(), "0 closed, 1 open, 2 a half day, 3 open for derivatives only", required=True),
        KNOWN_AT,
    ),
    key=("session", "day"),
    rules=(Rule("division_is_known", pl.col("division").is_in(["0", "1", "2", "3"])),),
)

INVESTORS = (
    *("proprietary", "brokerage", "total", "individuals", "foreigners", "securities_companies", "investment_trusts"),
    *("business_companies", "other_companies", "insurers", "banks", "trust_banks", "other_financials"),
)
"""Kinds of investors, in the order in which J-Quants lists them."""
FLOWS = ("sell", "buy", "total", "balance")

INVESTOR_FLOWS = Contract(
    "investor_flows",
    (
        SESSION,
        Column("published_on", pl.Date(), required=True),
        Column("week_start", pl.Date(), required=True),
        Column("week_end", pl.Date(), required=True),
        Column("section", pl.String(), "TSEPrime, TokyoNagoya ...", required=True),
        *numbers((f"{who}_{flow}" for who in INVESTORS for flow in FLOWS), "thousand yen"),
        KNOWN_AT,
    ),
    key=("session", "section", "week_start", "published_on"),
    rules=(Rule("week_has_an_end", pl.col("week_start") <= pl.col("week_end")),),
)

MARGIN_VOLUMES = (
    *("short_volume", "long_volume", "short_negotiable_volume", "long_negotiable_volume"),
    *("short_standardized_volume", "long_standardized_volume"),
)

MARGIN_INTEREST = Contract(
    "margin_interest",
    (
        SESSION,
        CODE,
        Column("applied_on", pl.Date(), "session of the balances: a week's last; each since 2026-09-25", required=True),
        *numbers(MARGIN_VOLUMES, "shares, not adjusted for later splits"),
        Column("issue_type", pl.String(), "1 margin, 2 loan, 3 other"),
        KNOWN_AT,
    ),
    key=("session", "code", "applied_on"),
    rules=(CODE_FORM, *not_negative(MARGIN_VOLUMES)),
)

ALERT_REASONS = (
    *("restricted", "daily_publication", "monitoring"),
    *("restricted_by_jsf", "precaution_by_jsf", "unclear_or_second_alert"),
)
_OUTSTANDING = ("short", "long", "short_negotiable", "short_standardized", "long_negotiable", "long_standardized")

MARGIN_ALERTS = Contract(
    "margin_alerts",
    (
        SESSION,
        CODE,
        Column("published_on", pl.Date(), required=True),
        Column("applied_on", pl.Date(), "the session that the balances are of", required=True),
        *(Column(f"is_{reason}", pl.Boolean(), "why it is published") for reason in ALERT_REASONS),
        *numbers((f"{name}_outstanding" for name in _OUTSTANDING), "shares"),
        *numbers((f"{name}_change" for name in _OUTSTANDING), "shares; null where sent as -", judged_from=MANY),
        *numbers(("short_to_listed", "long_to_listed"), "percent; null for funds (sent as *)", judged_from=MANY),
        Column("short_long_ratio", pl.Float64(), "percent; null where nothing is sold", judged_from=MANY),
        Column("regulation_class", pl.String(), "001 to 006, 101, 102"),
        KNOWN_AT,
    ),
    key=("session", "code", "applied_on", "published_on"),
    rules=(CODE_FORM,),
)

_SHORT_VALUES = ("sell_yen", "short_restricted_yen", "short_unrestricted_yen")

SECTOR_SHORT_SELLING = Contract(
    "sector_short_selling",
    (
        SESSION,
        Column("sector33", pl.String(), "code of the 33 sectors", required=True),
        *numbers(_SHORT_VALUES, "yen: sales but short ones; short under and free of price restriction"),
        KNOWN_AT,
    ),
    key=("session", "sector33"),
    rules=tuple(not_negative(_SHORT_VALUES)),
)

_FIRST_REPORT = "a first report has none before it, and where reports begin all are first ones"

SHORT_POSITIONS = Contract(
    "short_positions",
    (
        SESSION,
        CODE,
        Column("disclosed_on", pl.Date(), required=True),
        Column("calculated_on", pl.Date(), required=True),
        Column("seller", pl.String(), required=True),
        *texts(("seller_address",), judged_from=MANY),
        *texts(("manager", "manager_address", "fund"), may_be_empty="only of what is run for a fund or by a manager"),
        Column("position_to_listed", pl.Float64(), "fraction of the shares issued"),
        Column("position_shares", pl.Float64(), "shares"),
        Column("position_units", pl.Float64(), "trading units"),
        *days(("previous_report_on",), may_be_empty=_FIRST_REPORT),
        *numbers(("previous_position_to_listed",), "fraction", may_be_empty=_FIRST_REPORT),
        *texts(("notes",), may_be_empty="said of very few"),
        KNOWN_AT,
    ),
    # two private sellers have one name and no address; they are told apart by what they hold
    key=(
        *("session", "code", "seller", "seller_address", "manager", "fund", "calculated_on", "disclosed_on"),
        *("previous_report_on", "position_shares"),
    ),
    rules=(CODE_FORM, *not_negative(("position_to_listed", "position_shares"))),
)

_BROKEN_DOWN = (
    *("long_sell", "short_not_margin", "margin_sell_new", "margin_sell_close"),
    *("long_buy", "margin_buy_new", "margin_buy_close"),
)
BROKEN_DOWN = (*(f"{name}_yen" for name in _BROKEN_DOWN), *(f"{name}_volume" for name in _BROKEN_DOWN))

BREAKDOWN = Contract(
    "breakdown",
    (SESSION, CODE, *numbers(BROKEN_DOWN, "yen; shares"), KNOWN_AT),
    key=("session", "code"),
    rules=(CODE_FORM, *not_negative(BROKEN_DOWN)),
)
