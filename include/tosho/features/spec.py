"""How a feature is defined: a function that gives a Polars expression, with the scope it is evaluated in.

    @feature(Scope.SERIES, windows=(5, 20, 60))
    def px_sma(window: int) -> pl.Expr:
        '''Close over its mean of the past {window} sessions, as a fraction. C / SMA_{window} - 1.'''
        return CLOSE / mean(CLOSE, window) - 1

Name (`px_sma_5`), family (the module's name) and inputs (the columns it reads) are derived; columns that others have
named already are `called` by a template, "ROC{window}". Calling a definition afterwards, `px_sma(20)`, gives a
reference to its column, which is computed once whoever asks. Keyword-only parameters of a definition are no part of
its name: `expression_of` gives the formula with another value for them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property, partial
from types import MappingProxyType
from typing import Generic, ParamSpec, cast

import polars as pl

from tosho.features import grammar
from tosho.features.grammar import DefinitionError

P = ParamSpec("P")
Parameter = int | str
Parameters = tuple[Parameter, ...]


class Scope(StrEnum):
    """Which rows a value is made of."""

    MARKET = "market"  # one row a session, the bars of the index; joined to all codes
    SECTOR = "sector"  # one of the 33 sectors through time: the mean return of its members; may read MARKET results
    SERIES = "series"  # one code through time; may read MARKET and SECTOR results of its sessions
    CROSS_SECTION = "cross_section"  # one session, all codes
    GROUP = "group"  # one session, the codes of one sector
    GRAPH = "graph"  # one session, all codes: what the graph of their correlations says of each


@dataclass(frozen=True)
class Feature:
    """One column: what it is called, what it computes, over which rows."""

    name: str
    scope: Scope
    family: str
    expression: pl.Expr = field(repr=False, compare=False)
    summary: str = field(default="", repr=False)
    published: bool = True  # an intermediate is computed for others, and is in no set

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """The columns it reads, of the panel, the market or other features, in order of name."""
        return tuple(sorted(set(self.expression.meta.root_names())))

    @cached_property
    def is_shared(self) -> bool:
        """Whether all codes of a session have one value: the market's own, or an aggregate over the session."""
        if self.scope is not Scope.CROSS_SECTION:
            return self.scope is Scope.MARKET
        rows = pl.DataFrame({name: [1.0, 2.0] for name in self.inputs})
        return rows.select(self.expression).height == 1  # an aggregate makes one row of them


_AGGREGATING = {Scope.CROSS_SECTION: ("Agg",), Scope.GROUP: ("Agg",)}
_FEATURES: dict[str, Feature] = {}
_FORMULAS: dict[str, Callable[..., pl.Expr]] = {}


def features() -> Mapping[str, Feature]:
    """Return every feature and intermediate defined so far, by name, in order of definition."""
    return MappingProxyType(_FEATURES)


@dataclass(frozen=True)
class Definition(Generic[P]):
    """A registered function. Calling it gives a reference to the column of these parameters."""

    function: Callable[P, pl.Expr]
    called: str

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> pl.Expr:
        """Return the column that holds the feature.

        Raises:
            DefinitionError: It is not defined for these parameters.
        """
        bound = inspect.signature(self.function).bind(*args, **kwargs).arguments
        name = self.called.format(**bound)
        if name not in _FEATURES:
            known = [other for other in _FEATURES if other.startswith(self.called.partition("{")[0].rstrip("_"))]
            raise DefinitionError(
                f"Feature {name} is not defined; {self.function.__name__} is for {known}. Add a window."
            )
        return pl.col(name)


def feature(
    scope: Scope, *, windows: Sequence[Parameter | Parameters] | None = None, called: str | None = None
) -> Callable[[Callable[P, pl.Expr]], Definition[P]]:
    """Register a function as features, one for each of `windows`, or one without parameters.

    Args:
        scope: The rows it is evaluated over.
        windows: The function's parameters: lengths of windows as a rule, or names of features.
        called: Template of the columns' names, with the parameters' names in braces; derived when left out.

    Raises:
        DefinitionError: A name is taken, or an expression breaks the rules of `grammar`.
    """
    return lambda function: _register(function, scope, windows, called, published=True)


def intermediate(
    scope: Scope, *, windows: Sequence[Parameter | Parameters] | None = None
) -> Callable[[Callable[P, pl.Expr]], Definition[P]]:
    """Register columns that other definitions share and no feature set holds. As `feature` otherwise."""
    return lambda function: _register(function, scope, windows, None, published=False)


def expression_of(name: str, **options: object) -> pl.Expr:
    """Return a feature's formula with these values for its definition's keyword-only parameters, where it has them."""
    formula = _FORMULAS[name]
    known = inspect.signature(formula).parameters
    return formula(**{option: value for option, value in options.items() if option in known})


def define(  # noqa: PLR0913 - the fields of a feature
    name: str, scope: Scope, family: str, expression: pl.Expr, *, summary: str, published: bool
) -> Feature:
    """Return a feature whose expression its scope allows.

    Raises:
        DefinitionError: It breaks a rule of `grammar`.
    """
    grammar.check(name, expression, over_universe=_AGGREGATING.get(scope, ()))
    return Feature(name, scope, family, expression, summary, published)


def derived_name(function: str, parameters: Parameters) -> str:
    """Return the name of a feature: its function's and its parameters'.

    >>> derived_name("vol_ratio", (5, 20))
    'vol_ratio_5_20'
    """
    return "_".join([function, *map(str, parameters)])


def _register(
    function: Callable[P, pl.Expr],
    scope: Scope,
    windows: Sequence[Parameter | Parameters] | None,
    called: str | None,
    *,
    published: bool,
) -> Definition[P]:
    family = function.__module__.rpartition(".")[2]
    signature = inspect.signature(function).parameters.values()
    names = tuple(p.name for p in signature if p.kind is not inspect.Parameter.KEYWORD_ONLY)
    template = called or derived_name(function.__name__, tuple(f"{{{name}}}" for name in names))
    for window in [()] if windows is None else windows:
        parameters = window if isinstance(window, tuple) else (window,)
        given = dict(zip(names, parameters, strict=True))
        name = template.format(**given)
        if name in _FEATURES:
            raise DefinitionError(f"Feature {name} is defined twice, in {_FEATURES[name].family} and {family}.")
        formula: Callable[..., pl.Expr] = partial(cast("Callable[..., pl.Expr]", function), **given)
        _FEATURES[name] = define(name, scope, family, formula(), summary=_summary(function, given), published=published)
        _FORMULAS[name] = formula
    return Definition(function, template)


def _summary(function: Callable[..., pl.Expr], parameters: dict[str, Parameter]) -> str:
    text = inspect.getdoc(function)
    if not text:
        raise DefinitionError(f"Feature {function.__name__} has no docstring; it must give formula, unit and source.")
    for name, value in parameters.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text
