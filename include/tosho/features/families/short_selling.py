"""M. Short selling: how much of a sector's sales is short, and who must say that he is short of a code.

Source: FEATURES.md, 201-208; J-Quants markets/short-ratio and markets/short-sale-report, both standard plan. Shares are
fractions. What is of a sector is null without a listing; what is of reports is null before a code's first one.
"""

from __future__ import annotations

import polars as pl

from tosho.features.columns import SHARES, VOLUME
from tosho.features.families.margin import share_unit
from tosho.features.records.short_selling import (
    POSITIONS_HOLDERS,
    POSITIONS_RATIO,
    SHORT_SHARE,
    SHORT_SHARE_CHANGE,
    SHORT_SHARE_Z,
    UNRESTRICTED_SHARE,
)
from tosho.features.spec import Scope, feature
from tosho.features.windows import mean

WINDOW = 20


@feature(Scope.SERIES)
def sec_short_share() -> pl.Expr:
    """Share of the sector's sales, in yen, that was short: (restricted + unrestricted) / all sales of the session."""
    return SHORT_SHARE


@feature(Scope.SERIES)
def sec_short_share_d1() -> pl.Expr:
    """Change of sec_short_share since the session before, of the sector that the code is in now."""
    return SHORT_SHARE_CHANGE


@feature(Scope.SERIES)
def sec_short_share_z60() -> pl.Expr:
    """sec_short_share in deviations from 60 sessions, of the sector that the code is in now."""
    return SHORT_SHARE_Z


@feature(Scope.SERIES)
def sec_nores_share() -> pl.Expr:
    """Share of the sector's short sales that no price restriction bound: unrestricted / (restricted + unrestricted)."""
    return UNRESTRICTED_SHARE


@feature(Scope.SERIES)
def ssp_ratio() -> pl.Expr:
    """Reported short positions over the issued shares: the sum of each holder's last report, of half a percent or more.

    A holder who reported less than that reports no more, and counts no more. 0 where all have gone.
    """
    return POSITIONS_RATIO


@feature(Scope.SERIES)
def ssp_holders() -> pl.Expr:
    """Holders whose last report was of half a percent or more; a holder is a seller, its manager and the fund."""
    return POSITIONS_HOLDERS


@feature(Scope.SERIES)
def ssp_delta_20() -> pl.Expr:
    """Change of ssp_ratio over 20 sessions."""
    return ssp_ratio() - ssp_ratio().shift(WINDOW)


@feature(Scope.SERIES)
def days_to_cover() -> pl.Expr:
    """Sessions of mean volume that the reported positions are: ssp_ratio x shares outstanding / SMA_20(V).

    Shares and volume are in today's unit, so that a split since a report was made changes nothing. Shares outstanding
    are net of treasury stock, while positions are reported over all issued: the value is low by that part.
    """
    return ssp_ratio() * SHARES * share_unit() / mean(VOLUME, WINDOW)
