"""Alpha158 by Qlib, from its own binary files: run by the Python of Qlib's own environment, without Tosho."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

FIELDS = ("open", "high", "low", "close", "volume", "vwap")


def dump(folder: Path) -> Path:
    """Write adjusted bars as Qlib stores them: a file of float32 a code and field, and text files beside."""
    import numpy as np
    import pandas as pd

    bars = pd.read_parquet(folder / "adjusted.parquet")
    target = folder / "qlib"
    days = sorted(bars["session"].unique())
    place = {day: number for number, day in enumerate(days)}
    for part in ("calendars", "instruments", "features"):
        (target / part).mkdir(parents=True, exist_ok=True)
    (target / "calendars/day.txt").write_text("".join(f"{day}\n" for day in days))
    lines = []
    for code, rows in bars.groupby("code"):
        own = target / "features" / f"t{code}".lower()
        own.mkdir(exist_ok=True)
        first, last = place[rows["session"].iloc[0]], place[rows["session"].iloc[-1]]
        at = rows["session"].map(place).to_numpy() - first
        for field in FIELDS:
            values = np.full(last - first + 2, np.nan, "<f4")
            values[0] = first
            values[at + 1] = rows[field]
            values.tofile(own / f"{field}.day.bin")
        lines.append(f"T{code}\t{days[first]}\t{days[last]}\n")
    (target / "instruments/all.txt").write_text("".join(lines))
    return target


def main(folder: str) -> None:
    """Print what it took."""
    import qlib
    from qlib.contrib.data.loader import Alpha158DL
    from qlib.data import D

    target = dump(Path(folder))
    qlib.init(provider_uri=str(target), kernels=1, expression_cache=None, dataset_cache=None, logging_level=40)
    fields, names = Alpha158DL.get_feature_config()
    days = (target / "calendars/day.txt").read_text().split()
    began, cpu = time.perf_counter(), time.process_time()
    made = D.features(D.instruments("all"), fields, days[0], days[-1], freq="day")
    told = {
        "work_s": round(time.perf_counter() - began, 3),
        "work_cpu_s": round(time.process_time() - cpu, 2),
        "rows": len(made),
        "cells": len(made) * len(names),
        "version": qlib.__version__,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
