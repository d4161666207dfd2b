"""L. Margin: what is bought on credit and sold short in a code, as last published.

Source: FEATURES.md, 189-200; J-Quants markets/margin-interest and markets/margin-alert, both standard plan. Long and
short balances L and S are shares in the unit of their own session, never adjusted by the vendor; what compares them
with shares of another session says how it treats a split between the two. Null before a code's first balance.
"""

from __future__ import annotations

from functools import reduce

import polars as pl

from tosho.features.columns import VOLUME, VOLUME_RAW
from tosho.features.families.dates import place
from tosho.features.records import margin as records
from tosho.features.records.margin import (
    ALERT_AGE,
    ALERT_CLASS,
    ALERT_LIST_AGE,
    MARGIN_AGE,
    MARGIN_IS_LOAN,
    MARGIN_LAG,
    MARGIN_LONG,
    MARGIN_SHORT,
    MARGIN_STANDARDIZED,
    WEEKS_AGE,
    WEEKS_IMBALANCE_Z,
    WEEKS_LAG,
    WEEKS_LONG_WOW,
    WEEKS_SHORT_WOW,
)
from tosho.features.spec import Scope, feature, intermediate
from tosho.features.windows import both, flag, mean, ratio

CAP = 100.0
"""Long balances for one short one from which on more says nothing: the short side is next to empty."""

WINDOW = 20

ROUNDING = 1e-9
"""Relative change of the unit of shares of at most this is none: it is a quotient of two volumes."""


@intermediate(Scope.SERIES)
def share_unit() -> pl.Expr:
    """Today's unit of shares in those of the code's first session: F_t = V / V_raw; null without a trade."""
    return VOLUME / VOLUME_RAW


@intermediate(Scope.SERIES)
def mrg_adv20() -> pl.Expr:
    """SMA_20(V), in shares of the unit in which the newest balance was counted: SMA_20(V) / F of the balance's session.

    Null where that session is 20 sessions ago or more.
    """
    since = MARGIN_LAG + MARGIN_AGE
    then = reduce(
        lambda later, back: pl.when(since < back + 1).then(share_unit().shift(back)).otherwise(later),
        reversed(range(WINDOW)),
        pl.lit(None, pl.Float64),
    )
    return mean(VOLUME, WINDOW) / then


@intermediate(Scope.SERIES)
def unsplit_20() -> pl.Expr:
    """1 where the unit of shares was the same in all trades of the session and the 20 before, else 0."""
    units = [share_unit(), *(share_unit().shift(back) for back in range(1, WINDOW + 1))]
    spread = pl.max_horizontal(units) / pl.min_horizontal(units) - 1
    return flag(spread < ROUNDING) + 0 * place().shift(WINDOW)  # horizontal extremes pass over rows that are not there


@intermediate(Scope.MARKET)
def alert_list_told() -> pl.Expr:
    """Sessions since the newest list of watched codes, 0 on the day of its publication."""
    return ALERT_LIST_AGE


@feature(Scope.SERIES)
def mrg_ratio() -> pl.Expr:
    """Long balance over short balance, L / S, at most 100; null where S is 0."""
    return ratio(MARGIN_LONG, MARGIN_SHORT).clip(upper_bound=CAP)


@feature(Scope.SERIES)
def mrg_imb() -> pl.Expr:
    """Imbalance of the balances in [-1, 1]: (L - S) / (L + S); null where both are 0."""
    return records.imbalance(MARGIN_LONG, MARGIN_SHORT)


@feature(Scope.SERIES)
def long_to_adv20() -> pl.Expr:
    """Long balance in sessions of mean volume: L / SMA_20(V), both in the unit of shares of L's session.

    Null where that session is 20 sessions ago or more.
    """
    return MARGIN_LONG / mrg_adv20()


@feature(Scope.SERIES)
def short_to_adv20() -> pl.Expr:
    """Short balance in sessions of mean volume: S / SMA_20(V), both in the unit of shares of S's session.

    Null where that session is 20 sessions ago or more.
    """
    return MARGIN_SHORT / mrg_adv20()


def _where_comparable(change: pl.Expr) -> pl.Expr:
    return pl.when(both(unsplit_20() > 0, WEEKS_LAG + WEEKS_AGE <= WINDOW)).then(change)


@feature(Scope.SERIES)
def long_wow() -> pl.Expr:
    """Change of the long balance over a week: L of the newest week's last session / L of the week's before - 1.

    Null where a split took effect within 20 sessions, as the two may be in other units of shares; and where the week
    before ended more than 20 sessions ago.
    """
    return _where_comparable(WEEKS_LONG_WOW)


@feature(Scope.SERIES)
def short_wow() -> pl.Expr:
    """Change of the short balance over a week: S of the newest week's last session / S of the week's before - 1.

    Null where a split took effect within 20 sessions, and where the week before ended more than 20 sessions ago.
    """
    return _where_comparable(WEEKS_SHORT_WOW)


@feature(Scope.SERIES)
def std_share() -> pl.Expr:
    """Share of the long balance on the exchange's standardized terms: L_std / L."""
    return MARGIN_STANDARDIZED / MARGIN_LONG


@feature(Scope.SERIES)
def imb_z26w() -> pl.Expr:
    """Imbalance (L - S) / (L + S) of the newest week's last session, in deviations from the 26 newest weeks told."""
    return WEEKS_IMBALANCE_Z


@feature(Scope.SERIES)
def mrg_age_bd() -> pl.Expr:
    """Business days since the newest balance was published, 0 on the day."""
    return MARGIN_AGE


@feature(Scope.SERIES)
def alert_on() -> pl.Expr:
    """1 where the code is on the newest list of margin balances that are published daily, else 0.

    Null before the first list. A correction of an earlier list's balances puts no code on a later one.
    """
    return pl.when(alert_list_told() >= ALERT_AGE).then(1.0).otherwise(0.0) + 0 * alert_list_told()


@feature(Scope.SERIES)
def alert_reg_class() -> pl.Expr:
    """Class of regulation on the newest list: 0 not on it, 1 lifted (101), 2 to 7 (001 to 006), 8 supervised (102)."""
    return pl.when(alert_list_told() >= ALERT_AGE).then(ALERT_CLASS).otherwise(0.0) + 0 * alert_list_told()


@feature(Scope.SERIES)
def is_borrowable() -> pl.Expr:
    """1 for a loan issue (Mrgn = 2), whose shares can be borrowed, else 0; as told with the newest balance."""
    return MARGIN_IS_LOAN
