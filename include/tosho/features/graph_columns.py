"""The graph of correlations as columns: which returns it is made of, and what it says of each code of a session."""

from __future__ import annotations

import numpy as np
import polars as pl

from tosho.features import columns
from tosho.features.panel import with_growth

RETURN = "graph_return"
_FOUND = dict(
    zip(
        columns.GRAPH,
        ("g_degree", "g_mean_corr", "g_max_corr", "g_clust", "g_pagerank", "g_core", "g_nbr_ret_1", "g_nbr_ret_5"),
        strict=True,
    )
)


def graph_returns(panel: pl.DataFrame) -> pl.DataFrame:
    """Return session, code and the logarithmic return of a panel's rows, float32; null after an absence."""
    growth = pl.col("growth")
    value = pl.when((growth > 0) & growth.is_finite()).then(growth.log()).cast(pl.Float32)
    return with_growth(panel).select(*columns.KEY, value.alias(RETURN))


def with_graph(rows: pl.DataFrame, returns: pl.DataFrame | None) -> pl.DataFrame:
    """Return one session's rows, ordered by code, with `columns.GRAPH`.

    Args:
        rows: With session, code, ret_1 and ret_5, of all codes.
        returns: What `graph_returns` gives, of all codes. Null columns come of none.
    """
    if returns is None or rows.is_empty():
        return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in _FOUND)
    from tosho.features.graph import graph_of  # noqa: PLC0415 - scipy, only when the graph is asked for

    window = _window(rows, returns)
    found = graph_of(window, *(rows[name].cast(pl.Float64).to_numpy() for name in ("ret_1", "ret_5")))
    return rows.with_columns(
        pl.Series(given, found[name], pl.Float64, nan_to_null=True) for given, name in _FOUND.items()
    )


def _window(rows: pl.DataFrame, returns: pl.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Return the returns of the newest 60 sessions, a row each, a column a code of the session; NaN where is none."""
    days = returns["session"].unique().sort()
    days = days.filter(days <= rows["session"][0]).tail(columns.GRAPH_REACH)
    recent = returns.filter(pl.col("session").is_between(days[0], days[-1])).drop_nulls(RETURN)
    codes = rows.select("code", pl.int_range(pl.len(), dtype=pl.Int64).alias("column"))
    kept = recent.join(codes, on="code")
    window = np.full((columns.GRAPH_REACH, codes.height), np.nan, np.float32)
    at = days.search_sorted(kept["session"]).to_numpy() + (columns.GRAPH_REACH - days.len())
    window[at, kept["column"].to_numpy()] = kept[RETURN].to_numpy()
    return window
