"""Futures and options on a trading day of the derivatives exchange. Known at three in the morning after it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from tosho.contracts.contract import Column, Contract, Rule
from tosho.contracts.vocabulary import KNOWN_AT, SESSION, Emptiness, days, not_negative, numbers, texts

BLOCKS = {"": "of the whole day", "night_": "of the night session", "day_": "of the day session"}
MORNING = "morning_"
"""A block of dates before 2016-07-19 in futures and options, null since."""

SINCE = date(2016, 7, 20)
"""First session to know the exchange's new system, of 2016-07-19, from which many columns are and a block is not."""

_NEW = ("theoretical", "base_volatility", "underlying_price", "implied_volatility", "interest_rate")
_OPTION = (
    Column("strike", pl.Float64(), "points"),
    *numbers(_NEW, "points; percent", since=SINCE),
)
_TRADED = ("volume", "open_interest", "turnover_yen", "auction_volume")

_EMPTY = {
    "": Emptiness(),
    "day_": Emptiness(),
    "night_": Emptiness(may_be_empty="a night session may be called off, and a holiday has none of its own"),
    MORNING: Emptiness(may_be_empty="the day had no morning apart for some years before it ended", until=SINCE),
}
"""When the prices of a block may be null throughout: in the whole day, and in the day session, something trades."""


def _prices(*blocks: str) -> Iterator[Column]:
    for block in blocks:
        names = (f"{block}{price}" for price in ("open", "high", "low", "close"))
        yield from numbers(names, "points", **_EMPTY[block])


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
            *numbers(_TRADED[-1:], "contracts", since=SINCE),
            Column("settlement", pl.Float64(), "points", since=SINCE),
            Column("contract_month", pl.String(), required=True),
            *days(("last_trading_day", "special_quotation_day"), since=SINCE),
            *middle,
            KNOWN_AT,
        ),
        key=("session", "contract", "traded_on", "emergency_margin"),
        rules=(*not_negative(_TRADED), Rule("traded_before_known", pl.col("traded_on") <= pl.col("session"))),
        judged_from=5,  # each contract has every column, traded or not: what nothing was traded at is 0
    )  # fmt: skip


_KIND = Column("put_or_call", pl.String(), "1 put, 2 call", required=True)

OPTIONS_225 = _contract("options_225", _KIND, *_OPTION, blocks=tuple(BLOCKS))

_PRODUCT = Column("product", pl.String(), "category, such as NK225F", required=True)
_CENTRAL = tuple(texts(("is_central_month",), since=SINCE))

FUTURES = _contract("futures", _PRODUCT, *_CENTRAL, blocks=("", MORNING, "night_", "day_"))

OPTIONS = _contract(
    "options", _PRODUCT, *texts(("underlying",)), _KIND,
    *_OPTION, *_CENTRAL, blocks=("", MORNING, "night_", "day_"),
)  # fmt: skip
