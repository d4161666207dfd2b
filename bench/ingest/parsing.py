"""Bytes of a session's pages to rows that keep the contract of bars."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from bench.ingest.service import asking, serving
from tosho.ingest import JQuantsClient, payload, plans
from tosho.ingest.sources import BARS
from tosho.simulation.market import simulate

CODES, BATCHES, TIMES = 4_000, 20, 10
STAGES = ("read_json", "rows_frame", "read", "check")


def parse(codes: int = CODES, batches: int = BATCHES) -> dict[str, Any]:
    """Return rows a second: the median of batches.

    What else runs on the machine shows in the distance between the median and the best batch.
    """
    with TemporaryDirectory() as folder:
        market = Path(folder)
        day = simulate(market, codes=codes, sessions=30).last.isoformat()
        with serving(market, "light") as url, JQuantsClient(asking(url, "light")) as client:
            bodies = [page.body for page in client.pages(plans.BARS, date=day)]
    rows, _ = _parsed(bodies)  # what is made once is made here
    found, cpu = [], time.process_time()
    for _ in range(batches):
        passes = [_parsed(bodies)[1] for _ in range(TIMES)]
        found.append({stage: sum(told[stage] for told in passes) / TIMES for stage in STAGES})
    cpu = (time.process_time() - cpu) / batches / TIMES
    walls = [sum(batch.values()) for batch in found]
    by_stage = {stage: median(batch[stage] for batch in found) for stage in STAGES}
    return {
        "rows": rows, "pages": len(bodies), "batches": batches, "rows_per_s": round(rows / median(walls)),
        "rows_per_s_at_best": round(rows / min(walls)), "rows_per_cpu_s": round(rows / cpu),
        "rows_per_s_by_stage": {stage: round(rows / wall) for stage, wall in by_stage.items()},
    }  # fmt: skip


def _parsed(bodies: list[bytes]) -> tuple[int, dict[str, float]]:
    """Take pages to rows that keep the contract; returns how many, and seconds by stage."""
    marks = [time.perf_counter()]
    envelopes = [payload.read_json(body, "bench") for body in bodies]
    marks.append(time.perf_counter())
    pages = pl.concat([payload.rows_frame(envelope.rows) for envelope in envelopes])
    marks.append(time.perf_counter())
    read = BARS.read(pages)
    marks.append(time.perf_counter())
    good = BARS.check(read).good
    marks.append(time.perf_counter())
    seconds = (after - before for before, after in pairwise(marks))
    return good.height, dict(zip(STAGES, seconds, strict=True))
