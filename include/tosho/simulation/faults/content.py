"""Faults of what an answer holds. Asking again does not mend them; a docstring says what a correct client does."""

# ruff: noqa: ARG002 - every fault is handed the question and the way to the service; not each needs both

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from tosho.simulation.faults.exchange import Answer, Ask, Fault, Request, Row


class RowsFault(Fault):
    """A fault of rows, on a page or in a file."""

    @abstractmethod
    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Return the rows that are sent in the place of the honest ones."""

    async def answer(self, request: Request, ask: Ask) -> Answer:
        """Spoil the honest answer's rows."""
        return (await ask(request)).with_rows(request, lambda rows: self.spoiled(rows, request))


@dataclass(frozen=True)
class RowsTwice(RowsFault):
    """Every row of a page twice. The client publishes each once and counts the others as quarantined."""

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Repeat the rows."""
        return [*rows, *rows]


@dataclass(frozen=True)
class ColumnGone(RowsFault):
    """A column is no longer sent. The run stops with the column's name and publishes nothing."""

    name: str

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Leave the column out."""
        return [{name: value for name, value in row.items() if name != self.name} for row in rows]


@dataclass(frozen=True)
class ColumnNull(RowsFault):
    """A column is sent without a value. The run stops with the column's name and publishes nothing."""

    name: str

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Empty the column."""
        return [row | {self.name: None} for row in rows]


@dataclass(frozen=True)
class ColumnUnknown(RowsFault):
    """A column that nobody knows. The run stops with the column's name and publishes nothing."""

    name: str = "Unheard"

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Add the column."""
        return [row | {self.name: "1"} for row in rows]


@dataclass(frozen=True)
class TypesChanged(RowsFault):
    """Numbers come as text and text as numbers, null as "" and "" as null. The data stays the same to the last byte.

    Text that a number would not keep, such as "0050", stays text.
    """

    def spoiled(self, rows: list[Row], request: Request) -> list[Row]:
        """Write every value the other way."""
        return [{name: _other_type(value) for name, value in row.items()} for row in rows]


def _other_type(value: Any) -> Any:  # noqa: ANN401 - what JSON holds
    if value in ("", None):
        return None if value == "" else ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and str(int(value)) == value:
        return int(value)
    return value
