"""R. Market means: what the universe as a whole looks like, as context for each code. All codes of a session share it.

Source: FEATURES.md, "R"; the plan is that of the features. A mean is of equal weight over the codes of the session
that have a value; null where none has.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.features.spec import Scope, feature

MEANS_OF: Final = (
    *("ret_1", "ret_5", "ret_20", "ret_60", "ret_overnight", "ret_intraday", "mom_12_1", "dist_high_252"),
    *("drawdown_60", "gap", "body_ratio", "clv", "hl_range", "vol_5", "vol_20", "vol_60"),
    *("parkinson_20", "downside_vol_20", "skew_60", "natr_14", "px_sma_20", "px_sma_60", "lin_slope_20", "lin_r2_20"),
    *("rsi_14", "adx_14", "bb_pctb_20_2", "mfi_14", "vol_ratio_20", "vol_z20", "log_va", "turnover"),
    *("amihud_20", "cmf_20", "KMID", "KLOW", "RSV20", "CORR20", "CNTD20", "VSTD20"),
)
"""Forty features of sets 1 and 2: returns, ranges, risk, trend, flow and the shape of the bar."""


@feature(Scope.CROSS_SECTION, windows=MEANS_OF, called="mkt_mean_{of}")
def mkt_mean(of: str) -> pl.Expr:
    """Mean of {of} over the universe of the session, in its unit."""
    return pl.col(of).cast(pl.Float64).mean()
