"""The local engine at any size: the pieces of a job, done by processes of this machine, with a folder between them.

No process holds more than a bucket of codes or a span of sessions, so that memory does not grow with the history.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tosho.features.pieces.job import Job, Opening
from tosho.features.pieces.partitions import Staged, Target
from tosho.features.pieces.read import Read
from tosho.features.pieces.scratch import Scratch
from tosho.features.pieces.series import Series
from tosho.features.pieces.shape import shape_of
from tosho.features.pieces.source import Window
from tosho.features.pieces.worker import as_worker
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet
from tosho.observability.progress import Progress
from tosho.storage import Lake


def build_window(lake: Lake, wanted: FeatureSet, window: Window, workers: int | None = None) -> None:
    """Build a set's features of a window's sessions, and publish them.

    Args:
        lake: From where, and where to.
        wanted: The feature set.
        window: The sessions.
        workers: Processes at once; one a core when left out.

    Raises:
        BrokenProcessPool: A worker died, of memory as a rule. Nothing was published.
    """
    workers = workers or len(os.sched_getaffinity(0))
    rows, passes = lake.manifest("bars", window.wanted[-1]).rows, plan(wanted)
    shape = shape_of(rows, len(passes.handed_on), window, workers)
    # the folder goes last: a worker that still reads when something fails would make it anew
    with _scratch() as folder, worker_pool(workers) as pool, ThreadPoolExecutor(1) as beside:
        opening = Opening.of(lake, wanted, passes, window, shape)
        read = partial(_read, opening.read, Scratch(folder))
        # handing out work waits for the workers' imports: the driver computes the market meanwhile, and while they read
        reading = beside.submit(pool.map, read, range(len(opening.read.chunks)))
        run(opening.prepare(pool.map), reading.result(), pool, folder)


def run(job: Job, reading: Iterator[None], pool: ProcessPoolExecutor, folder: Path) -> None:
    """Do a job's pieces and publish what they made; nothing is published, and no file left, if one fails."""
    chunks, buckets, spans = range(len(job.read.chunks)), range(job.shape.buckets), range(job.shape.spans(job.window))
    between = Scratch(folder)
    told = Progress("features")
    for done, _ in enumerate(reading, 1):
        told("chunks of sessions read", done, len(chunks))
    for done, _ in enumerate(pool.map(partial(_compute, job.series, between), buckets), 1):
        told("buckets of codes computed", done, len(buckets))
    staged: list[Staged] = []
    try:
        for brought in pool.map(partial(_finish, job.target, between), spans):
            staged.append(brought)
            told("spans of sessions written", len(staged), len(spans))
    except BaseException:
        job.target.abort(staged)
        raise
    job.target.commit(staged)


def _read(read: Read, between: Scratch, chunk: int) -> None:
    between.put("buckets", read(chunk), chunk)


def _compute(series: Series, between: Scratch, bucket: int) -> None:
    if blobs := between.take("buckets", bucket):
        between.put("spans", series(blobs), bucket)


def _finish(target: Target, between: Scratch, span: int) -> Staged:
    return target.stage([between.take("spans", span)])


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="tosho-") as folder:
        yield Path(folder)


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of fresh processes, one for every core, in the environment of a worker."""
    with as_worker() as context, ProcessPoolExecutor(workers, context) as pool:
        yield pool
