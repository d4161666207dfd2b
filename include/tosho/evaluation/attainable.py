"""The rank IC that a perfect model would have, where the market is synthetic and its signal known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl

from tosho.contracts import HORIZONS
from tosho.dataset.samples import Samples
from tosho.evaluation.ic import daily_ic


class NoTruthError(LookupError):
    """A folder that was named as a synthetic market's does not tell its signal."""


def demand_truth(folder: Path) -> None:
    """Do nothing where a folder tells a synthetic market's signal; asked before a training that takes minutes.

    Raises:
        NoTruthError: It has no `truth.json`, which is written last.
    """
    if not (folder / "truth.json").is_file():
        raise NoTruthError(
            f"There is no truth.json in {folder}; the attainable rank IC is asked for and cannot be known. "
            "Name the folder of a whole synthetic market, or leave `truth` out."
        )


def attainable(folder: Path, samples: Samples) -> dict[int, float]:
    """Return the attainable mean daily rank IC by horizon, over these very sessions and rows where that can be known.

    Args:
        folder: A synthetic market. `truth.parquet` holds a perfect model's forecasts (Date, Code, oracle_<h>);
            where only `truth.json` is there, its figures over the whole market are taken.
        samples: The out-of-sample rows.

    Raises:
        NoTruthError: The folder tells no signal.
    """
    if not (folder / "truth.parquet").exists():
        demand_truth(folder)
        content = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        return {h: float(content["attainable"][str(h)]["rank_ic"]) for h in HORIZONS}
    counts = np.diff(samples.bounds)
    days = np.repeat(np.array(samples.sessions, dtype="datetime64[D]"), counts)
    rows = pl.DataFrame({"Date": days, "Code": samples.codes.astype(str)})
    truth = pl.scan_parquet(folder / "truth.parquet").filter(pl.col("Date").is_in(list(samples.sessions))).collect()
    names = [f"oracle_{h}" for h in HORIZONS]
    known = rows.join(truth, on=["Date", "Code"], how="left", maintain_order="left").select(names)
    daily = daily_ic(known.cast(pl.Float64).fill_null(float("nan")).to_numpy(), samples)
    return {h: float(np.nanmean(daily.rank[:, i])) for i, h in enumerate(HORIZONS)}
