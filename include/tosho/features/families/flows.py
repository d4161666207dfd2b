"""K. Investor flow: who bought and sold on TSE Prime (before 2022-04-04 the First Section), by week.

Source: FEATURES.md, 179-188; J-Quants equities/investor-types (light plan), published on the fourth session of the week
after. At each session the newest week known by then holds, corrected as known by then. Null before the first.
"""

from __future__ import annotations

import polars as pl

from tosho.features.records import flows
from tosho.features.spec import Scope, feature


@feature(Scope.MARKET)
def frgn_net() -> pl.Expr:
    """Net buying of foreigners over their turnover in the newest week, in [-1, 1]: FrgnBal / FrgnTot."""
    return flows.FOREIGN_NET


@feature(Scope.MARKET)
def ind_net() -> pl.Expr:
    """Net buying of individuals over their turnover in the newest week, in [-1, 1]: IndBal / IndTot."""
    return flows.INDIVIDUAL_NET


@feature(Scope.MARKET)
def trst_net() -> pl.Expr:
    """Net buying of trust banks over their turnover in the newest week, in [-1, 1]: TrstBnkBal / TrstBnkTot."""
    return flows.TRUST_BANK_NET


@feature(Scope.MARKET)
def invtr_net() -> pl.Expr:
    """Net buying of investment trusts over their turnover in the newest week, in [-1, 1]: InvTrBal / InvTrTot."""
    return flows.FUND_NET


@feature(Scope.MARKET)
def prop_net() -> pl.Expr:
    """Net buying of securities companies on their own account over their turnover, in [-1, 1]: PropBal / PropTot."""
    return flows.PROPRIETARY_NET


@feature(Scope.MARKET)
def frgn_net_z52w() -> pl.Expr:
    """frgn_net in deviations from the 52 newest weeks known, itself among them: (x - mu_52) / sd_52."""
    return flows.FOREIGN_NET_Z


@feature(Scope.MARKET)
def ind_net_z52w() -> pl.Expr:
    """ind_net in deviations from the 52 newest weeks known, itself among them: (x - mu_52) / sd_52."""
    return flows.INDIVIDUAL_NET_Z


@feature(Scope.MARKET)
def smart_idx() -> pl.Expr:
    """Foreigners' unusual buying less that of individuals, in deviations: frgn_net_z52w - ind_net_z52w."""
    return frgn_net_z52w() - ind_net_z52w()


@feature(Scope.MARKET)
def frgn_net_wow() -> pl.Expr:
    """frgn_net of the newest week less that of the newest known before it, both as known now."""
    return flows.FOREIGN_NET_CHANGE


@feature(Scope.MARKET)
def flow_age_bd() -> pl.Expr:
    """Sessions since the newest week's figures were published (PubDate), 0 on that session; anew when corrected."""
    return flows.AGE + flows.TOLD_BEFORE
