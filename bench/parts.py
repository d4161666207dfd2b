"""The parts that `bench` times, each a function of an installation and a size; run one at a time as a process."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tosho.config import Settings
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.sets import feature_set
from tosho.local.environment import free_ports
from tosho.storage import Lake, parquet_bytes

Found = dict[str, float]


def settings(home: Path, port: int = 9) -> Settings:
    """Return the settings of a bench installation."""
    return Settings.from_environment(
        {
            "TOSHO_HOME": str(home),
            "TOSHO_JQUANTS_URL": f"http://127.0.0.1:{port}/v2",
            "TOSHO_JQUANTS_API_KEY": "bench",
            "TOSHO_JQUANTS_PLAN": "standard",
        }
    )


def timed(work: Callable[[], int]) -> Found:
    """Return the seconds of the work itself and the rows that it made."""
    began = time.perf_counter()
    rows = work()
    return {"work_s": round(time.perf_counter() - began, 2), "rows": rows}


def market(home: Path, codes: int, sessions: int) -> Found:
    """Make the synthetic market."""
    from tosho.simulation.market import simulate

    shutil.rmtree(home, ignore_errors=True)
    simulate(home / "market", codes=codes, sessions=sessions)
    return timed(lambda: pl.scan_parquet(home / "market/bars.parquet").select(pl.len()).collect().item())


def ingest(home: Path, *_: int) -> Found:
    """Take the whole market in over HTTP."""
    from tosho.simulation import server
    from tosho.steps import history

    port = free_ports(1)[0]
    options = {"api_key": "bench", "plan": "standard", "rate_per_minute": None}
    threading.Thread(
        target=server.serve, args=(home / "market", "127.0.0.1", port), kwargs=options, daemon=True
    ).start()
    time.sleep(5)
    first, last = bounds(home)
    return timed(lambda: history.ingest(first, last, settings(home, port))["rows"])


def bounds(home: Path) -> tuple[object, object]:
    """Return the market's first and last session."""
    dates = pl.col("Date")
    return pl.scan_parquet(home / "market/bars.parquet").select(dates.min(), dates.max().alias("last")).collect().row(0)


def floor(home: Path, *_: int) -> Found:
    """Write a table of the features' size with Polars alone: nobody can be faster than that."""
    bars = Lake.of(settings(home)).read_many("bars", Lake.of(settings(home)).sessions("bars"))
    names = feature_set("core").names
    close = bars["close"].to_numpy()
    wide = bars.select("session", "code").with_columns(
        pl.Series(name, close * (1 + place / 7), dtype=pl.Float32) for place, name in enumerate(names)
    )
    parts = wide.partition_by("session")
    return timed(lambda: sum(part.height for part in parts if parquet_bytes(part)))


def features_local(home: Path, *_: int) -> Found:
    """Compute the set with Polars, and turn it into the bytes of its partitions."""
    lake = Lake.of(settings(home))
    tables = {name: lake.read_many(name, lake.sessions(name)) for name in ("bars", "shares", "securities", "indices")}

    def work() -> int:
        panel = build_panel(tables["bars"], tables["shares"], tables["securities"])
        made = local.compute(panel, tables["indices"], feature_set("core"))
        return sum(part.height for part in made.partition_by("session") if parquet_bytes(part))

    return timed(work)


def features_spark(home: Path, *_: int) -> Found:
    """Compute and publish the set with Spark, local[2]; the session's start is not counted in `work_s`."""
    from tosho.features.build import build
    from tosho.features.spark import build_window
    from tosho.features.spark.session import running_session

    known = Lake.of(settings(home)).sessions("bars")
    with running_session("bench", "local[2]"):
        return timed(lambda: int(build(settings(home), "core", known[0], known[-1], engine=build_window)["rows"]))


def train(home: Path, *_: int) -> Found:
    """Label, fit and evaluate LightGBM."""
    from tosho.steps.training import train as run

    known = Lake.of(settings(home)).sessions("features")
    return timed(lambda: int(run(settings(home), known[0], known[-4])["rows"]))


def score(home: Path, *_: int) -> Found:
    """Score the last session."""
    from tosho.steps.scoring import score as run

    known = Lake.of(settings(home)).sessions("features")
    return timed(lambda: int(run(settings(home), known[-1], "bench")["rows"]))


def load(home: Path, *_: int) -> Found:
    """Load the last session's predictions and count them back."""
    from tosho.steps import daily

    known = Lake.of(settings(home)).sessions("predictions")
    return timed(lambda: int(daily.load(known[-1], settings(home))["rows"]))


if __name__ == "__main__":
    part, home, *size = sys.argv[1:]
    sys.stdout.write(json.dumps(globals()[part](Path(home).resolve(), *map(int, size))) + "\n")
