"""The graph of correlations as columns: which returns it is made of, and what it says of each code of a session."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.features import columns
from tosho.features.panel import with_growth

Window: TypeAlias = npt.NDArray[np.float32]

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
    from tosho.features.graph import graph_of  # noqa: PLC0415 - Numba, only when the graph is asked for

    window = _window(rows, returns)
    found = graph_of(window, *(rows[name].cast(pl.Float64).to_numpy() for name in ("ret_1", "ret_5")))
    return rows.with_columns(
        pl.Series(given, found[name], pl.Float64, nan_to_null=True) for given, name in _FOUND.items()
    )


def _window(rows: pl.DataFrame, returns: pl.DataFrame) -> Window:
    """Return the returns of the newest 60 sessions, a row each, a column a code of the session; NaN where is none."""
    table = _laid_out(returns)
    end = int(np.searchsorted(table.days, _days(rows["session"][:1])[0], "right"))
    recent = table.values[max(end - columns.GRAPH_REACH, 0) : end]
    window = np.full((columns.GRAPH_REACH, rows.height), np.nan, np.float32)
    window[columns.GRAPH_REACH - len(recent) :] = recent.take(table.places(rows["code"]), axis=1)
    return window


@dataclass(frozen=True)
class _Table:
    """Returns as `[days, codes + 1]`, NaN where there is none, as in the last column, which is that of no code."""

    days: npt.NDArray[np.int32]
    codes: pl.Enum
    values: Window

    @classmethod
    def of(cls, returns: pl.DataFrame) -> _Table:
        days, codes = np.unique(_days(returns["session"])), pl.Enum(returns["code"].unique())
        table = cls(days, codes, np.full((days.size, codes.categories.len() + 1), np.nan, np.float32))
        known = returns.drop_nulls(RETURN)
        table.values[np.searchsorted(days, _days(known["session"])), table.places(known["code"])] = known[RETURN]
        return table

    def places(self, codes: pl.Series) -> npt.NDArray[np.int64]:
        """Return the columns of some codes; the last of all for one that is not in the table."""
        places = codes.cast(self.codes, strict=False).to_physical().cast(pl.Int64)
        return places.fill_null(self.codes.categories.len()).to_numpy()


_newest: tuple[weakref.ref[pl.DataFrame], _Table] | None = None


def _laid_out(returns: pl.DataFrame) -> _Table:
    """Return the frame's table. The newest frame's is kept while it lives: a span's sessions all bring the same."""
    global _newest  # noqa: PLW0603 - what is kept is a function of the frame alone
    kept = _newest
    if kept is None or kept[0]() is not returns:
        kept = _newest = weakref.ref(returns, _forget), _Table.of(returns)
    return kept[1]


def _forget(gone: weakref.ref[pl.DataFrame]) -> None:
    global _newest  # noqa: PLW0603
    if _newest is not None and _newest[0] is gone:
        _newest = None


def _days(sessions: pl.Series) -> npt.NDArray[np.int32]:
    return sessions.to_physical().to_numpy()
