"""Who makes the pieces of a dataset on this machine: its processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tosho.dataset.build import Engine, told
from tosho.dataset.pieces import Pieces
from tosho.features.processes import worker_pool


@contextmanager
def processes(workers: int | None = None) -> Iterator[Engine]:
    """Give the engine of so many processes, one a core when left out.

    Its answers raise BrokenProcessPool where a worker died, of memory as a rule.
    """
    with worker_pool(workers or len(os.sched_getaffinity(0))) as pool:

        def engine(pieces: Pieces, what: str) -> Iterator[str]:
            return told(pieces, pool.map(pieces, range(pieces.count)), what)

        yield engine
