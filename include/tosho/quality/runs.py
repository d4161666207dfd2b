"""Has a code's bar been the same for longer than trading can make it so?

A row counts as the same when prices and volume equal those of the session before and something was traded. On the
real market of 2014-2018 (4.2 million rows) such a run took 2 sessions 3,527 times, then 243, 40, 6 and 2 times for 3
to 6, and 8 sessions once: one lot a day of a small company at its last price. No run was longer. A very quiet code may
have a longer one some day, so that FEW of them do not stop a run.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.quality.verdict import NOT_MEASURED, Verdict, at_most, some

RUN_AT_MOST: Final = 10
FEW: Final = 2
"""So many codes are never too many."""
REPEATED: Final = ("open", "high", "low", "close", "volume")
READ: Final = ("code", *REPEATED)
_RUN: Final = "run"


def first_runs(bars: pl.DataFrame) -> pl.DataFrame:
    """Return code and run: a session without one before it begins all of them."""
    return bars.select(*READ, pl.lit(1, pl.Int32).alias(_RUN))


def next_runs(runs: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """Return code, prices, volume and run: the sessions, this one included, in which the row has been the same.

    Args:
        runs: The same of the session before.
        bars: Of the session.
    """
    before = runs.rename({name: f"{name}_before" for name in (*REPEATED, _RUN)})
    same = pl.all_horizontal(pl.col(name) == pl.col(f"{name}_before") for name in REPEATED) & (pl.col("volume") > 0)
    length = pl.when(same).then(pl.col(f"{_RUN}_before") + 1).otherwise(1)
    return bars.select(READ).join(before, on="code", how="left").select(*READ, length.cast(pl.Int32).alias(_RUN))


def constant_run(runs: pl.DataFrame) -> Verdict:
    """Return the verdict on how many codes have a run that is too long."""
    long = runs.filter(pl.col(_RUN) > RUN_AT_MOST)["code"]
    return at_most(
        "bars.constant_run",
        float(long.len()) if runs.height else NOT_MEASURED,
        FEW,
        f"Codes whose bar has been the same for more than {RUN_AT_MOST} sessions: {some(long)}; the longest run is of "
        f"{runs[_RUN].max()!r}.",
        "The source fills with old rows: fetch these codes again for the sessions of the run.",
    )
