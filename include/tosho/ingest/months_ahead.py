"""Downloading ahead: the next month's files are under way while a month is published.

One month is published after the other and in order, from the files that it would have had: only the waiting is shared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from threading import Event

from tosho.ingest.month import Month


@contextmanager
def fetched_ahead(months: Sequence[Month]) -> Iterator[Iterator[Month]]:
    """Give months in order, each when its files are there. Use it in a `with`.

    What fails is raised when the month has its turn, so that the ones before it are published. Whoever leaves early
    waits for what is on a line, and for nothing else.
    """
    over = Event()
    stoppable = [replace(month, client=month.client.until(over)) for month in months]
    with ThreadPoolExecutor(1, "months-ahead") as pool:
        try:
            yield _in_turn(stoppable, pool)
        finally:
            over.set()


def _in_turn(months: Sequence[Month], pool: ThreadPoolExecutor) -> Iterator[Month]:
    if not months:
        return
    coming = pool.submit(months[0].fetch)
    for month, after in zip_longest(months, months[1:]):
        coming.result()
        if after:
            coming = pool.submit(after.fetch)
        yield month
