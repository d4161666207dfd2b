"""In which order the columns of a feature set are computed: MARKET, then SERIES, then CROSS_SECTION and GROUP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from tosho.features import columns, probe
from tosho.features.grammar import DefinitionError
from tosho.features.sets import FeatureSet
from tosho.features.spec import Feature, Scope, features

_PASS = {Scope.MARKET: 0, Scope.SERIES: 1, Scope.CROSS_SECTION: 2, Scope.GROUP: 2}
_ROWS = set(columns.PANEL) - {"follows"}
_GIVEN = {0: {*columns.MARKET, *columns.CALENDAR}, 1: _ROWS, 2: _ROWS}

Level = tuple[Feature, ...]


@dataclass(frozen=True)
class Plan:
    """The passes of a feature set, each as levels: the features of one level read only earlier ones."""

    names: tuple[str, ...]
    """The columns of the result, in the order of the set."""
    market: tuple[Level, ...]
    series: tuple[Level, ...]
    session: tuple[Level, ...]
    lookback: Mapping[str, int]
    """Rows before a row that its value is made of, by feature; over a session, as many as its inputs need."""

    @property
    def rows_before(self) -> int:
        """Earlier sessions that must be read so that every value of a session is what a full run gives."""
        levels = (*self.market, *self.series, *self.session)
        read = {name for level in levels for f in level for name in f.inputs} | {*self.handed_on}
        return max((*self.lookback.values(), *(columns.REACH.get(name, 0) for name in read)), default=0)

    @property
    def reads_calendar(self) -> bool:
        """Whether a feature reads a column of the calendar."""
        return any(name in columns.CALENDAR for level in self.market for f in level for name in f.inputs)

    @property
    def handed_on(self) -> tuple[str, ...]:
        """Columns that the series pass leaves for the result and for the pass over sessions, in a fixed order."""
        made = {f.name for level in self.session for f in level}
        read = {name for level in self.session for f in level for name in f.inputs}
        if any(f.scope is Scope.GROUP for level in self.session for f in level):
            read.add("sector33")
        return (*(n for n in self.names if n not in made), *sorted(read - made - {*self.names, *columns.KEY}))


def plan(feature_set: FeatureSet) -> Plan:
    """Return the passes that compute a feature set.

    Raises:
        DefinitionError: A feature reads what does not exist or is computed later, or features read each other in a
            circle.
    """
    return plan_of(feature_set.features, features())


def plan_of(wanted: Iterable[Feature], known: Mapping[str, Feature]) -> Plan:
    """Return the passes for these features, which may read others of `known`. As `plan`."""
    wanted = tuple(wanted)
    needed = _needed(wanted, known)
    ordered = _ordered(needed)
    found = probe.lookbacks(f for f in ordered if _PASS[f.scope] < 2)  # noqa: PLR2004 - the pass over sessions
    for f in ordered:
        if f.name not in found:
            found[f.name] = max((found.get(name, 0) for name in f.inputs), default=0)
    levels = _levels(ordered)
    return Plan(tuple(f.name for f in wanted), levels[0], levels[1], levels[2], found)


def _needed(wanted: Iterable[Feature], known: Mapping[str, Feature]) -> dict[str, Feature]:
    needed: dict[str, Feature] = {}
    waiting = list(wanted)
    while waiting:
        reader = waiting.pop()
        needed[reader.name] = reader
        for name in reader.inputs:
            _check_input(reader, name, known)
            if name in known and name not in needed:
                waiting.append(known[name])
    return needed


def _check_input(reader: Feature, name: str, known: Mapping[str, Feature]) -> None:
    given = _GIVEN[_PASS[reader.scope]]
    if name not in known and name not in given:
        raise DefinitionError(
            f"Feature {reader.name} reads {name}, which is neither a feature nor a column given to scope "
            f"{reader.scope}: {sorted(given)}."
        )
    if name in known and _PASS[known[name].scope] > _PASS[reader.scope]:
        raise DefinitionError(
            f"Feature {reader.name} of scope {reader.scope} reads {name} of scope {known[name].scope}, "
            "which is computed later. The order is market, series, cross_section and group."
        )


def _ordered(needed: Mapping[str, Feature]) -> list[Feature]:
    """Features after those they read; by name where nothing else decides, so that every machine has one order."""
    sorter = TopologicalSorter({name: [n for n in needed[name].inputs if n in needed] for name in sorted(needed)})
    try:
        names = list(sorter.static_order())
    except CycleError as error:
        raise DefinitionError(f"Features read each other in a circle: {' <- '.join(error.args[1])}.") from error
    return [needed[name] for name in names]


def _levels(ordered: Iterable[Feature]) -> tuple[tuple[Level, ...], ...]:
    depth: dict[str, int] = {}
    passes: tuple[dict[int, list[Feature]], ...] = ({}, {}, {})
    scope_of: dict[str, int] = {}
    for f in ordered:
        own = scope_of[f.name] = _PASS[f.scope]
        depth[f.name] = 1 + max((depth[n] for n in f.inputs if scope_of.get(n) == own), default=-1)
        passes[own].setdefault(depth[f.name], []).append(f)
    return tuple(tuple(tuple(found[d]) for d in sorted(found)) for found in passes)
