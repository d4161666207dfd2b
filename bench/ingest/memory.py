"""Ten years by bulk files: whether the process holds more the longer it goes on.

Plan premium alone reaches back over 2,500 sessions; it has all 22 tables, and takes five minutes with 300 codes. With
all 4,000 codes fewer sessions tell the same: what is held depends on a month's rows, and grows or not from the second
month on.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import linear_regression
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from bench.ingest.service import asking, serving
from tosho.config import Plan
from tosho.ingest import JQuantsClient, ingest_history
from tosho.storage import Files, Lake

PARTS = 20


def memory(codes: int = 300, count: int = 2_500, plan: Plan = "premium") -> dict[str, Any]:
    """Return what the process held at most in each part of the years, whichever table, and the slope of that."""
    with TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        made = [sys.executable, "-m", "tosho", "simulate", "market", str(market)]
        subprocess.run([*made, "--codes", str(codes), "--sessions", str(count)], check=True, stdout=subprocess.DEVNULL)
        days = pl.scan_parquet(market / "topix.parquet").select("Date").collect()["Date"]
        held: dict[int, int] = {}

        def note(_: str, done: int, of: int) -> None:
            part = min(PARTS * done // of, PARTS - 1)
            held[part] = max(held.get(part, 0), _held_mib())

        with serving(market, plan) as url, JQuantsClient(asking(url, plan)) as client:
            before, began = _held_mib(), time.perf_counter()
            report = ingest_history(days[0], days[-1], Lake(Files(f"file://{folder}/lake")), client, note)
            wall = time.perf_counter() - began
        return {
            "codes": codes, "sessions": count, "plan": plan,
            "tables": sum(told["rows"] > 0 for told in report["tables"].values()),
            "wall_s": round(wall, 1), "before_mib": before,
            "held_mib": dict(sorted(held.items())), "slope_mib_per_1000_sessions": slope(held, count),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }  # fmt: skip


def slope(held: Mapping[int, float], sessions: int) -> float:
    """Return by how much the peaks of equal parts of the sessions grow over 1,000 of them, by least squares.

    The first part, in which what is made once is made, does not count.

    >>> slope({0: 300, 5: 500, 10: 550, 15: 600}, 2_000)
    100.0
    """
    later = {part: mib for part, mib in held.items() if part}
    return round(linear_regression(*zip(*later.items(), strict=True)).slope * PARTS * 1_000 / sessions, 1)


def _held_mib() -> int:
    """Return what the process holds now: what grows beneath an earlier peak is not seen in the peak."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20
