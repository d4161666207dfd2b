"""Alpha158 by KunQuant, compiled for this processor: run by the Python of KunQuant's own environment, without Tosho."""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

FIELDS = {"open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume", "amount": "turnover_yen"}
LANES = {"float": 8, "double": 4}
"""Codes that are computed side by side."""


def arrays(folder: Path, precision: str):  # noqa: ANN201 - numpy is the other environment's
    """Return each field of shape [sessions, codes], codes a multiple of the lanes, and the number of bars."""
    import numpy as np
    import polars as pl

    bars = pl.read_parquet(folder / "adjusted.parquet")
    wide = {}
    for name, column in FIELDS.items():
        values = bars.pivot(on="code", index="session", values=column).sort("session").drop("session").to_numpy()
        missing = -values.shape[1] % LANES[precision]
        wide[name] = np.ascontiguousarray(
            np.pad(values, ((0, 0), (0, missing)), mode="edge"),
            dtype={"float": np.float32, "double": np.float64}[precision],
        )
    return wide, bars.height


def compiled(precision: str):  # noqa: ANN201 - a class of the other environment
    """Return the compiled graph of all 158 factors."""
    from KunQuant.Driver import KunCompilerConfig
    from KunQuant.jit import cfake
    from KunQuant.Op import Builder, Input, Output
    from KunQuant.predefined.Alpha158 import AllData
    from KunQuant.Stage import Function

    builder = Builder()
    with builder:
        data = AllData(**{name: Input(name) for name in FIELDS})
        prices = [(name.upper(), getattr(data, name)) for name in ("open", "high", "low", "vwap")]
        asked = {"kbar": {}, "price": {"windows": [0], "feature": prices}, "rolling": {"windows": [5, 10, 20, 30, 60]}}
        for factor, name in zip(*data.build(asked), strict=True):
            Output(factor, name)
    options = {"opt_reduce": True, "fast_log": True, "no_fast_stat": "no_warn"}
    layout = {"input_layout": "TS", "output_layout": "TS"}
    config = KunCompilerConfig(
        dtype=precision, blocking_len=LANES[precision], partition_factor=4, options=options, **layout
    )
    library = cfake.compileit([("alpha158", Function(builder.ops), config)], "alpha158", cfake.CppCompilerConfig())
    return library, library.getModule("alpha158")


def main(folder: str, precision: str, times: str) -> None:
    """Print what it took to compute all so many times."""
    from KunQuant.runner import KunRunner

    (given, rows), passes = arrays(Path(folder), precision), int(times)
    began = time.perf_counter()
    _library, graph = compiled(precision)
    compiling = time.perf_counter() - began
    executor = KunRunner.createSingleThreadExecutor()
    sessions, codes = given["close"].shape
    made = KunRunner.runGraph(executor, graph, given, 0, sessions)  # its memory is touched, and used again
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(passes):
        made = KunRunner.runGraph(executor, graph, given, 0, sessions, made)
    told = {
        "work_s": round(time.perf_counter() - began, 3),
        "work_cpu_s": round(time.process_time() - cpu, 3),
        "rows": rows * passes,
        "rows_computed": sessions * codes * passes,
        "cells": rows * len(made) * passes,
        "compile_s": round(compiling, 2),
        "version": version("kunquant"),
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
