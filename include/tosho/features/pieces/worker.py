"""The environment of a worker process, whoever starts it, and the local engine's workers before their work begins."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, get_context
from multiprocessing.context import ForkServerContext
from typing import Final

_ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
"""There is a worker for every core."""

_KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 31),
    "_RJEM_MALLOC_CONF": "dirty_decay_ms:5000",
}
"""Columns of half a megabyte come and go by the thousand: given back each time, a fifth of the time is page faults.

The first two are NumPy's memory. Polars has an allocator of its own, which by itself keeps what is used again within
half a second; a bucket of codes takes one. Told to keep everything it grew by 50 MB a bucket, over a history to three
times what it takes now.
"""

WORKER: Final = {**_ONE_THREAD, **_KEEP_MEMORY}
"""Variables that the C library, Polars and BLAS read when a process is born."""


@contextmanager
def as_worker() -> Iterator[ForkServerContext]:
    """Give the context that workers come from, in their environment. They come of one process that has all imported.

    It imports while this process does what comes first. So a command that will need workers enters here before its
    own imports: of an evening of six seconds they are one.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["tosho.features.pieces.job", "tosho.features.loops"])  # once, not in each worker
    before = {name: os.environ.get(name) for name in WORKER}
    os.environ.update(WORKER)  # read by the libraries when a process is born
    try:
        forkserver.ensure_running()
        yield context
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def begin() -> None:
    """Let the process that workers will come from import already."""
    with as_worker():
        pass
