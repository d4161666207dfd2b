"""Rows as the JSON that J-Quants sends: maps as maps, and text in number fields where the vendor puts it."""

from __future__ import annotations

import json

import polars as pl

from tosho.simulation.fields import MAPS, marked


def rows_as_json(endpoint: str, rows: pl.DataFrame) -> str:
    """Return a JSON list of an endpoint's rows."""
    maps, marks = MAPS.intersection(rows.columns), marked(endpoint)
    plain = rows.write_json()
    if not (maps or marks) or rows.is_empty():
        return plain
    found = json.loads(plain)
    for row in found:
        row.update({name: json.loads(row[name] or "{}") for name in maps})
        row.update({name: mark for name, mark in marks.items() if row[name] is None})
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def rows_for_file(endpoint: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Return an endpoint's rows as a file of a month has them: maps stay JSON text, marks stand in their fields."""
    marks = marked(endpoint)
    return rows.with_columns(pl.col(name).cast(pl.String).fill_null(mark) for name, mark in marks.items())
