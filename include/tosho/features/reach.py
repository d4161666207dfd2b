"""What a feature asks of the J-Quants subscription: tables of the lake, their endpoints, the plans that have these.

A feature's least plan is the smallest that has all tables its definition names. A set's is the smallest with which it
may be built, and that can be less: a set that reads the index is built without one, and the universe stands in for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from tosho import config
from tosho.features import columns, records
from tosho.features.plan import Plan, plan
from tosho.features.records import Grain
from tosho.features.sets import FeatureSet, feature_set, feature_sets
from tosho.features.spec import Scope
from tosho.ingest import PlanTooSmallError
from tosho.ingest.plans import PLANS
from tosho.ingest.sources import SOURCES

NOT_DEMANDED: Final = frozenset({"indices"})
"""Tables without which every set is built: set core must work on each plan."""

_SOURCES: Final = {source.table: source for source in SOURCES}
_LISTING: Final = "securities"


def tables_of(passes: Plan) -> Mapping[str, frozenset[str]]:
    """Return the tables of the lake that values are made of: of every feature of a plan, and of every column given.

    The exchange's calendar is no table: what is made of it alone has none.
    """
    found = _tables_of_columns()
    for level in (*passes.market, *passes.sector, *passes.series, *passes.session):
        for f in level:
            own = {_LISTING} if f.scope is Scope.GROUP else set()
            found[f.name] = frozenset(own).union(*(found[name] for name in f.inputs))
    return found


def endpoint_of(table: str) -> str:
    """Return the endpoint of J-Quants that fills a table."""
    return _SOURCES[table].endpoint


def least_plan(tables: Iterable[str]) -> config.Plan:
    """Return the smallest plan that has the endpoints of all these tables; that of none is the smallest there is.

    >>> least_plan(["bars", "investor_flows"])
    'light'
    """
    sources = [_SOURCES[table] for table in tables]
    return next(name for name, terms in PLANS.items() if all(source.within(terms) for source in sources))


def demanded(wanted: FeatureSet) -> list[str]:
    """Return the tables without which a set is not built, in order of name."""
    tables = tables_of(plan(wanted))
    return sorted(frozenset[str]().union(*(tables[name] for name in wanted.names)) - NOT_DEMANDED)


def demand_reach(wanted: FeatureSet, plan_name: config.Plan) -> None:
    """Refuse a set that a plan does not fill: columns of nulls would be all that comes of it.

    Raises:
        PlanTooSmallError: The plan lacks an endpoint; the sentence names set, tables, endpoints and the least plans
            that have them.
    """
    tables, terms = demanded(wanted), PLANS[plan_name]
    if lacking := [table for table in tables if not _SOURCES[table].within(terms)]:
        told = (f"{table} ({endpoint_of(table)}, from plan {least_plan([table])!r} on)" for table in lacking)
        raise PlanTooSmallError(
            f"Feature set {wanted.name!r} needs {', '.join(told)}; the settings declare plan {plan_name!r}, which "
            f"lacks these. Declare {least_plan(tables)!r} (TOSHO_JQUANTS_PLAN), if it is yours, or take a set that "
            f"{plan_name!r} fills: {', '.join(_filled_by(plan_name))}."
        )


def demand_filled(wanted: FeatureSet, tables: Collection[str], plan_name: config.Plan) -> None:
    """Refuse a set whose tables the key is refused, though the declared plan has them.

    Raises:
        PlanTooSmallError: The key fills too few tables; the sentence names set, tables and endpoints.
    """
    if lacking := [table for table in demanded(wanted) if table not in tables]:
        told = ", ".join(f"{table} ({endpoint_of(table)})" for table in lacking)
        raise PlanTooSmallError(
            f"Feature set {wanted.name!r} needs {told}, which the key is refused, though plan {plan_name!r} has it. "
            "`python -m tosho jquants probe` tells which plan the key has: declare that one (TOSHO_JQUANTS_PLAN) and "
            "take a set that it fills."
        )


def _filled_by(plan_name: config.Plan) -> Iterator[str]:
    terms = PLANS[plan_name]
    for name in feature_sets():
        if all(_SOURCES[table].within(terms) for table in demanded(feature_set(name))):
            yield name


def _tables_of_columns() -> dict[str, frozenset[str]]:
    """Return the tables that each column is made of which definitions are given."""
    bars, listed = frozenset({"bars"}), frozenset({"bars", _LISTING})
    found = dict.fromkeys((*columns.PANEL, *columns.GRAPH), bars)
    found |= dict.fromkeys(("sector33", "segment", "scale"), frozenset({_LISTING}))
    found |= {"shares_outstanding": frozenset({"shares"}), "sessions_listed": listed, "sector_return": listed}
    found |= dict.fromkeys(set(columns.MARKET) - {"session"}, frozenset({"indices"}))
    found |= dict.fromkeys(columns.CALENDAR, frozenset[str]())
    for kind in records.ALL:
        by_sector = {_LISTING} if kind.grain is Grain.SECTOR else set()
        found |= dict.fromkeys(kind.given, frozenset({*kind.tables, *by_sector}))
    return found
