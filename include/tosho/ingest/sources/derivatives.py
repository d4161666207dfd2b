"""derivatives/bars/daily/* to `options_225` (Standard plan), `futures` and `options` (Premium).

A trading day's bars appear at three in the morning after it, so that the next session is the first to know them.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Final

import polars as pl

from tosho.calendar import previous_session
from tosho.contracts import FUTURES as FUTURES_CONTRACT
from tosho.contracts import OPTIONS as OPTIONS_CONTRACT
from tosho.contracts import OPTIONS_225 as OPTIONS_225_CONTRACT
from tosho.contracts import Contract
from tosho.ingest import plans
from tosho.ingest.sources.columns import day, number, text
from tosho.ingest.sources.reading import Reading, published_with
from tosho.ingest.sources.source import Days, Query, Source, business_days

HOLIDAY_TRADING_SINCE: Final = date(2022, 9, 23)
"""From here the derivatives exchange trades on public holidays too."""

_TEXTS: Final = {"Code": "contract", "EmMrgnTrgDiv": "emergency_margin", "CM": "contract_month"}
_DAYS: Final = {"Date": "traded_on", "LTD": "last_trading_day", "SQD": "special_quotation_day"}
_PRICES: Final = {"O": "open", "H": "high", "L": "low", "C": "close"}
_TRADED: Final = {
    "Vo": "volume", "OI": "open_interest", "Va": "turnover_yen", "VoOA": "auction_volume", "Settle": "settlement",
}  # fmt: skip
_OPTION: Final = {
    "Strike": "strike", "Theo": "theoretical", "BaseVol": "base_volatility", "UnderPx": "underlying_price",
    "IV": "implied_volatility", "IR": "interest_rate",
}  # fmt: skip
_NIGHT_AND_DAY: Final = {"": "", "E": "night_", "A": "day_"}
_WITH_MORNING: Final = {**_NIGHT_AND_DAY, "M": "morning_"}
_CENTRAL: Final = {"ProdCat": "product", "CCMFlag": "is_central_month"}


def _reading(contract: Contract, blocks: dict[str, str], more: dict[str, str], numbers: dict[str, str]) -> Reading:
    """Return how rows become those of a contract: text, days and numbers by official name."""
    prices = {f"{sent}{price}": f"{name}{_PRICES[price]}" for sent, name in blocks.items() for price in _PRICES}
    texts, figures = {**_TEXTS, **more}, {**prices, **_TRADED, **numbers}
    return Reading(
        contract,
        contract.name,
        (*texts, *_DAYS, *figures),
        (
            *(text(sent).alias(name) for sent, name in texts.items()),
            *(day(sent).alias(name) for sent, name in _DAYS.items()),
            *(number(sent).alias(name) for sent, name in figures.items()),
        ),
        published_with("traded_on", "derivatives"),
    )


def trading_days_before(session: date) -> Days | None:
    """Return the days from the session before to the eve of this one: their bars appear in between."""
    return Days(previous_session(session), session - timedelta(days=1))


def ask_trading_days(session: date) -> list[Query]:
    """Ask for the session before, and for the holidays on weekdays since, on which derivatives may trade."""
    first, last = previous_session(session), session - timedelta(days=1)
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    weekdays = [on for on in between if on.isoweekday() <= 5]  # noqa: PLR2004 - Friday
    odd = business_days(session)[:-1]  # derivatives were traded on 2020-10-01, when shares were not
    holidays = [on for on in weekdays if on >= HOLIDAY_TRADING_SINCE or on in odd]
    return [{"date": on.isoformat()} for on in (first, *holidays)]


to_options_225 = _reading(OPTIONS_225_CONTRACT, _NIGHT_AND_DAY, {"PCDiv": "put_or_call"}, _OPTION)
to_futures = _reading(FUTURES_CONTRACT, _WITH_MORNING, _CENTRAL, {})
to_options = _reading(
    OPTIONS_CONTRACT, _WITH_MORNING, {**_CENTRAL, "UndSSO": "underlying", "PCDiv": "put_or_call"}, _OPTION
)

_derived = partial(
    Source, ask=ask_trading_days, days=trading_days_before, day=pl.col("traded_on"), by_code=False
)  # fmt: skip

OPTIONS_225: Final = _derived("options_225", "options_225", plans.OPTIONS_225, to_options_225)
FUTURES: Final = _derived("futures", "futures", plans.FUTURES, to_futures)
OPTIONS: Final = _derived("options", "options", plans.OPTIONS, to_options)
