"""The pass over sessions: what is made of one session's rows of all codes, ranks and means and the graph."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tosho.features import columns
from tosho.features.graph_columns import with_graph
from tosho.features.levels import is_number
from tosho.features.plan import Plan
from tosho.features.spec import Feature, Scope

STORED_AS = pl.Float32()


def compute_session(rows: pl.DataFrame, passes: Plan, returns: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return what `SessionPass` does."""
    return SessionPass.of(passes)(rows, returns)


@dataclass(frozen=True)
class SessionPass:
    """The pass over sessions. What Polars is asked for is made once, and evaluated over session after session."""

    passes: Plan
    levels: tuple[tuple[pl.Expr, ...], ...]

    @classmethod
    def of(cls, passes: Plan) -> SessionPass:
        """Return the last pass of a plan."""
        read = {name for level in passes.session for f in level for name in f.inputs}
        last = set(passes.names) - read
        return cls(passes, tuple(tuple(_of_session(f, kept=f.name in last) for f in level) for level in passes.session))

    def __call__(self, rows: pl.DataFrame, returns: pl.DataFrame | None = None) -> pl.DataFrame:
        """Return one session's session, code and the set's columns as float32, ordered by code.

        Args:
            rows: What `compute_series` gives for one session, of all codes, in any order.
            returns: What `graph_returns` gives, of all codes; at least of this session and the 59 before. Without it
                what needs the graph is null.
        """
        frame = rows if rows["code"].is_sorted() else rows.sort("code")
        if self.passes.reads_graph:
            frame = with_graph(frame, returns)
        for level in self.levels:
            frame = frame.with_columns(level)
        return stored(frame, self.passes)


def _of_session(f: Feature, *, kept: bool) -> pl.Expr:
    """Return a feature's values; as they are stored, where no other reads them."""
    value = _finite(_in_sector(f.expression) if f.scope is Scope.GROUP else f.expression)
    return (value.cast(STORED_AS) if kept else value).alias(f.name)


def stored(rows: pl.DataFrame, passes: Plan) -> pl.DataFrame:
    """Return session, code and a plan's columns as they are stored."""
    types = dict(zip(rows.columns, rows.dtypes, strict=True))
    wide = [name for name in passes.names if types[name] != STORED_AS]
    kept = rows.with_columns(pl.col(wide).cast(STORED_AS)) if wide else rows
    return kept[[*columns.KEY, *passes.names]]  # by name: `select` makes an expression of each of hundreds


def _in_sector(value: pl.Expr) -> pl.Expr:
    """The engine's partition of scope GROUP. What no sector is known of is no group."""
    return pl.when(pl.col("sector33").is_not_null()).then(value.over("sector33"))


def _finite(value: pl.Expr) -> pl.Expr:
    number = value.cast(pl.Float64)
    return pl.when(is_number(number)).then(number)
