"""Futures and options on a trading day of the derivatives exchange. Known at three in the morning after it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tosho.contracts.contract import Column, Contract, Rule
from tosho.contracts.vocabulary import KNOWN_AT, SESSION, days, not_negative, numbers, texts

BLOCKS = {"": "of the whole day", "night_": "of the night session", "day_": "of the day session"}
MORNING = "morning_"
"""A block of dates before 2016-07-19 in futures and options, null since."""

_SINCE_2016 = ("theoretical", "base_volatility", "underlying_price", "implied_volatility", "interest_rate")
_OPTION = (
    Column("strike", pl.Float64(), "points"),
    *numbers(_SINCE_2016, "points; percent; from 2016-07-19", may_be_empty=True),
)
_TRADED = ("volume", "open_interest", "turnover_yen", "auction_volume")


_NEVER_WITHOUT = ("", "day_")
"""Blocks that some contract trades in on every day; a holiday has no night session of its own."""


def _prices(*blocks: str) -> Iterator[Column]:
    for block in blocks:
        names = (f"{block}{price}" for price in ("open", "high", "low", "close"))
        yield from numbers(names, "points", may_be_empty=block not in _NEVER_WITHOUT)


def _contract(name: str, *middle: Column, blocks: tuple[str, ...]) -> Contract:
    return Contract(
        name,
        (
            SESSION,
            Column("contract", pl.String(), "the contract's own code", required=True),
            Column("traded_on", pl.Date(), "trading day of the derivatives exchange", required=True),
            Column("emergency_margin", pl.String(), "001 margin call within the day, 002 at settlement", required=True),
            *_prices(*blocks),
            *numbers(_TRADED[:-1], "contracts; yen"),
            *numbers(_TRADED[-1:], "contracts; from 2016-07-19", may_be_empty=True),
            Column("settlement", pl.Float64(), "points; from 2016-07-19", may_be_empty=True),
            Column("contract_month", pl.String(), required=True),
            *days(("last_trading_day", "special_quotation_day")),
            *middle,
            KNOWN_AT,
        ),
        key=("session", "contract", "traded_on", "emergency_margin"),
        rules=(*not_negative(_TRADED), Rule("traded_before_known", pl.col("traded_on") <= pl.col("session"))),
        judged_from=50,
    )  # fmt: skip


_KIND = Column("put_or_call", pl.String(), "1 put, 2 call", required=True)

OPTIONS_225 = _contract("options_225", _KIND, *_OPTION, blocks=tuple(BLOCKS))

_PRODUCT = Column("product", pl.String(), "category, such as NK225F", required=True)
_CENTRAL = tuple(texts(("is_central_month",)))

FUTURES = _contract("futures", _PRODUCT, *_CENTRAL, blocks=("", MORNING, "night_", "day_"))

OPTIONS = _contract(
    "options", _PRODUCT, *texts(("underlying",)), _KIND,
    *_OPTION, *_CENTRAL, blocks=("", MORNING, "night_", "day_"),
)  # fmt: skip
