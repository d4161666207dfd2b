"""The environment of a worker process, whoever starts it."""

from __future__ import annotations

from typing import Final

_ONE_THREAD = dict.fromkeys(("POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
"""There is a worker for every core."""

_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(1 << 31)}
"""Columns of half a megabyte come and go by the thousand: given back each time, a fifth of the time is page faults.

That is NumPy's memory. Polars has an allocator of its own, which by itself keeps what is used again within half a
second; told to keep everything it grew by 50 MB a bucket of codes, over a history to three times what it takes now.
"""

WORKER: Final = {**_ONE_THREAD, **_KEEP_MEMORY}
"""Variables that the C library, Polars and BLAS read when a process is born."""
