"""The floor: a table that was built, written once more with Polars alone.

Processes, as many as the engine has, take one session after the other: they read the published partition, which does
not count, and then encode it as Polars does when told nothing, write the file and wait until the disk has it. No
expression, no join, no contract, no manifest. The floor's wall is the sum of these seconds over the processes' number:
as if none ever waited for another. The file is removed at once, so that no second table must fit on the disk.

The lake's own encoding of so wide a table is the faster one. What it takes is told beside, `own_encode_s`, and does not
count; by its checksum it is seen to be the engine's table.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from bench.lakes import Place
from bench.meter import work
from tosho.storage import Lake, wide_bytes

STEPS = ("encode_s", "write_s", "sync_s", "own_encode_s")


def floor(home: Path, name: str, cores: int) -> dict[str, Any]:
    """Write the table that the local engine made of a set once more, and return the seconds by step.

    Raises:
        ValueError: A file has other bytes than the engine's.
    """
    where = Place(home).settings(f"local-{name}")
    lake, folder = Lake.of(where), Path(where.home) / "floor"
    folder.mkdir(exist_ok=True)
    sessions = lake.sessions("features")
    os.environ["POLARS_MAX_THREADS"] = "1"
    with work() as done, ProcessPoolExecutor(cores, get_context("forkserver")) as pool:
        found = list(pool.map(partial(_write, lake, folder), sessions, chunksize=4))
    shutil.rmtree(folder)
    seconds = {step: round(sum(told[step] for told in found) / cores, 3) for step in STEPS}
    polars = sum(seconds[step] for step in STEPS[:-1])
    cpu = sum(told["cpu_s"] for told in found)
    return {
        **seconds, "floor_s": round(polars, 3), "floor_cpu_s": round(cpu, 2),
        "floor_unsynced_s": round(polars - seconds["sync_s"], 3),
        "own_floor_s": round(polars - seconds["encode_s"] + seconds["own_encode_s"], 3),
        "rows": sum(told["rows"] for told in found), "mib": round(sum(told["size"] for told in found) / 2**20, 1),
        "with_reading_s": done.told["work_s"],
    }  # fmt: skip


def _write(lake: Lake, folder: Path, session: date) -> dict[str, float]:
    frame, manifest = lake.read("features", session), lake.manifest("features", session)
    target, cpu, marks = folder / f"{session}.parquet", time.process_time(), [time.perf_counter()]
    data = _by_polars(frame)
    marks.append(time.perf_counter())
    with target.open("wb") as stream:
        stream.write(data)
        stream.flush()
        marks.append(time.perf_counter())
        os.fsync(stream.fileno())
    marks.append(time.perf_counter())
    cpu = time.process_time() - cpu
    own = wide_bytes(frame)
    marks.append(time.perf_counter())
    target.unlink()
    digest = hashlib.sha256(own).hexdigest()
    if digest != manifest.sha256:
        raise ValueError(
            f"Session {session}: encoded again it is {digest[:16]}, the engine wrote {manifest.sha256[:16]}."
        )
    steps = dict(zip(STEPS, (after - before for before, after in pairwise(marks)), strict=True))
    return {**steps, "cpu_s": cpu, "rows": frame.height, "size": len(data)}


def _by_polars(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
