"""What a prediction is measured against: the return from the next close on.

The label of session t is known after the close of t + 1 + horizon. It lives in a table of its own and is never
a feature.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import polars as pl

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.features.panel import rows_of
from tosho.observability.log import logger
from tosho.storage import Lake

log = logger(__name__)

LABEL_COLUMNS = tuple(f"y_{h}" for h in HORIZONS)

REACH = 1 + max(HORIZONS)
"""Sessions after t that the longest label of t needs."""

_BATCH = 250  # sessions labelled at once, so that memory does not grow with the range
_KEY = ("session", "code")
_READ = (*_KEY, "close", "adj_factor")
_FORMULA = "closes as traded"  # part of a label's sources: labels made another way are made again


def label_bars(
    bars: pl.DataFrame, listed: pl.DataFrame | None = None, sessions: Iterable[date] | None = None
) -> pl.DataFrame:
    """Return the labels of these bars: `y_h(t) = C(t + 1 + h) / (C(t + 1) A) - 1`.

    C are closes as traded, and A is the product of `adj_factor` over the h sessions after t + 1, from the oldest on:
    a split is no return, and a label has the same bits whatever lies before t or after its exit. That is what someone
    earns who reads the prediction after the close of t and trades at the next close.
    Null where the code did not trade at entry or exit, or was not listed at a session from t to the exit.

    Args:
        bars: Rows of the `bars` contract.
        listed: Session and code of listings. In a session that has none here, who is listed is not known, and a label
            may pass over it.
        sessions: All sessions that exist in this range; left out, those of `bars` and `listed`.

    Returns:
        Columns of the `labels` contract, a row for every session and code of `bars` and `listed`, by code and session.
    """
    keys = rows_of(bars, listed)
    days = pl.concat([keys["session"], pl.Series("session", sessions or [], pl.Date)]).unique().sort()
    grid = keys.select("code").unique().sort("code").join(days.to_frame(), how="cross", maintain_order="left_right")
    found = bars.select(_READ)
    rows = grid.join(found, on=_KEY, how="left", maintain_order="left")
    rows = rows.with_columns(pl.col("adj_factor").fill_null(1.0), *_gaps(rows, listed))
    rows = rows.select(*_KEY, *(_return(h) for h in HORIZONS))
    return rows.join(keys, on=_KEY, how="semi", maintain_order="left")


def label_sessions(lake: Lake, first: date, last: date) -> list[date]:
    """Publish the labels of all sessions from `first` whose longest label is known at `last`, and return those.

    Nothing after `last` is read, and a session whose labels are not all known yet is left out: what is
    published is final. A session without bars counts as one without a trade. A session is labelled again only if
    the bars or listings that its labels reach have changed.

    Raises:
        CorruptPartitionError: Bars or listings are not what was published.
    """
    sessions = lake.sessions("bars", first, last)
    if missing := _missing(sessions):
        log.warning("Labels: %d sessions have no bars and count as without a trade: %s.", len(missing), missing[:5])
    known = [s for s in sessions if s <= calendar.offset(last, -REACH)]
    digests = _digests(lake, sessions)
    facts = {s: _joined(digests, _window(sessions, s, s)) for s in known}
    with ThreadPoolExecutor(8) as pool:
        done = pool.map(lambda s: _is_labelled(lake, s, facts[s]), known)
        wanted = [s for s, is_done in zip(known, done, strict=True) if not is_done]
    for at in range(0, len(wanted), _BATCH):
        _publish(lake, wanted[at : at + _BATCH], sessions, facts)
    log.info("Labels: %d sessions are known at %s; %d of them were published now.", len(known), last, len(wanted))
    return known


def _return(horizon: int) -> pl.Expr:
    """The return to a row's exit, over rows that hold each code's sessions without a gap."""
    leave = -1 - horizon
    factor = pl.lit(1.0)
    for k in range(2, horizon + 2):
        factor = factor * pl.col("adj_factor").shift(-k)
    stays = (pl.col("code").shift(leave) == pl.col("code")) & (pl.col("gaps").shift(leave) == pl.col("gaps"))
    gained = pl.col("close").shift(leave) / (pl.col("close").shift(-1) * factor) - 1
    return pl.when(stays & pl.col("is_listed")).then(gained).alias(f"y_{horizon}")


def _gaps(rows: pl.DataFrame, listed: pl.DataFrame | None) -> list[pl.Series]:
    """Return, for each row, whether it may be listed, and how many rows before it, itself included, are not."""
    is_listed = pl.Series("is_listed", [True]).new_from_index(0, rows.height)
    if listed is not None:
        found = listed.select(*_KEY, pl.lit(value=True).alias("is_listed"))
        joined = rows.select(_KEY).join(found, on=_KEY, how="left", maintain_order="left")
        unknown = ~pl.col("session").is_in(listed["session"].unique().implode())
        is_listed = joined.select(pl.coalesce("is_listed", unknown).alias("is_listed")).to_series()
    return [is_listed, (~is_listed).cast(pl.Int64).cum_sum().alias("gaps")]


def _publish(lake: Lake, wanted: Sequence[date], sessions: Sequence[date], facts: Mapping[date, str]) -> None:
    window = _window(sessions, wanted[0], wanted[-1])
    known = [s for s in window if lake.has("securities", s)]
    listed = lake.read_many("securities", known, _KEY) if known else None
    labels = label_bars(lake.read_many("bars", window, _READ), listed, calendar.sessions(window[0], window[-1]))
    with ThreadPoolExecutor(8) as pool:
        parts = labels.filter(pl.col("session").is_in(list(wanted))).partition_by("session", as_dict=True).items()
        list(pool.map(lambda kv: lake.publish("labels", kv[0][0], kv[1], facts={"sources": facts[kv[0][0]]}), parts))


def _window(sessions: Sequence[date], first: date, last: date) -> Sequence[date]:
    """Return the sessions with bars from `first` to where the longest label of `last` ends."""
    return sessions[bisect_left(sessions, first) : bisect_right(sessions, calendar.offset(last, REACH))]


def _missing(sessions: Sequence[date]) -> list[str]:
    asked = calendar.sessions(sessions[0], sessions[-1]) if sessions else []
    return [s.isoformat() for s in asked if s not in set(sessions)]


def _digests(lake: Lake, sessions: Sequence[date]) -> dict[date, str]:
    def of(session: date) -> str:
        listing = lake.manifest("securities", session).sha256 if lake.has("securities", session) else ""
        return lake.manifest("bars", session).sha256 + listing

    with ThreadPoolExecutor(8) as pool:
        return dict(zip(sessions, pool.map(of, sessions), strict=True))


def _joined(digests: Mapping[date, str], window: Sequence[date]) -> str:
    return hashlib.sha256("".join([_FORMULA, *(digests[s] for s in window)]).encode()).hexdigest()


def _is_labelled(lake: Lake, session: date, sources: str) -> bool:
    return lake.has("labels", session) and lake.manifest("labels", session).facts.get("sources") == sources
