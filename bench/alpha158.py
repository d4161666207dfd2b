"""Alpha158 of the same bars by Tosho, Qlib and KunQuant: what each computes in memory, in rows a CPU second.

Tosho twice: set `alpha158` as it is published, and mode `qlib`, whose answers are Qlib's own. One thread each. Qlib
reads its own binary files, as it always does; KunQuant is given dense arrays and its compilation does not count. Nor
does what a process does once: before the clock starts Tosho and KunQuant compute all of it, so that loops are there and
memory was touched, and then five times over. Qlib takes a minute for once, in which such things are lost.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

from bench.lakes import settings
from bench.meter import work
from tosho.features.chunks import between_codes
from tosho.features.plan import Plan
from tosho.storage import Lake

HERE = Path(__file__).parent
PACKAGES = {
    "qlib": ["pyqlib==0.9.7"],
    "kunquant": ["kunquant==0.1.12", "setuptools<81", "polars"],
}
"""What is installed from PyPI into an environment of its own, when it is asked for."""
_BUCKET = 100
"""Codes that the engine computes together, of ten years of this set."""
_PASSES = 5
_PRICES = ("open", "high", "low", "close", "volume")


def bars(home: Path, codes: int) -> dict[str, Any]:
    """Write the bars of some codes, those with the fewest halts, once as they are stored and once adjusted."""
    from tosho.features.panel import build_panel

    lake = Lake.of(settings(home))
    every = lake.read_many("bars", lake.sessions("bars"))
    traded = every.group_by("code").agg(pl.col("close").count()).sort("close", "code", descending=[True, False])
    stored = every.filter(pl.col("code").is_in(traded["code"].head(codes).implode())).sort("code", "session")
    panel = build_panel(stored)
    folder = _folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    stored.write_parquet(folder / "stored.parquet")
    adjusted = panel.select(
        "session", "code", *_PRICES, (pl.col("turnover_yen") / pl.col("volume")).alias("vwap"), "turnover_yen"
    )
    adjusted.write_parquet(folder / "adjusted.parquet")
    return {"rows": adjusted.height, "codes": adjusted["code"].n_unique(), "sessions": adjusted["session"].n_unique()}


def production(home: Path) -> dict[str, Any]:
    """Compute set `alpha158` from stored bars as the engine does, bucket after bucket of codes: none is kept."""
    from tosho.features.plan import plan
    from tosho.features.sets import feature_set

    passes = plan(feature_set("alpha158"))
    stored = _folder(home) / "stored.parquet"
    _by_codes(pl.read_parquet(stored), passes)
    with work() as done:
        rows = sum(_by_codes(pl.read_parquet(stored), passes) for _ in range(_PASSES))
    return {**done.told, "rows": rows, "cells": rows * len(passes.handed_on)}


def _by_codes(stored: pl.DataFrame, passes: Plan) -> int:
    """Compute a bucket of codes after the other, and return how many rows they have."""
    from tosho.features import local
    from tosho.features.panel import build_panel

    sessions, rows = stored["session"].unique().sort(), 0
    market = local.compute_market(None, passes, sessions)
    for bars in between_codes(stored, _BUCKET * sessions.len()):
        rows += local.compute_series(build_panel(bars, sessions=sessions.to_list()), market, passes).height
    return rows


def as_qlib(home: Path) -> dict[str, Any]:
    """Compute it from adjusted bars in mode `qlib`."""
    from tosho.features import qlib
    from tosho.features.sets import feature_set

    wanted, adjusted = feature_set("alpha158").features, _folder(home) / "adjusted.parquet"
    qlib.compute(pl.read_parquet(adjusted), wanted)
    with work() as done:
        rows = sum(qlib.compute(pl.read_parquet(adjusted), wanted).height for _ in range(_PASSES))
    return {**done.told, "rows": rows, "cells": rows * len(wanted)}


def commands_of(name: str, home: Path, out: Path) -> dict[str, list[str]]:
    """Return what computes it with Qlib or KunQuant, and make their environment if it is not there.

    KunQuant in both precisions: in float32 a tenth of its correlations of few sessions are off by more than 1e-3, so
    its own tests of Alpha158 take float64.
    """
    command = [str(_environment(out / "venv" / name, name)), str(HERE / "beside" / f"by_{name}.py"), str(_folder(home))]
    if name == "qlib":
        return {name: command}
    return {f"{name}_{precision}": [*command, precision, str(_PASSES)] for precision in ("double", "float")}


def _folder(home: Path) -> Path:
    return home / "beside"


def _environment(folder: Path, name: str) -> Path:
    python = folder / "bin/python"
    marker = folder / "installed"
    wanted = " ".join(PACKAGES[name])
    if not marker.exists() or marker.read_text() != wanted:
        uv = Path(sys.executable).parent / "uv"
        env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
        subprocess.run([uv, "venv", "-q", "--clear", "-p", sys.executable, folder], check=True, env=env)
        subprocess.run([uv, "pip", "install", "-q", "-p", python, *PACKAGES[name]], check=True, env=env)
        marker.write_text(wanted)
    return python
