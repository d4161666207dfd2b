"""Features of tables in memory, by Spark on this machine: for the command line, and to compare the engines."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tosho.contracts import features_contract
from tosho.features import local
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet
from tosho.features.spark.engine import Finish, Series
from tosho.features.spark.flow import flow
from tosho.features.spark.session import running_session
from tosho.features.spark.shape import shape_of
from tosho.features.spark.sink import Target
from tosho.features.spark.source import Window
from tosho.features.spark.stages import ComputeSeries, Read
from tosho.features.tables import Tables
from tosho.storage import Files, Lake

ROW_GROUP = 32_768
"""Rows that a worker reads at least, of a file ordered by session."""


@dataclass(frozen=True)
class FolderSource:
    """A file a table, ordered by session. Statements are few and come whole, with the first sessions."""

    folder: Path
    first: date

    def read(self, needed: list[date], earlier: list[date]) -> dict[str, pl.DataFrame]:  # noqa: ARG002 - nothing
        """Return all rows of the needed sessions, which follow one another."""
        within = pl.col("session").is_between(needed[0], needed[-1])
        tables = {path.stem: pl.scan_parquet(path) for path in sorted(self.folder.glob("*.parquet"))}
        if self.first not in needed:
            tables.pop("shares", None)
        return {name: (rows if name == "shares" else rows.filter(within)).collect() for name, rows in tables.items()}


def compute_tables(tables: Tables, wanted: FeatureSet, sessions: list[date]) -> pl.DataFrame:
    """Return what the local engine returns for the same tables, bit for bit, computed by Spark on all cores.

    Args:
        tables: What features are made of.
        wanted: The columns to compute.
        sessions: Sessions to give back, in order; each has bars.

    Raises:
        FeatureJobError: A task failed for good.
    """
    passes, contract = plan(wanted), features_contract(wanted.names)
    listed = [] if tables.securities is None else [tables.securities["session"]]
    needed = tuple(pl.concat([tables.bars["session"], *listed]).unique().sort())
    window = Window((), needed, tuple(sessions))
    rows = tables.bars.group_by("session").len()["len"].max()
    assert isinstance(rows, int)
    market = local.compute_market(tables.indices, passes, needed)
    with (
        tempfile.TemporaryDirectory(prefix="tosho-") as scratch,
        running_session("tosho features", "local[*]") as spark,
    ):
        source, target = Path(scratch) / "tables", Lake(Files(f"file://{scratch}/lake"))
        _write(tables, source)
        shape = shape_of(rows, window, spark.sparkContext.defaultParallelism)
        flow(
            spark,
            Read(FolderSource(source, needed[0]), window, shape),
            ComputeSeries(Series(passes, market, needed, window.wanted), window, shape),
            Target(target, "features", window.wanted, contract, {}, Finish(passes)),
        )
        return target.read_many("features", sessions)


def _write(tables: Tables, folder: Path) -> None:
    folder.mkdir()
    for name in ("bars", "securities", "shares"):
        frame: pl.DataFrame | None = getattr(tables, name)
        if frame is not None:
            frame.sort("session").write_parquet(folder / f"{name}.parquet", row_group_size=ROW_GROUP)
