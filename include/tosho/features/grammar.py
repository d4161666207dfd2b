"""What a definition may be made of, read from the expression itself before it enters the registry.

A definition is evaluated over a whole frame in which one code follows another; the engine supplies the partition.
So an expression that supplies its own, looks ahead, or mixes rows outside a window is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import polars as pl

Node: TypeAlias = dict[str, Any]

_WINDOWS = b"tosho.features.windows"
_SWALLOWS_NULL = frozenset({"And", "Or", "LogicalAnd", "LogicalOr"})
_LABEL = re.compile(
    r"^(y|labels?|targets?|outcome|oracle|realised|realized|score|predict(ed|ion)s?|expected_return|future"
    r"|(fwd|forward|next)_ret(urn)?s?)(_\w+)?$|^q\d\d$|_label$"
)
_PLAIN = frozenset({"Column", "Literal", "BinaryExpr", "Ternary", "Cast", "Function", "AnonymousFunction"})
_ROW_BY_ROW = frozenset(
    {"Log", "Log1p", "Exp", "Abs", "Sign", "Clip", "Pow", "Negate", "MaxHorizontal", "MinHorizontal"} | {"Not"}
)
_OVER_UNIVERSE = frozenset({"Rank"})


class DefinitionError(ValueError):
    """A definition breaks a rule of the registry."""


def is_label(name: str) -> bool:
    """Tell whether a column's name is one that labels or predictions bear, here or in what models are fed elsewhere.

    >>> [is_label(name) for name in ("y_5", "fwd_ret_20", "target_session", "q05", "ret_5", "div_yield_fwd")]
    [True, True, True, True, False, False]
    """
    return _LABEL.search(name) is not None


def check(name: str, expression: pl.Expr, *, over_universe: tuple[str, ...] = ()) -> None:
    """Refuse a definition that its scope does not allow.

    Args:
        name: The feature, for the message.
        expression: What it computes.
        over_universe: Kinds of node that take a whole session's rows together, where the scope allows them.

    Raises:
        DefinitionError: The expression partitions, looks ahead, takes rows together outside a window, calls Python of
            its own, or reads a label.
    """
    if is_label(name):
        raise DefinitionError(f"Feature {name} is called as a label is; call it after what it is made of.")
    for kind, node in _nodes(json.loads(expression.meta.serialize(format="json"))):
        _check_kind(name, kind, over_universe)
        if kind == "Column" and is_label(str(node)):
            raise DefinitionError(f"Feature {name} reads the label {node}; a feature never sees what it shall predict.")
        if kind == "BinaryExpr" and node["op"] in _SWALLOWS_NULL:
            raise DefinitionError(
                f"Feature {name} joins conditions with {node['op']}: false and null would be false, so a window that "
                "is not full would have a value. Use `both` of tosho.features.windows."
            )
        if kind == "Function":
            _check_function(name, node, over_universe)
        if kind == "AnonymousFunction" and _WINDOWS not in bytes(node["function"]):
            raise DefinitionError(
                f"Feature {name} calls a Python function of its own; only the windows of tosho.features.windows are "
                "known to use their own rows alone. Add a window there."
            )


def _check_kind(name: str, kind: str, over_universe: tuple[str, ...]) -> None:
    if kind == "Over":
        raise DefinitionError(f"Feature {name} uses .over; the engine supplies the partition. State a scope instead.")
    if kind not in _PLAIN and kind not in over_universe:
        raise DefinitionError(
            f"Feature {name} uses {kind}, which takes rows together outside a window; its scope allows "
            f"{sorted(_PLAIN | set(over_universe))}. Use tosho.features.windows."
        )


def _check_function(name: str, node: Node, over_universe: tuple[str, ...]) -> None:
    function = _function_name(node["function"])
    if function == "Shift" and not over_universe:
        rows = _whole_number(node["input"][1])
        if rows is None or rows < 0:
            raise DefinitionError(
                f"Feature {name} shifts by {'an expression' if rows is None else rows}; the bound is a fixed number "
                "of rows back, 0 or more. A row further on is not known yet."
            )
        return
    if function not in (_ROW_BY_ROW | _OVER_UNIVERSE if over_universe else _ROW_BY_ROW):
        raise DefinitionError(
            f"Feature {name} uses {function}, which is not known to work row by row. "
            "Polars' own rolling and cumulative functions depend on where the frame begins: use tosho.features.windows."
        )


def _nodes(node: Node) -> Iterator[tuple[str, Any]]:
    """Every node of the serialised tree with its kind, as `{"Kind": payload}` nests."""
    ((kind, payload),) = node.items()
    yield kind, payload
    if kind in {"Column", "Literal"}:
        return
    for child in _children(kind, payload):
        yield from _nodes(child)


def _children(kind: str, payload: Any) -> list[Node]:  # noqa: ANN401 - JSON
    if kind in {"Function", "AnonymousFunction"}:
        return list(payload["input"])
    fields = {"BinaryExpr": ("left", "right"), "Ternary": ("predicate", "truthy", "falsy"), "Cast": ("expr",)}
    if kind in fields:
        return [payload[field] for field in fields[kind]]
    if kind == "Agg":
        ((_, inner),) = payload.items()
        return [inner["input"] if isinstance(inner, dict) and "input" in inner else _first(inner)]
    return []  # of another kind: refused by name before its children matter


def _first(inner: Any) -> Node:  # noqa: ANN401 - JSON
    return dict(inner[0] if isinstance(inner, list) else inner)


def _function_name(function: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(function, str):
        return function
    ((kind, inner),) = function.items()
    return _function_name(inner) if kind == "Boolean" else str(kind)


def _whole_number(node: Node) -> int | None:
    literal = node.get("Literal", {})
    value = literal.get("Dyn", {}).get("Int") if isinstance(literal, dict) else None
    return value if isinstance(value, int) else None
