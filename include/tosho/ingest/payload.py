"""Bytes to tables of text. What the text means is each source's own module's business.

Numbers are taken over as the characters that were sent: the sources disagree on which fields are numbers, and a
number that is read once, at its column, cannot change on the way.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import polars as pl

from tosho.ingest.errors import PayloadError

Row = Mapping[str, str | bool | None]


class Envelope(NamedTuple):
    """One page of an answer."""

    rows: Sequence[Row]
    next_key: str  # empty on the last page


def read_json(body: bytes, asked: str) -> Envelope:
    """Return the rows of an answer and the key to its next page.

    Raises:
        PayloadError: The body is no JSON, or not `{"data": [{...}, ...]}`.
    """
    try:
        content = json.loads(body, parse_float=str, parse_int=str)
    except ValueError as error:
        raise PayloadError(
            f"The answer to {asked} is no JSON ({error}): {len(body)} bytes, ending {body[-40:]!r}. "
            "It was probably cut short; ask again."
        ) from error
    rows = content.get("data") if isinstance(content, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise PayloadError(
            f"The answer to {asked} is JSON without a list of rows under 'data'; it begins {body[:60]!r}. "
            "Either this is not J-Quants V2, or its format has changed."
        )
    return Envelope(rows, str(content.get("pagination_key") or ""))


def read_object(body: bytes, asked: str, name: str) -> str:
    """Return one field of an answer that is a single object.

    Raises:
        PayloadError: The body is no JSON, or has no such field.
    """
    try:
        return str(json.loads(body)[name])
    except (ValueError, KeyError, TypeError) as error:
        raise PayloadError(f"The answer to {asked} has no {name!r}; it begins {body[:60]!r}.") from error


def rows_frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Return rows as text columns; a field that a row lacks is null there."""
    names: dict[str, None] = {}
    for row in rows:
        names |= dict.fromkeys(row)
    return pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), strict=False)


def csv_frame(body: bytes, asked: str) -> pl.DataFrame:
    """Return CSV as text columns; empty fields are null.

    Raises:
        PayloadError: The body is no CSV.
    """
    try:
        return pl.read_csv(io.BytesIO(body), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PayloadError(f"The file {asked} cannot be read as CSV: {error}") from error


def unpack(body: bytes, asked: str) -> bytes:
    """Return what a gzip file holds.

    Raises:
        PayloadError: It is not one, or was cut short.
    """
    try:
        return gzip.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise PayloadError(
            f"The file {asked} is no complete gzip file ({error}): {len(body)} bytes arrived. Download it again."
        ) from error
