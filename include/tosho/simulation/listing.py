"""Who is listed: codes, sectors, segments, size, temper, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tosho.simulation.sectors import FUNDS, SECTORS, SEGMENT_NAMES, SERIES_NAMES, Sector, segment_on
from tosho.simulation.streams import Streams

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

STOCK, REIT, ETF = "011", "013", "014"
"""Product categories, as J-Quants writes them."""

FUND_SHARES: Final = {REIT: 0.015, ETF: 0.055}
SEGMENT_SHARES: Final = {"0111": 0.42, "0112": 0.42, "0113": 0.16}
SCALE_SHARES: Final = (
    ("TOPIX Core30", 30 / 3_750),
    ("TOPIX Large70", 100 / 3_750),
    ("TOPIX Mid400", 500 / 3_750),
    ("TOPIX Small 1", 1_000 / 3_750),
)
"""Scale categories by rank of market value among stocks, each with the rank, as a share, down to which it reaches."""

NEWCOMERS, NEWCOMER_SPAN = 0.03, 500
"""Share of the codes that come to the market later than its first session, and within how many sessions."""
DELISTINGS_A_SESSION: Final = 0.02 / 245
ILLIQUID: Final = 0.03
LETTERS_FROM: Final = date(2024, 1, 1)
"""New listings get codes with a letter (130A0) from here on."""
_NUMBERS: Final = range(1_300, 10_000)


@dataclass(frozen=True)
class Universe:
    """What stays as it is for a code throughout. Every array is `[codes]`, ordered by code.

    Attributes:
        sector: Place in SECTORS; -1 for funds.
        first, last: Places of the first and last listed session; `last` may lie beyond the market's end.
        volatility: Daily idiosyncratic volatility at its usual level, as a fraction.
        beta: Loading on the market's return.
        shares: Shares outstanding before the first session.
        price: Yen, before the first session.
        turnover_rate: Share of the outstanding shares that changes hands in a usual session.
        idle: Probability of a session without a trade.
        treasury: Share of the outstanding shares held by the company itself.
    """

    codes: tuple[str, ...]
    product: NDArray[np.str_]
    segment: NDArray[np.str_]
    scale: NDArray[np.str_]
    sector: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    volatility: Floats
    beta: Floats
    shares: Floats
    price: Floats
    turnover_rate: Floats
    idle: Floats
    treasury: Floats

    @property
    def is_stock(self) -> Flags:
        """Which codes are shares of a company, not of a fund."""
        return np.asarray(self.product == STOCK, dtype=np.bool_)

    def listed(self, sessions: int) -> Flags:
        """Return when each code is listed, `[sessions, codes]`."""
        places = np.arange(sessions).reshape(-1, 1)
        return (places >= self.first) & (places <= self.last)


def draw_universe(streams: Streams, codes: int, sessions: list[date]) -> Universe:
    """Return a universe of so many codes. Nothing in it depends on sessions after a code's listing."""
    rng = streams.open("universe")
    product = _products(rng, codes)
    stock = product == STOCK
    value = np.exp(rng.normal(24.2, 1.6, codes))  # yen; the median near that of the TSE, 30 thousand million
    price = np.exp(rng.normal(np.log(1_400), 0.8, codes))
    segment = np.where(stock, _segments(rng, value), "0109")
    coming = np.where(rng.random(codes) < NEWCOMERS, rng.integers(1, NEWCOMER_SPAN, codes), 0)
    names, first = _codes(rng, coming, sessions)
    stays = rng.exponential(1 / DELISTINGS_A_SESSION, codes).astype(np.int64)
    rate = np.exp(rng.normal(np.log(0.003), 0.5, codes))
    return Universe(
        codes=names,
        product=product,
        segment=segment,
        scale=_scales(value, stock, segment),
        sector=np.where(stock, _sectors(rng, codes), -1),
        first=first,
        last=first + 60 + stays,
        volatility=_volatilities(rng, product),
        beta=np.where(product == REIT, 0.6, np.clip(rng.normal(1.0, 0.12, codes), 0.4, 1.6)),
        shares=np.maximum(np.round(value / price, -3), 1_000_000.0),
        price=price,
        turnover_rate=rate,
        idle=np.where(value * rate <= np.quantile(value * rate, ILLIQUID), rng.uniform(0.01, 0.08, codes), 0.0),
        treasury=np.where(stock, np.round(rng.uniform(0.0, 0.06, codes), 3), 0.0),
    )


def master_table(universe: Universe, sessions: list[date]) -> pl.DataFrame:
    """Return one row a code that is listed at some time, named as in J-Quants' master, with the listed interval.

    `ListedTo` is null while the code is still listed on the last session.
    """
    last = len(sessions) - 1
    sector = [SECTORS[place] if place >= 0 else FUNDS for place in universe.sector]
    names = zip(universe.product, sector, universe.codes, strict=True)
    segment = [segment_on(str(mine), sessions[last]) for mine in universe.segment]
    table = pl.DataFrame(
        {
            "Date": [sessions[last]] * len(universe.codes),
            "Code": universe.codes,
            "CompanyName": [f"模擬{_kind(p, s)}{c[:4]}" for p, s, c in names],
            "CompanyNameEnglish": [f"Simulated {code[:4]}" for code in universe.codes],
            "Sector17Code": [each.series for each in sector],
            "Sector17CodeName": [SERIES_NAMES[each.series] for each in sector],
            "Sector33Code": [each.code for each in sector],
            "Sector33CodeName": [each.name for each in sector],
            "ScaleCategory": universe.scale.tolist(),
            "MarketCode": segment,
            "MarketCodeName": [SEGMENT_NAMES[each] for each in segment],
            "MarginCode": np.where(universe.scale == "-", "1", "2").tolist(),
            "ProductCategory": universe.product.tolist(),
            "ListedFrom": [sessions[min(place, last)] for place in universe.first],
            "ListedTo": [sessions[place] if place < last else None for place in universe.last],
        },
        schema_overrides={"ListedTo": pl.Date},
    )
    return table.filter(pl.Series(universe.first <= last))


def _kind(product: str, sector: Sector) -> str:
    return {ETF: "上場投信", REIT: "リート"}.get(product, sector.name)


def _products(rng: np.random.Generator, codes: int) -> NDArray[np.str_]:
    draw = rng.random(codes)
    return np.where(draw < FUND_SHARES[ETF], ETF, np.where(draw > 1 - FUND_SHARES[REIT], REIT, STOCK))


def _sectors(rng: np.random.Generator, codes: int) -> NDArray[np.int64]:
    weights = np.array([sector.companies for sector in SECTORS], dtype=float)
    return rng.choice(len(SECTORS), codes, p=weights / weights.sum())


def _segments(rng: np.random.Generator, value: Floats) -> NDArray[np.str_]:
    """Large companies are mostly on Prime; the rest is shared out by noisy rank of market value."""
    rank = np.argsort(np.argsort(-np.log(value) + rng.normal(0, 0.7, value.size))) / value.size
    prime, standard = SEGMENT_SHARES["0111"], SEGMENT_SHARES["0111"] + SEGMENT_SHARES["0112"]
    return np.where(rank < prime, "0111", np.where(rank < standard, "0112", "0113"))


def _scales(value: Floats, stock: Flags, segment: NDArray[np.str_]) -> NDArray[np.str_]:
    """Return the scale category: by rank of market value among Prime's stocks, as shares of all stocks."""
    prime = stock & (segment == "0111")
    rank = np.argsort(np.argsort(np.where(prime, -value, np.inf), kind="stable"), kind="stable") / max(stock.sum(), 1)
    scale = np.full(value.size, "TOPIX Small 2", dtype="<U13")
    for name, reach in reversed(SCALE_SHARES):
        scale[rank < reach] = name
    return np.where(prime, scale, "-")


def _volatilities(rng: np.random.Generator, product: NDArray[np.str_]) -> Floats:
    usual = np.where(product == ETF, 0.005, np.where(product == REIT, 0.009, 0.0175))
    return np.asarray(usual * np.exp(rng.normal(0, 0.25, product.size)))


def _codes(
    rng: np.random.Generator, first: NDArray[np.int64], sessions: list[date]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return distinct codes in ascending order, with letters for those listed late enough, and each one's `first`."""
    letters_from = sum(session < LETTERS_FROM for session in sessions)
    names = [f"{number}0" for number in np.sort(rng.choice(np.array(_NUMBERS), first.size, replace=False))]
    for turn, place in enumerate(np.flatnonzero((first > 0) & (first >= letters_from))):
        names[place] = f"{130 + turn}A0"
    order = np.argsort(names)
    return tuple(names[place] for place in order), first[order]
