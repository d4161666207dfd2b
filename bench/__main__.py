"""Times the main parts in one run and writes bench/out/results.json: `make bench`.

Ratios first: machines differ and drift, a ratio within one run does not. Every part runs in a process of its own, whose
user and system seconds and peak memory (its children's included) the operating system counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE / "out"
PARTS = ("market", "ingest", "floor", "features_local", "features_spark", "train", "score", "load")


def measure(part: str, home: Path, size: tuple[int, int]) -> dict[str, float]:
    """Run one part in its own process and return wall, CPU seconds, peak MiB of its largest process, and its rows."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    command = [sys.executable, "-W", "ignore", "-m", "bench.parts", part, str(home), *map(str, size)]
    told = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYSPARK_PYTHON": sys.executable}
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    inside = json.loads(told.stdout.splitlines()[-1])
    return {"wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "peak_mib": round(after.ru_maxrss / 1024), **inside}


def ratios(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return what the figures say of each other. `work_s` leaves out imports and the start of Spark."""
    local, spark, floor = (found[name]["work_s"] for name in ("features_local", "features_spark", "floor"))
    return {"local_over_floor": round(local / floor, 2), "spark_over_local": round(spark / local, 2)}


def main() -> None:
    """Run all parts on one market."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codes", type=int, default=1000)
    parser.add_argument("--sessions", type=int, default=400)
    asked = parser.parse_args()
    size = (asked.codes, asked.sessions)
    home = OUT / f"{asked.codes}x{asked.sessions}"
    found = {}
    for part in PARTS:
        found[part] = measure(part, home, size)
        sys.stdout.write(f"{part:<16} {json.dumps(found[part])}\n")
        sys.stdout.flush()
    result = {
        "codes": asked.codes,
        "sessions": asked.sessions,
        "cores": os.cpu_count(),
        "ratios": ratios(found),
        "parts": found,
    }
    (OUT / "results.json").write_text(json.dumps(result, indent=1) + "\n")
    sys.stdout.write(f"{json.dumps(result['ratios'])}\n{OUT / 'results.json'}\n")


if __name__ == "__main__":
    main()
