"""Features of tables in memory, by Spark on this machine: for the command line, and to compare the engines."""

from __future__ import annotations

import tempfile
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from tosho.contracts import features_contract
from tosho.features.pieces.folder import FolderSource
from tosho.features.pieces.job import TABLE, assemble
from tosho.features.pieces.partitions import Target
from tosho.features.pieces.read import Read
from tosho.features.pieces.shape import shape_of
from tosho.features.pieces.source import Window
from tosho.features.plan import plan
from tosho.features.records import Grain, made_of
from tosho.features.sets import FeatureSet
from tosho.features.spark.flow import flow, spread
from tosho.features.spark.session import running_session
from tosho.features.tables import Tables
from tosho.features.universe import first_with_topix
from tosho.storage import Files, Lake


def compute_tables(tables: Tables, wanted: FeatureSet, sessions: list[date]) -> pl.DataFrame:
    """Return what the local engine returns for the same tables, bit for bit, computed by Spark on all cores.

    Args:
        tables: What features are made of.
        wanted: The columns to compute.
        sessions: Sessions to give back, in order; each has bars.

    Raises:
        FeatureJobError: A task failed for good.
    """
    passes = plan(wanted)
    listed = [] if tables.securities is None else [tables.securities["session"]]
    needed = tuple(pl.concat([tables.bars["session"], *listed]).unique().sort())
    window = Window((), needed, tuple(sessions))
    rows = tables.bars.group_by("session").len()["len"].max()
    assert isinstance(rows, int)
    made = made_of(passes.records(Grain.MARKET, Grain.SECTOR), tables.others)
    with (
        tempfile.TemporaryDirectory(prefix="tosho-") as scratch,
        running_session("tosho features", "local[*]") as spark,
    ):
        source = FolderSource.of(tables, Path(scratch) / "tables", needed[0])
        lake = Lake(Files(f"file://{scratch}/lake"))
        shape = shape_of(rows, len(passes.handed_on), window, spark.sparkContext.defaultParallelism)
        target = partial(Target, lake, TABLE, window.wanted, features_contract(wanted.names), {})
        read, topix_from = Read(source, window, shape), first_with_topix(tables.indices)
        flow(spark, assemble(read, passes, tables.indices, made, target, partial(spread, spark), topix_from))
        return lake.read_many(TABLE, sessions)
