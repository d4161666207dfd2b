"""In which order the columns of a feature set are computed.

MARKET, then SECTOR, then SERIES, then what is of one session: CROSS_SECTION, GROUP and GRAPH.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from graphlib import CycleError, TopologicalSorter

from tosho.features import columns, records, remembered
from tosho.features.grammar import DefinitionError
from tosho.features.records import Grain, Records
from tosho.features.sets import FeatureSet
from tosho.features.spec import Feature, Scope, features

Level = tuple[Feature, ...]

_PASS = {Scope.MARKET: 0, Scope.SECTOR: 1, Scope.SERIES: 2, Scope.CROSS_SECTION: 3, Scope.GROUP: 3, Scope.GRAPH: 3}
_OF_SESSION = 3
_ROWS = set(columns.PANEL).difference(columns.ENGINES_OWN)
OF_GRAPH = ("logret_1", "ret_1", "ret_5")
"""Features that the graph is made of."""


@dataclass(frozen=True)
class Plan:
    """The passes of a feature set, each as levels: the features of one level read only earlier ones."""

    names: tuple[str, ...]
    """The columns of the result, in the order of the set."""
    market: tuple[Level, ...]
    sector: tuple[Level, ...]
    series: tuple[Level, ...]
    session: tuple[Level, ...]
    lookback: Mapping[str, int]
    """Rows before a row that its value is made of, by feature; over a session, as many as its inputs need."""

    @cached_property
    def read(self) -> frozenset[str]:
        """All columns that its features read."""
        levels = (*self.market, *self.sector, *self.series, *self.session)
        return frozenset(name for level in levels for f in level for name in f.inputs)

    @cached_property
    def rows_before(self) -> int:
        """Earlier sessions that must be read so that every value of a session is what a full run gives."""
        lasting = {name: _told_before(found) for found in self.records() for name in found.given}
        handed_on = max((columns.REACH.get(name, 0) for name in self.handed_on), default=0)
        return max(handed_on, *self.lookback.values(), self._rows_before({**columns.REACH, **lasting}))

    @cached_property
    def sector_rows_before(self) -> int:
        """Earlier sessions that the sectors need: for who their members are, and for their mean returns."""
        told = {name: _told_before(found) for found in self.records(Grain.SECTOR) for name in found.given}
        return self._rows_before({**told, "sector_return": columns.REACH["sector_return"]})

    def _rows_before(self, reach: Mapping[str, int]) -> int:
        """Return what the features need whose values come of columns that are themselves made of earlier sessions."""
        least = dict(reach)
        for level in (*self.market, *self.sector, *self.series, *self.session):
            least |= {f.name: max((least.get(name, -1) for name in f.inputs), default=-1) for f in level}
        of = (f.name for level in (*self.market, *self.sector, *self.series, *self.session) for f in level)
        return max((self.lookback[name] + least[name] for name in of if least[name] >= 0), default=0)

    @property
    def reads_calendar(self) -> bool:
        """Whether a feature reads a column of the calendar."""
        return not self.read.isdisjoint(columns.CALENDAR)

    @property
    def reads_index(self) -> bool:
        """Whether a feature reads the bars of the index."""
        return not self.read.isdisjoint(set(columns.MARKET) - {"session"})

    @property
    def reads_sectors(self) -> bool:
        """Whether a feature reads what is of a sector through time."""
        return bool(self.sector) or "sector_return" in self.read or bool(self.records(Grain.SECTOR))

    @property
    def reads_graph(self) -> bool:
        """Whether a feature reads the graph of correlations."""
        return not self.read.isdisjoint(columns.GRAPH)

    def records(self, *grains: Grain) -> tuple[Records, ...]:
        """Return the records of some grains that its features read; of all, if none is named."""
        return tuple(found for found in records.records_of(self.read) if found.grain in (grains or tuple(Grain)))

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables of the lake that its records are made of."""
        return tuple(dict.fromkeys(table for found in self.records() for table in found.tables))

    @cached_property
    def handed_on(self) -> tuple[str, ...]:
        """Columns that the series pass leaves for the result and for the pass over sessions, in a fixed order."""
        made = {f.name for level in self.session for f in level} | set(columns.GRAPH)
        read = {name for level in self.session for f in level for name in f.inputs}
        if any(f.scope is Scope.GROUP for level in self.session for f in level):
            read.add("sector33")
        if self.reads_graph:
            read.update(OF_GRAPH)
        return (*(n for n in self.names if n not in made), *sorted(read - made - {*self.names, *columns.KEY}))

    @cached_property
    def of_market(self) -> tuple[str, ...]:
        """Columns handed on that are one number a session: no row need carry them from the series pass to the last."""
        made = {f.name for level in self.market for f in level}
        return tuple(name for name in self.handed_on if name in made)


def _told_before(found: Records) -> int:
    """Return of how many earlier sessions a row is given records: while they last, and by what told its sector."""
    return max(found.lasts or 0, columns.LISTING_AGE if found.grain is Grain.SECTOR else 0)


def plan(feature_set: FeatureSet) -> Plan:
    """Return the passes that compute a feature set.

    Raises:
        DefinitionError: A feature reads what does not exist or is computed later, or features read each other in a
            circle.
    """
    return _planned(_Themselves(feature_set.features), _Themselves(features().values()))


class _Themselves:
    """Features as the objects that they are: those of a test may have the name of others, and another formula."""

    def __init__(self, found: Iterable[Feature]) -> None:
        self.found = tuple(found)

    def __hash__(self) -> int:
        return hash(tuple(map(id, self.found)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Themselves) and tuple(map(id, self.found)) == tuple(map(id, other.found))


@lru_cache(16)
def _planned(wanted: _Themselves, known: _Themselves) -> Plan:
    """A run asks for its plan in several places."""
    return plan_of(wanted.found, {f.name: f for f in known.found})


def plan_of(wanted: Iterable[Feature], known: Mapping[str, Feature]) -> Plan:
    """Return the passes for these features, which may read others of `known`. As `plan`."""
    wanted = tuple(wanted)
    needed = _needed(wanted, known)
    ordered = _ordered(needed)
    found = dict(remembered.lookbacks([f for f in ordered if _PASS[f.scope] < _OF_SESSION]))
    for f in ordered:
        if f.name not in found:
            of_graph = columns.GRAPH_REACH if set(f.inputs).intersection(columns.GRAPH) else 0
            found[f.name] = max((of_graph, *(found.get(name, 0) for name in f.inputs)))
    return Plan(tuple(f.name for f in wanted), *_levels(ordered), found)


def _needed(wanted: Iterable[Feature], known: Mapping[str, Feature]) -> dict[str, Feature]:
    needed: dict[str, Feature] = {}
    waiting = list(wanted)
    while waiting:
        reader = waiting.pop()
        needed[reader.name] = reader
        for name in reader.inputs:
            _check_input(reader, name, known)
        also = OF_GRAPH if reader.scope is Scope.GRAPH else ()
        waiting += [known[name] for name in (*reader.inputs, *also) if name in known and name not in needed]
    return needed


def _given_to(scope: Scope) -> set[str]:
    """Return the columns that definitions of a scope may read beside features."""
    if scope is Scope.GRAPH:
        return set(columns.GRAPH)
    if scope is Scope.MARKET:
        return {*columns.MARKET, *columns.CALENDAR, *_columns_of(Grain.MARKET)}
    if scope is Scope.SECTOR:
        return {*columns.SECTOR, *_columns_of(Grain.SECTOR)}
    return {*_ROWS, *columns.SECTOR, *_columns_of(Grain.SECTOR, Grain.CODE)} if scope is Scope.SERIES else _ROWS


def _columns_of(*grains: Grain) -> Iterable[str]:
    return (name for found in records.ALL if found.grain in grains for name in found.given)


def _check_input(reader: Feature, name: str, known: Mapping[str, Feature]) -> None:
    given = _given_to(reader.scope)
    if name not in known and name not in given:
        raise DefinitionError(
            f"Feature {reader.name} reads {name}, which is neither a feature nor a column given to scope "
            f"{reader.scope}: {sorted(given)}."
        )
    if name in known and _PASS[known[name].scope] > _PASS[reader.scope]:
        raise DefinitionError(
            f"Feature {reader.name} of scope {reader.scope} reads {name} of scope {known[name].scope}, "
            "which is computed later. The order is market, sector, series, and then cross_section, group and graph."
        )


def _ordered(needed: Mapping[str, Feature]) -> list[Feature]:
    """Features after those they read; by name where nothing else decides, so that every machine has one order."""
    sorter = TopologicalSorter({name: [n for n in needed[name].inputs if n in needed] for name in sorted(needed)})
    try:
        names = list(sorter.static_order())
    except CycleError as error:
        raise DefinitionError(f"Features read each other in a circle: {' <- '.join(error.args[1])}.") from error
    return [needed[name] for name in names]


def _levels(
    ordered: Iterable[Feature],
) -> tuple[tuple[Level, ...], tuple[Level, ...], tuple[Level, ...], tuple[Level, ...]]:
    depth: dict[str, int] = {}
    passes: tuple[dict[int, list[Feature]], ...] = ({}, {}, {}, {})
    scope_of: dict[str, int] = {}
    for f in ordered:
        own = scope_of[f.name] = _PASS[f.scope]
        depth[f.name] = 1 + max((depth[n] for n in f.inputs if scope_of.get(n) == own), default=-1)
        passes[own].setdefault(depth[f.name], []).append(f)
    market, sector, series, session = (tuple(tuple(found[d]) for d in sorted(found)) for found in passes)
    return market, sector, series, session
