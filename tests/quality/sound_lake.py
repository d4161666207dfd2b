"""A small lake that holds every table there is, sound throughout: 40 codes, as their contracts want them."""

from datetime import date, time, timedelta

import numpy as np
import polars as pl

from tosho import calendar
from tosho.contracts import INGESTED
from tosho.quality.due import is_due
from tosho.quality.expectations import EXPECTED

SESSIONS = calendar.sessions(date(2024, 6, 18), date(2024, 7, 3))
"""12 of them, from a Tuesday to a Wednesday, without a holiday: three weeks' margin balances, two weeks' flows."""

LAST = SESSIONS[-1]
CODES = [f"{1301 + 7 * k}0" for k in range(40)]
SECTORS = ["0050", "1050", "2050", "3050"]
MARGIN_ON, FLOWS_ON = date(2024, 7, 2), date(2024, 6, 27)
"""The last sessions on which the weekly tables have rows."""


RECENT = SESSIONS[-4:]
"""Sessions of the tables of which a few are enough."""


def fill(lake, sessions=SESSIONS, tables=tuple(INGESTED)):
    """Publish sessions of the tables; a test then publishes its fault in the place of one."""
    for expected in (expected for expected in EXPECTED if expected.table in tables):
        few = not (expected.core or expected.weekly)
        for session in (session for session in sessions if is_due(expected, session)):
            if not few or session in RECENT or sessions != SESSIONS:
                lake.publish(expected.table, session, rows_of(expected.table, session))
    return lake


def rows_of(table, session):
    """Return a sound partition of a table. What is drawn is its own for each table and session."""
    contract = INGESTED[table]
    draw = np.random.default_rng([session.toordinal(), len(table), *table.encode()])
    keys = pl.DataFrame(_keys(table, session), schema={name: contract.schema[name] for name in _keys(table, session)})
    known = calendar.cutoff(session) - timedelta(hours=1)
    columns = {"session": session, "known_at": known}
    for name, dtype in contract.schema.items():
        if name in keys.columns or name in columns:
            continue
        if dtype == pl.Float64:
            columns[name] = pl.Series(draw.integers(1_000, 1_000_000, keys.height) / 1.0)
        elif dtype == pl.String:
            columns[name] = "1"
        elif dtype == pl.Boolean:
            columns[name] = False
        else:
            columns[name] = pl.lit(session if dtype == pl.Date else time(15), dtype)
    frame = keys.with_columns(
        *(value.alias(name) if isinstance(value, pl.Series | pl.Expr) else pl.lit(value).alias(name)
          for name, value in columns.items())
    )  # fmt: skip
    if "contract" in frame.columns:
        frame = frame.with_columns(last_trading_day=date(2024, 12, 12), special_quotation_day=date(2024, 12, 13))
        strike = (20_000.0 + 250 * pl.int_range(pl.len())).alias("strike")
        frame = frame.with_columns(strike) if "strike" in frame.columns else frame
    frame = frame.with_columns(pl.col("known_at").cast(pl.Datetime("us", "UTC")))
    return contract.conform(_with_prices(frame, session).select(contract.schema.names()))


def _keys(table, session):  # noqa: PLR0911 - one a table
    if table == "half_bars":
        return {"code": CODES * 2, "half": ["M"] * len(CODES) + ["A"] * len(CODES)}
    if table == "securities":
        return {"code": CODES, "sector33": SECTORS * 10}
    if table in {"indices", "all_indices"}:
        return {"index_code": ["0000"] if table == "indices" else ["0000", "0028", "0040"]}
    if table == "sector_short_selling":
        return {"sector33": SECTORS}
    if table == "trading_days":
        since = calendar.previous_session(session)
        days = [since + timedelta(days=n) for n in range(1, (session - since).days + 1)]
        return {"day": days, "division": ["1" if calendar.is_session(day) else "0" for day in days]}
    if table == "investor_flows":
        weeks = calendar.week_end(calendar.offset(session, -4)) == calendar.offset(session, -4)
        return {"section": ["TSEPrime", "TSEStandard", "TSEGrowth"] if weeks else []}
    if table in {"options_225", "futures", "options"}:
        return {"contract": [f"C{n:03}" for n in range(60)]}
    if table in {"statements", "shares", "statement_details"}:
        return {"code": CODES[:3], **({"period": ["FY"] * 3} if table == "statements" else {})}
    return {"code": CODES}


def _with_prices(frame, session):
    """Prices that move as a market's do, the same TOPIX in both tables of indices."""
    if "close" not in frame.columns or "contract" in frame.columns:
        return frame
    draw = np.random.default_rng(session.toordinal())
    close = pl.Series(np.round(1_000 + draw.uniform(-40, 40, frame.height), 1))
    prices = {"open": close + 1, "high": close + 3, "low": close - 3, "close": close}
    factor = {"adj_factor": 1.0} if "adj_factor" in frame.columns else {}
    return frame.with_columns(**prices, **factor)
