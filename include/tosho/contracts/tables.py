"""The tables of the lake. A column's name, type and unit are part of the contract."""

from __future__ import annotations

from datetime import date

import polars as pl

from tosho.contracts import derivatives, disclosures, trading
from tosho.contracts.contract import Column, Contract, Rule
from tosho.contracts.vocabulary import CODE, CODE_FORM, KNOWN_AT, SESSION

HORIZONS = (1, 5, 10, 20)
"""Sessions ahead for which labels are made and predictions given."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_PRICES = ("open", "high", "low", "close")
_BODY_LOW, _BODY_HIGH = pl.min_horizontal("open", "close"), pl.max_horizontal("open", "close")

_BY_PLAN = "J-Quants may tell it on the plans standard and premium only"
_LISTED = trading.MANY

BARS = Contract(
    "bars",
    (
        SESSION,
        CODE,
        *(Column(name, pl.Float64(), "yen, unadjusted; null on a session without a trade") for name in _PRICES),
        Column("volume", pl.Float64(), "shares, unadjusted"),
        Column("turnover_yen", pl.Float64(), "yen"),
        Column("adj_factor", pl.Float64(), "0.5 on the ex-date of a 1:2 split, else 1", required=True),
        Column("upper_limit_hit", pl.Boolean(), judged_from=_LISTED),
        Column("lower_limit_hit", pl.Boolean(), judged_from=_LISTED),
        KNOWN_AT,
    ),
    key=("session", "code"),
    published="bars_daily",
    rules=(
        CODE_FORM,
        Rule("prices_all_or_none", pl.sum_horizontal(pl.col(_PRICES).is_null().cast(pl.Int8)).is_in([0, 4])),
        Rule("price_is_positive", pl.all_horizontal(pl.col(_PRICES).fill_null(1.0) > 0)),
        Rule("price_is_finite", pl.all_horizontal(pl.col(_PRICES).fill_null(1.0).is_finite())),
        Rule("low_is_lowest", pl.col("low") <= _BODY_LOW),
        Rule("high_is_highest", pl.col("high") >= _BODY_HIGH),
        Rule("volume_not_negative", pl.col("volume").is_finite() & (pl.col("volume") >= 0)),
        Rule("turnover_not_negative", pl.col("turnover_yen").is_finite() & (pl.col("turnover_yen") >= 0)),
        Rule("adj_factor_is_positive", pl.col("adj_factor").is_finite() & (pl.col("adj_factor") > 0)),
        Rule("traded_has_volume", pl.col("close").is_null() | pl.col("volume").is_not_null()),
    ),
)

SECURITIES = Contract(
    "securities",
    (
        SESSION,
        CODE,
        Column("name", pl.String(), required=True),
        Column("name_en", pl.String(), judged_from=_LISTED),
        Column("sector17", pl.String(), "code of the TOPIX-17 series", judged_from=_LISTED),
        Column("sector33", pl.String(), "code of the 33 sectors", required=True),
        Column("scale", pl.String(), "TOPIX scale category, as written", judged_from=_LISTED),
        Column("segment", pl.String(), "market code: 0111 Prime, 0112 Standard, 0113 Growth ...", required=True),
        Column("margin_class", pl.String(), "1 margin, 2 loan, 3 other", may_be_empty=_BY_PLAN, judged_from=_LISTED),
        Column(
            "product", pl.String(), "011 stock, 013 REIT, 014 ETF ...", judged_from=_LISTED, since=date(2026, 5, 27)
        ),
        KNOWN_AT,
    ),
    key=("session", "code"),
    published="master",
    rules=(CODE_FORM,),
)


def _indices(name: str, published: str) -> Contract:
    return Contract(
        name,
        (
            SESSION,
            Column("index_code", pl.String(), "0000 is TOPIX", required=True),
            *(Column(name, pl.Float64(), "points", required=True) for name in _PRICES),
            KNOWN_AT,
        ),
        key=("session", "index_code"),
        published=published,
        rules=(
            Rule("price_is_positive", pl.all_horizontal(pl.col(_PRICES) > 0)),
            Rule("low_is_lowest", pl.col("low") <= _BODY_LOW),
            Rule("high_is_highest", pl.col("high") >= _BODY_HIGH),
        ),
    )


INDICES = _indices("indices", "topix")
"""TOPIX, which every paid plan has."""

ALL_INDICES = _indices("all_indices", "indices")
"""Every index of the exchange, sectors and TOPIX among them."""

SHARES = Contract(
    "shares",
    (
        SESSION,
        CODE,
        KNOWN_AT,
        Column("shares_outstanding", pl.Float64(), "shares, net of treasury stock, as stated", required=True),
    ),
    key=("session", "code", "known_at"),
    rules=(CODE_FORM, Rule("shares_positive", pl.col("shares_outstanding") > 0)),
)

LABELS = Contract(
    "labels",
    (
        SESSION,
        CODE,
        *(
            Column(
                f"y_{h}",
                pl.Float64(),
                f"fraction, close of t+1 to close of t+1+{h}",
                may_be_empty="later sessions tell",
            )
            for h in HORIZONS
        ),
    ),
    key=("session", "code"),
)

_RANKS_ONLY = "a model without intervals gives scores alone"

PREDICTIONS = Contract(
    "predictions",
    (
        SESSION,
        Column("target_session", pl.Date(), "session whose close ends the horizon: t+1+h", required=True),
        Column("horizon", pl.Int32(), "sessions", required=True),
        CODE,
        Column("model", pl.String(), required=True),
        Column("model_version", pl.String(), required=True),
        Column("feature_set", pl.String(), required=True),
        Column("score", pl.Float64(), "higher is better; no unit", required=True),
        Column("rank", pl.Int32(), "1 is the best of the session and horizon", required=True),
        Column(
            "expected_return",
            pl.Float64(),
            "fraction over the horizon, above the mean of the session's codes",
            may_be_empty=_RANKS_ONLY,
        ),
        *(
            Column(f"q{round(q * 100):02d}", pl.Float64(), "fraction, as the expected return", may_be_empty=_RANKS_ONLY)
            for q in QUANTILES
        ),
        Column(
            "confidence",
            pl.Float64(),
            "[0, 1]; share of the training's rows that were less sure",
            may_be_empty=_RANKS_ONLY,
        ),
        Column("flags", pl.String(), "comma-separated; 'unproven' until a model beat zero, 'in_sample'", required=True),
        Column("run_id", pl.String(), required=True),
        Column("predicted_at", pl.Datetime("us", "UTC"), required=True),
    ),
    key=("session", "horizon", "code", "model"),
    rules=(
        CODE_FORM,
        Rule("horizon_is_known", pl.col("horizon").is_in(HORIZONS)),
        Rule("score_is_finite", pl.col("score").is_finite()),
        Rule("rank_is_positive", pl.col("rank") >= 1),
        Rule("target_is_later", pl.col("target_session") > pl.col("session")),
    ),
)

INGESTED = {
    table.name: table
    for table in (
        *(BARS, trading.HALF_BARS, trading.MORNING_BARS, SECURITIES, INDICES, ALL_INDICES, trading.TRADING_DAYS),
        *(SHARES, disclosures.STATEMENTS, disclosures.STATEMENT_DETAILS, disclosures.DIVIDENDS),
        *(disclosures.EARNINGS_DATES, disclosures.EARNINGS_CALENDAR, trading.INVESTOR_FLOWS),
        *(trading.MARGIN_INTEREST, trading.MARGIN_ALERTS, trading.SECTOR_SHORT_SELLING, trading.SHORT_POSITIONS),
        *(trading.BREAKDOWN, derivatives.OPTIONS_225, derivatives.FUTURES, derivatives.OPTIONS),
    )
}
"""Every table that is taken from J-Quants. Each row says when it was known."""

TABLES = {**INGESTED, LABELS.name: LABELS, PREDICTIONS.name: PREDICTIONS}
"""Every table with fixed columns. `features` has one float32 column a feature of its set: see `features_contract`."""


def features_contract(names: tuple[str, ...]) -> Contract:
    """Return the contract of a `features` partition whose set holds these names, in this order."""
    columns = (Column(name, pl.Float32(), may_be_empty="its window may not be full yet") for name in names)
    return Contract("features", (SESSION, CODE, *columns), key=("session", "code"), is_wide=True)
