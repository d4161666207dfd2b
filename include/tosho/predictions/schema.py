"""`schema.sql` as Python sees it: statements, columns, and the fingerprint both engines compute."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

ROWS, COMMITS, LOCKS = "prediction_rows", "prediction_commits", "prediction_locks"
_COLUMN = re.compile(r"^    (\w+) ([\w()]+),?$", re.MULTILINE)


class StoredColumn(NamedTuple):
    """A column of `prediction_rows` with its ClickHouse type."""

    name: str
    kind: str

    @property
    def hashed(self) -> str:
        """What of the column goes into a row's hash: explicit types, for engines read a file's types their own way.

        `cityHash64` of a null is null, and a fold skips nulls: absence is hashed as a flag of its own.
        """
        if self.kind == "Nullable(Float64)":
            return f"isNull({self.name}), ifNull(toFloat64({self.name}), toFloat64(0))"
        if self.kind == "Date":
            return f"toUInt16(toDate({self.name}))"
        return f"to{self.kind}({self.name})"


def statements(database: str) -> list[str]:
    """Return the statements that make the tables in a database; each may be run again."""
    text = re.sub(r"--[^\n]*", "", _text()).replace("{database}", database)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@lru_cache(maxsize=1)
def columns() -> tuple[StoredColumn, ...]:
    """Return the columns of a stored row, in order, without `load_id`, which tells loads apart and not rows."""
    table = next(s for s in statements("any") if s.startswith(f"CREATE TABLE IF NOT EXISTS any.{ROWS}"))
    return tuple(StoredColumn(*found) for found in _COLUMN.findall(table) if found[0] != "load_id")


def names() -> str:
    """Return the stored columns' names, as a list for SELECT and INSERT."""
    return ", ".join(column.name for column in columns())


def structure() -> str:
    """Return the stored columns' names and types, as ClickHouse's `file` function wants them."""
    return ", ".join(f"{column.name} {column.kind}" for column in columns())


def tally() -> str:
    """Return the SELECT list that counts rows and folds their hashes, the same number on every engine and version."""
    hashed = ", ".join(column.hashed for column in columns())
    return f"count() AS row_count, groupBitXor(cityHash64({hashed})) AS fingerprint"


def literal(text: str) -> str:
    r"""Return a text as an SQL literal.

    >>> literal("Kurt's \\ model")
    "'Kurt\\'s \\\\ model'"
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _text() -> str:
    return files("tosho.predictions").joinpath("schema.sql").read_text()
