"""Daily margin positions of the codes that the exchange watches, as markets/margin-alert gives them."""

from __future__ import annotations

import json
from datetime import date
from typing import Final

import numpy as np
import polars as pl

from tosho import calendar
from tosho.ingest import plans
from tosho.simulation.fields import FIELDS
from tosho.simulation.listing import ETF, Flags, Universe
from tosho.simulation.margin import Positions
from tosho.simulation.market_tables import keys
from tosho.simulation.streams import Panel, Streams

WATCHED, RESTRICTED, RESTRICTED_MORE = 3.0, 3.3, 3.6
"""Attention, in its standard deviations, from which a code is watched, and from which its margin trading is limited."""
KEPT: Final = 15
"""Sessions for which a code stays watched after it last drew so much attention."""
CORRECTED: Final = 0.006
"""Share of the rows that are published again a session later, with other figures."""
CORRECTION: Final = 1_000.0
"""Shares by which a correction raises what was bought on negotiated terms."""
REASONS: Final = (
    "Restricted", "DailyPublication", "Monitoring", "RestrictedByJSF", "PrecautionByJSF", "UnclearOrSecOnAlert",
)  # fmt: skip
_CLASSES: Final = {"002": "010000", "003": "100000", "004": "100010"}
"""The regulation's class, and the flags that go with it in the order of REASONS."""
_OUT: Final = {
    "Shrt": ("short_standard", "short_negotiable"),
    "Long": ("long_standard", "long_negotiable"),
}


def margin_alert_table(  # noqa: PLR0913 - as below
    streams: Streams, universe: Universe, sessions: list[date], positions: Positions, outstanding: Panel,
    attention: Panel,
) -> pl.DataFrame:  # fmt: skip
    """Return one row a watched code and session of application, published on the session after it; corrections too.

    A change is null where the session before was not published. A correction has the same AppDate and a later PubDate.

    Args:
        streams: The market's random numbers.
        universe: Its codes.
        sessions: Its sessions.
        positions: What is held on credit at each close.
        outstanding: Shares outstanding, `[sessions, codes]`.
        attention: `[sessions, codes]`, of unit variance.
    """
    heat = _recent(attention)
    watched = (heat > WATCHED) & universe.listed(len(sessions))
    again = watched & (streams.open("margin corrections").random(watched.shape) < CORRECTED)
    first = _rows(universe, sessions, positions, outstanding, heat, watched, watched, 1)
    second = _corrected(_rows(universe, sessions, positions, outstanding, heat, watched, again, 2))
    both = pl.concat([first, second]).filter(pl.col("PubDate") <= sessions[-1]).sort("PubDate", "Code", "AppDate")
    etf = pl.col("Code").is_in([c for c, p in zip(universe.codes, universe.product, strict=True) if p == ETF])
    percent = {side: (100 * pl.col(f"{side}Out") / pl.col("issued")).round(1).cast(pl.String) for side in _OUT}
    ratios = [pl.when(etf).then(pl.lit("*")).otherwise(text).alias(f"{side}OutRatio") for side, text in percent.items()]
    leverage = pl.when(pl.col("ShrtOut") > 0).then((pl.col("LongOut") / pl.col("ShrtOut")).round(2)).alias("SLRatio")
    return both.with_columns(*ratios, leverage).select(FIELDS[plans.MARGIN_ALERT])


def _rows(  # noqa: PLR0913 - what a row is made of
    universe: Universe, sessions: list[date], positions: Positions, outstanding: Panel, heat: Panel,
    watched: Flags, rows: Flags, later: int,
) -> pl.DataFrame:  # fmt: skip
    days = [*sessions, *(calendar.offset(sessions[-1], n + 1) for n in range(later))]
    published = dict(zip(sessions, days[later:], strict=False))
    known = np.vstack([np.zeros_like(watched[:1]), watched[:-1]])[rows]
    parts = {name: getattr(positions, name) for names in _OUT.values() for name in names}
    columns = []
    for side, (standard, negotiable) in _OUT.items():
        whole = parts[standard] + parts[negotiable]
        for name, held in (("Out", whole), ("StdOut", parts[standard]), ("NegOut", parts[negotiable])):
            change = np.diff(held, axis=0, prepend=held[:1])[rows]
            columns += [
                pl.Series(f"{side}{name}", held[rows]),
                pl.Series(f"{side}{name}Chg", np.where(known, change, np.nan)).fill_nan(None),
            ]
    classes = np.where(heat[rows] > RESTRICTED_MORE, "004", np.where(heat[rows] > RESTRICTED, "003", "002"))
    reasons = {kind: json.dumps(dict(zip(REASONS, flags, strict=True))) for kind, flags in _CLASSES.items()}
    return keys(sessions, universe, rows).with_columns(
        pl.col("Date").alias("AppDate"),
        pl.col("Date").replace_strict(published, return_dtype=pl.Date).alias("PubDate"),
        pl.Series("issued", outstanding[rows]),
        pl.Series("TSEMrgnRegCls", classes),
        pl.Series("TSEMrgnRegCls", classes).replace_strict(reasons, return_dtype=pl.String).alias("PubReason"),
        *columns,
    )


def _recent(attention: Panel) -> Panel:
    """Return the most attention of the last KEPT sessions."""
    most = attention.copy()
    for back in range(1, min(KEPT, len(attention))):
        np.maximum(most[back:], attention[:-back], out=most[back:])
    return most


def _corrected(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("LongOut", "LongNegOut", "LongOutChg", "LongNegOutChg") + CORRECTION)
