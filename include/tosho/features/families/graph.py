"""O. Graph: who moves with whom. What the graph of the session's correlations says of each code.

Source: FEATURES.md, 225-232; Mantegna (1999) for graphs of correlations. Bars are enough for it. The graph, drawn by
`tosho.features.graph`, holds the codes of the universe that have at least 40 logarithmic returns in the session's 60;
for all others every column is null. rho is Pearson's correlation over the sessions, at least 40, that both codes have a
return for. Each code is joined to the ten of largest |rho| >= 0.3, of equal ones to the first by code; it is enough
that one of the two chose the other. A code that did not move is joined to none.
"""

from __future__ import annotations

import polars as pl

from tosho.features import columns
from tosho.features.spec import Scope, feature

_FOUND = {name.removeprefix("graph_"): pl.col(name) for name in columns.GRAPH}


@feature(Scope.GRAPH)
def g_degree() -> pl.Expr:
    """Neighbours in the graph, those it chose and those that chose it; 0 where it has none."""
    return _FOUND["degree"]


@feature(Scope.GRAPH)
def g_mean_corr() -> pl.Expr:
    """Mean rho with its neighbours, signed, in [-1, 1]; null without a neighbour."""
    return _FOUND["mean_corr"]


@feature(Scope.GRAPH)
def g_max_corr() -> pl.Expr:
    """Largest rho with a neighbour, signed, in [-1, 1]; null without a neighbour."""
    return _FOUND["max_corr"]


@feature(Scope.GRAPH)
def g_clust() -> pl.Expr:
    """Clustering (Watts, Strogatz 1998): share of its neighbours' pairs that are neighbours themselves, in [0, 1].

    Unweighted; null with fewer than two neighbours.
    """
    return _FOUND["clust"]


@feature(Scope.GRAPH)
def g_pagerank() -> pl.Expr:
    """PageRank (Brin, Page 1998) with damping 0.85, over edges weighted by |rho|; null without a neighbour.

    The codes that have a neighbour share 1.
    """
    return _FOUND["pagerank"]


@feature(Scope.GRAPH)
def g_core() -> pl.Expr:
    """Core number (Seidman 1983): largest k such that it is in a part of the graph where all have k neighbours inside.

    0 without a neighbour.
    """
    return _FOUND["core"]


@feature(Scope.GRAPH)
def g_nbr_ret_1() -> pl.Expr:
    """What its neighbours did: sum(rho ret_1) / sum(|rho|) over those that have a ret_1, as a fraction.

    A neighbour of negative rho counts with the opposite sign. Null where no neighbour has one.
    """
    return _FOUND["neighbour_ret_1"]


@feature(Scope.GRAPH)
def g_nbr_ret_5() -> pl.Expr:
    """As g_nbr_ret_1, over 5 sessions: sum(rho ret_5) / sum(|rho|) over the neighbours that have a ret_5."""
    return _FOUND["neighbour_ret_5"]
