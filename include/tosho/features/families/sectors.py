"""I. Sector: what a code's fellows of the same of the 33 sectors did, and how it did among them.

Source: FEATURES.md, 153-166. A sector's members are the codes of the session that the listing puts there; means are
of equal weight over those that have a value. Without a listing they are null.
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import CODE, SECTOR_RETURN
from tosho.features.families.returns import ret
from tosho.features.families.volume import log_va
from tosho.features.spec import Scope, feature
from tosho.features.windows import ANNUAL, beta, deviation, flag, rises

SMALL = 5


@feature(Scope.GROUP, windows=(1, 5, 20))
def sec_ret(window: int) -> pl.Expr:
    """Mean ret_{window} of the sector."""
    return ret(window).cast(pl.Float64).mean()


@feature(Scope.SECTOR)
def sec_vol_20() -> pl.Expr:
    """Volatility of the sector by year: sqrt(252) x sample deviation of its mean return over 20 sessions."""
    return deviation(SECTOR_RETURN, 20) * ANNUAL


@feature(Scope.CROSS_SECTION)
def sec_mom_rank() -> pl.Expr:
    """Rank of the sector's sec_ret_20 among the sectors of the session, in (0, 1], 1 the strongest."""
    place = sec_ret(20).rank("dense")
    return place / place.max()


@feature(Scope.CROSS_SECTION, windows=(1, 5, 20))
def rel_sec(window: int) -> pl.Expr:
    """Return beyond the sector's: ret_{window} - sec_ret_{window}."""
    return ret(window) - sec_ret(window)


@feature(Scope.SERIES)
def beta_sec_60() -> pl.Expr:
    """Beta against the sector: cov_60(ret_1, r_s) / var_60(r_s), r_s the mean return of the row's own sector.

    A code that changed its sector has each session's own sector's return in its window.
    """
    return beta(ret(1), SECTOR_RETURN, 60)


@feature(Scope.GROUP)
def z_in_sec_ret20() -> pl.Expr:
    """ret_20 in sample deviations from its sector's mean; null in a sector of one."""
    own = ret(20).cast(pl.Float64)
    return (own - own.mean()) / own.std()


@feature(Scope.GROUP)
def rank_in_sec_va() -> pl.Expr:
    """Percentile rank of the turnover among the sector's, in (0, 1]."""
    return log_va().rank("average") / log_va().count()


@feature(Scope.GROUP)
def sec_breadth() -> pl.Expr:
    """Share of the sector with a positive return."""
    return flag(rises(ret(1))).mean()


@feature(Scope.GROUP)
def sec_member_cnt() -> pl.Expr:
    """Members of the sector in the session."""
    return CODE.count()


@feature(Scope.CROSS_SECTION)
def sec_small() -> pl.Expr:
    """1 where the sector has fewer than 5 members, else 0."""
    return flag(sec_member_cnt() < SMALL)
