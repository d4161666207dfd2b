"""Information coefficients: how well scores order the returns that followed, session by session."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, Floats, correlations, rank_correlations
from tosho.dataset.samples import Samples
from tosho.evaluation.significance import Estimate, newey_west


@dataclass(frozen=True)
class DailyIC:
    """Pearson and rank IC, `[sessions, horizons]` each; NaN where a session has too few pairs."""

    sessions: tuple[date, ...]
    pearson: Float64s
    rank: Float64s

    def frame(self) -> pl.DataFrame:
        """Return columns session, ic_<h> and rank_ic_<h>."""
        columns = {"session": list(self.sessions)}
        pearson = {f"ic_{h}": self.pearson[:, i] for i, h in enumerate(HORIZONS)}
        return pl.DataFrame(columns | pearson | {f"rank_ic_{h}": self.rank[:, i] for i, h in enumerate(HORIZONS)})

    def to_parquet(self) -> bytes:
        """Return the series as a file, with the columns of `frame`."""
        buffer = io.BytesIO()
        self.frame().write_parquet(buffer)
        return buffer.getvalue()

    @classmethod
    def of_parquet(cls, data: bytes) -> DailyIC:
        """Return the series that `to_parquet` wrote."""
        frame = pl.read_parquet(io.BytesIO(data))
        pearson, rank = (
            frame.select(f"{name}_{h}" for h in HORIZONS).to_numpy().astype(np.float64) for name in ("ic", "rank_ic")
        )
        return cls(tuple(frame["session"].to_list()), pearson, rank)

    def overall(self) -> Float64s:
        """Return each session's rank IC averaged over horizons, `[sessions]`: the series that promotion looks at."""
        known = np.isfinite(self.rank)
        total = np.where(known, self.rank, 0.0).sum(axis=1)
        mean: Float64s = np.divide(total, known.sum(axis=1), out=np.full(len(total), np.nan), where=known.any(axis=1))
        return mean

    def on(self, sessions: Sequence[date]) -> DailyIC:
        """Return the series on these sessions, all of which it has, in the order given."""
        at = {session: i for i, session in enumerate(self.sessions)}
        rows = np.array([at[session] for session in sessions], dtype=np.int64)
        return DailyIC(tuple(sessions), self.pearson[rows], self.rank[rows])

    def then(self, later: DailyIC) -> DailyIC:
        """Return this series followed by the sessions of another that it does not have."""
        new = [i for i, s in enumerate(later.sessions) if s not in set(self.sessions)]
        sessions = self.sessions + tuple(later.sessions[i] for i in new)
        order = np.argsort(np.array(sessions, dtype="datetime64[D]"))
        pearson, rank = np.vstack([self.pearson, later.pearson[new]]), np.vstack([self.rank, later.rank[new]])
        return DailyIC(tuple(sessions[i] for i in order), pearson[order], rank[order])


@dataclass(frozen=True)
class HorizonResult:
    """A horizon in figures: means over sessions, t by Newey and West with lag h."""

    horizon: int
    sessions: int
    ic: float
    rank_ic: float
    icir: float
    t: float
    hit_rate: float


def daily_ic(scores: Floats, samples: Samples) -> DailyIC:
    """Return the ICs of scores `[rows, horizons]` against the returns of the same rows."""
    pairs = [(scores[:, i], samples.returns[:, i]) for i in range(len(HORIZONS))]
    pearson = np.stack([correlations(a, b, samples.bounds) for a, b in pairs], axis=1)
    rank = np.stack([rank_correlations(a, b, samples.bounds) for a, b in pairs], axis=1)
    return DailyIC(samples.sessions, pearson, rank)


def summarise(daily: DailyIC) -> tuple[HorizonResult, ...]:
    """Return the figures of each horizon."""
    return tuple(_result(h, daily.pearson[:, i], daily.rank[:, i]) for i, h in enumerate(HORIZONS))


def estimate(daily: DailyIC) -> Estimate:
    """Return the rank IC over all horizons, with the longest horizon as lag."""
    return newey_west(daily.overall(), max(HORIZONS))


def joined(parts: Sequence[DailyIC]) -> DailyIC:
    """Return the series of several folds as one."""
    return DailyIC(
        tuple(s for part in parts for s in part.sessions),
        np.vstack([part.pearson for part in parts]),
        np.vstack([part.rank for part in parts]),
    )


def _result(horizon: int, pearson: Float64s, rank: Float64s) -> HorizonResult:
    known = rank[np.isfinite(rank)]
    found = newey_west(rank, horizon)
    spread = known.std(ddof=1) if known.size > 1 else np.nan
    ic = pearson[np.isfinite(pearson)]
    return HorizonResult(
        horizon,
        known.size,
        float(ic.mean()) if ic.size else float("nan"),
        found.mean,
        float(found.mean / spread) if spread > 0 else float("nan"),
        found.t,
        float((known > 0).mean()) if known.size else float("nan"),
    )
