"""J. Cross-sectional ranks: where a code stands among all codes of its session, in (0, 1], 1 the largest.

Source: FEATURES.md, 167-178. The universe of a rank is every code of the session whose value is not null; what is
ranked are the values as stored, so that equal stored values have equal ranks.
"""

from __future__ import annotations

import polars as pl

from tosho.features.spec import Scope, feature

_RANKED = (
    *("ret_1", "ret_5", "ret_20", "ret_60", "vol_20", "turnover", "amihud_20", "log_va"),
    *("px_ema_200", "rsi_14", "dist_high_252", "resid_mom_20"),
)


@feature(Scope.CROSS_SECTION, windows=_RANKED)
def csr(name: str) -> pl.Expr:
    """Percentile rank of {name}: average rank among equals over the number of codes that have a value."""
    return pl.col(name).rank("average") / pl.col(name).count()
