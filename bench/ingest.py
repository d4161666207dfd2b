"""Times ingest: parsing, one session of every table, a history at a plan's pace, and memory over ten years of it.

    python -m bench.ingest parse | session | pace | memory

Each prints one line of JSON. The simulated J-Quants runs in a process of its own, as the real one would.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path
from statistics import median

import httpx
import polars as pl

from tosho.config import JQuants, Plan
from tosho.ingest import JQuantsClient, ingest_history, ingest_session, payload, plans
from tosho.ingest.sources import BARS, SOURCES
from tosho.local.environment import free_ports
from tosho.simulation.market import simulate
from tosho.storage import Files, Lake

KEY = "bench"
CODES, BATCHES, TIMES = 4_000, 20, 10
SERVER = """
import sys
from tosho.simulation.server import serve
folder, port, plan, rate = sys.argv[1:]
serve(folder, "127.0.0.1", int(port), api_key="bench", plan=plan, rate_per_minute=int(rate) or None)
"""


class Counting(JQuantsClient):
    """A client that counts what it asks."""

    asked = 0

    def _get(self, endpoint: str, query: dict[str, str]) -> object:
        self.asked += 1
        return super()._get(endpoint, query)


@contextmanager
def serving(folder: Path, plan: Plan, per_minute: int = 0) -> Iterator[str]:
    """Serve a market from a process of its own; yields the address."""
    port = free_ports(1)[0]
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder), str(port), plan, str(per_minute)])
    url = f"http://127.0.0.1:{port}/v2"
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            httpx.get(f"{url}/markets/calendar", headers={"x-api-key": KEY}, timeout=5)
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"The simulated J-Quants ended with {process.returncode} before it answered.")


def parse() -> dict[str, object]:
    """Bytes of a session's pages to rows that keep the contract of bars, in rows a second: the median of batches.

    What else runs on the machine shows in the distance between the median and the best batch.
    """
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder), codes=CODES, sessions=30)
        with serving(Path(folder), "light") as url, JQuantsClient(JQuants(url, KEY, "light")) as client:
            bodies = [page.body for page in client.pages(plans.BARS, date="2025-03-31")]
    rows, stages = _parsed(bodies)  # what is made once is made here
    batches, cpu = [], time.process_time()
    for _ in range(BATCHES):
        passes = [_parsed(bodies)[1] for _ in range(TIMES)]
        batches.append({stage: sum(found[stage] for found in passes) / TIMES for stage in stages})
    cpu = (time.process_time() - cpu) / BATCHES / TIMES
    walls = [sum(batch.values()) for batch in batches]
    by_stage = {stage: median(batch[stage] for batch in batches) for stage in stages}
    return {
        "rows": rows, "pages": len(bodies), "batches": BATCHES, "rows_per_s": round(rows / median(walls)),
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
    return good.height, dict(zip(("read_json", "rows_frame", "read", "check"), seconds, strict=True))


def session() -> dict[str, object]:
    """Take one session of every table in, of 4,000 codes, from a server without limits."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(Path(folder) / "market", codes=CODES, sessions=60)
        last = date(2025, 3, 31)
        lake = Lake(Files(f"file://{folder}/lake"))
        with serving(Path(folder) / "market", "premium") as url, Counting(JQuants(url, KEY, "premium")) as client:
            ingest_session(last, lake, client)
            again = Lake(Files(f"file://{folder}/again"))
            asked, began = client.asked, time.perf_counter()
            report = ingest_session(last, again, client)
            wall = time.perf_counter() - began
            rows = {table: told["rows"] for table, told in report.items()}
            return {"wall_s": round(wall, 2), "requests": client.asked - asked, "rows": rows}


def pace(plan: Plan = "standard", count: int = 250) -> dict[str, float]:
    """Take a history in at a plan's pace, and hold its time against what the pace alone would take."""
    per_minute = plans.PLANS[plan].per_minute
    with tempfile.TemporaryDirectory() as folder:
        summary = simulate(Path(folder) / "market", codes=CODES, sessions=count)
        lake = Lake(Files(f"file://{folder}/lake"))
        with (
            serving(Path(folder) / "market", plan, per_minute) as url,
            Counting(JQuants(url, KEY, plan), per_minute=per_minute) as client,
        ):
            began = time.perf_counter()
            ingest_history(summary.first, summary.last, lake, client, lambda *_: None)
            wall = time.perf_counter() - began
            bound = 60 * ((client.asked - 1) // per_minute)  # the first minute's requests may all go at once
            return {
                "sessions": count, "requests": client.asked, "per_minute": per_minute, "wall_s": round(wall, 1),
                "pace_alone_s": round(bound, 1), "ratio": round(wall / bound, 3),
            }  # fmt: skip


def memory(codes: int = 300, count: int = 2_450) -> dict[str, object]:
    """Take ten years in, and say how much memory the process held at most in each tenth of them, whichever table."""
    with tempfile.TemporaryDirectory() as folder:
        market = Path(folder) / "market"
        made = [sys.executable, "-m", "tosho", "simulate", "market", str(market)]
        subprocess.run([*made, "--codes", str(codes), "--sessions", str(count)], check=True, stdout=subprocess.DEVNULL)
        days = pl.scan_parquet(market / "topix.parquet").select("Date").collect()["Date"]
        lake = Lake(Files(f"file://{folder}/lake"))
        held: dict[int, int] = {}

        def note(_: str, done: int, __: int) -> None:
            tenth = 10 * done // count
            held[tenth] = max(held.get(tenth, 0), _held_mib())

        with serving(market, "premium") as url, JQuantsClient(JQuants(url, KEY, "premium")) as client:
            before = _held_mib()
            began = time.perf_counter()
            ingest_history(days[0], days[-1], lake, client, note)
            wall = time.perf_counter() - began
        return {
            "codes": codes, "sessions": count, "wall_s": round(wall, 1), "before_mib": before,
            "held_mib": dict(sorted(held.items())), "tables": len(SOURCES),
            "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }  # fmt: skip


def _held_mib() -> int:
    """Return what the process holds now: what grows beneath an earlier peak is not seen in the peak."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


if __name__ == "__main__":
    sys.stdout.write(json.dumps(globals()[sys.argv[1]]()) + "\n")
