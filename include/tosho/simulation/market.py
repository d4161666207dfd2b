"""A synthetic Tokyo Stock Exchange with a known signal in it, written as a market folder.

Real enough to test every part on (segments, ticks, limits, splits, halts, listings, statements, flows), invented
throughout, the same bytes for the same seed, and with a bound that no honest model can pass: see `signal` and `truth`.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from tosho.simulation.derivatives import NIKKEI, Underlying
from tosho.simulation.details import details_table
from tosho.simulation.dividends import dividends_table
from tosho.simulation.drawing import Market, draw_market
from tosho.simulation.earnings import earnings_date_table
from tosho.simulation.futures import futures_table
from tosho.simulation.indices import indices_table, with_failure
from tosho.simulation.investors import investors_table
from tosho.simulation.listing import master_table
from tosho.simulation.margin import draw_positions, margin_interest_table
from tosho.simulation.margin_alerts import margin_alert_table
from tosho.simulation.market_tables import bars_table, forecasts_table, topix_table
from tosho.simulation.options import (
    NIKKEI_OPTIONS,
    TOPIX_OPTIONS,
    option_rows,
    options_225_table,
    options_table,
)
from tosho.simulation.reports import draw_reports
from tosho.simulation.short_selling import short_ratio_table, short_sale_report_table
from tosho.simulation.signal import CATCH_UP, EFFECTS
from tosho.simulation.statements import statements_table
from tosho.simulation.streams import Panel
from tosho.simulation.truth import Attainable, attainable, labels
from tosho.simulation.variants import Variant

ROWS_A_GROUP: Final = 1 << 18
TRUTH: Final = "truth.json"


@dataclass(frozen=True)
class MarketSummary:
    """What was written, and the rank IC that a perfect model would attain on it, by horizon."""

    folder: Path
    seed: int
    first: date
    last: date
    sessions: int
    codes: int
    bars: int
    attainable: dict[int, Attainable]
    variant: Variant = Variant.PLAIN


def simulate(  # noqa: PLR0913 - what a market is drawn from
    folder: Path,
    *,
    codes: int = 4000,
    sessions: int = 500,
    last: date = date(2025, 3, 31),
    seed: int = 7,
    variant: Variant = Variant.PLAIN,
) -> MarketSummary:
    """Write a synthetic market of so many codes and sessions, of which the last is the newest not after `last`.

    In a `variant` one thing more is planted; see `variants`.

    The folder gets a file for each table that the server serves (`simulation.tables` names them, beside bars and
    master), with J-Quants V2's names; truth.parquet, the forecasts of a perfect model (Date, Code, oracle_h); and
    truth.json, the rank IC that it attains by horizon, which is written last: a folder without it was left unfinished.

    Raises:
        MarketSizeError: Codes or sessions are out of bounds.
        NoPriceRulesError: The market would begin before the first known price rules.
        CalendarBoundError: The market lies outside the known calendar.
    """
    market = draw_market(codes=codes, sessions=sessions, last=last, seed=seed, variant=variant)
    forecasts = market.forecasts()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TRUTH).unlink(missing_ok=True)  # written last: a folder that has it is whole
    _write(folder, _tables(market, forecasts))
    summary = MarketSummary(
        folder=folder,
        seed=seed,
        first=market.sessions[0],
        last=market.sessions[-1],
        sessions=sessions,
        codes=codes,
        bars=int(market.universe.listed(sessions).sum()),
        attainable={
            horizon: attainable(forecast, labels(market.prices, horizon), market.prices.traded, horizon)
            for horizon, forecast in forecasts.items()
        },
        variant=variant,
    )
    (folder / TRUTH).write_text(json.dumps(_facts(summary), indent=2) + "\n", encoding="utf-8")
    return summary


def _tables(market: Market, forecasts: dict[int, Panel]) -> dict[str, pl.DataFrame]:
    streams, universe, sessions = market.streams, market.universe, market.sessions
    prices, outstanding = market.prices, market.volumes.outstanding
    turnover = np.where(prices.traded, market.volumes.turnover_yen, 0.0)
    reports = draw_reports(streams, universe, sessions, outstanding)
    statements, master = statements_table(streams, reports, sessions), master_table(universe, sessions)
    topix, nikkei = (Underlying.of(sessions, market.topix, times) for times in (1.0, NIKKEI))
    options = option_rows(NIKKEI_OPTIONS, nikkei)
    margin = draw_positions(streams, universe, outstanding)
    return {
        "bars": bars_table(sessions, universe, market.prices, market.volumes),
        "master": master,
        "topix": with_failure(topix_table(sessions, market.topix)),
        "indices": indices_table(streams, universe, sessions, prices, outstanding, market.topix),
        "statements": statements,
        "earnings_date": earnings_date_table(streams, reports, sessions, master),
        "details": details_table(statements),
        "dividends": dividends_table(streams, reports, statements, sessions),
        "investor_types": investors_table(streams, universe, sessions, turnover, market.topix[:, -1]),
        "margin_interest": margin_interest_table(universe, sessions, margin, prices.last),
        "margin_alert": margin_alert_table(
            streams, universe, sessions, margin, outstanding, market.returns.states.attention
        ),
        "short_ratio": short_ratio_table(streams, universe, sessions, turnover),
        "short_sale_report": short_sale_report_table(streams, universe, sessions, outstanding),
        "options_225": options_225_table(options),
        "options": options_table(options, option_rows(TOPIX_OPTIONS, topix)),
        "futures": futures_table(nikkei, topix),
        "truth": forecasts_table(sessions, universe, forecasts),
    }


def _write(folder: Path, tables: dict[str, pl.DataFrame]) -> None:
    for name, table in tables.items():
        table.write_parquet(folder / f"{name}.parquet", compression="zstd", row_group_size=ROWS_A_GROUP)


def _facts(summary: MarketSummary) -> dict[str, object]:
    """Return what truth.json says."""
    planted = {**EFFECTS, "catch_up": CATCH_UP} if summary.variant is Variant.NEIGHBOURS else EFFECTS
    return {
        "seed": summary.seed,
        "codes": summary.codes,
        "sessions": summary.sessions,
        "first": summary.first.isoformat(),
        "last": summary.last.isoformat(),
        "label": "y_h(t) = AdjC(t+1+h) / AdjC(t+1) - 1",
        "forecast": "E[y_h | information at the close of t], in truth.parquet as oracle_h",
        "attainable": {str(horizon): found._asdict() for horizon, found in summary.attainable.items()},
        "effects": {name: asdict(effect) for name, effect in planted.items()},
        **({} if summary.variant is Variant.PLAIN else {"variant": summary.variant.value}),
    }
