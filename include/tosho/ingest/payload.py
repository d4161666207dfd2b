"""Bytes to tables of text. What the text means is each source's own module's business.

Values are taken over as the characters that were sent: the sources disagree on which fields are numbers, and a number
that is read once, at its column, cannot change on the way. A map or a list stays the JSON text that it was.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import polars as pl

from tosho.ingest.cutting import cut
from tosho.ingest.errors import PayloadError

LARGEST_FILE: Final = 1 << 31
"""Bytes that a bulk file may hold when it is unpacked; a whole year of options is a tenth of it."""

_UNREADABLE: Final = (ValueError, RecursionError)  # msgspec's errors and Unicode's are ValueErrors


class Envelope(NamedTuple):
    """One page of an answer."""

    rows: Sequence[msgspec.Raw]  # each the JSON text of one row, well-formed
    next_key: str  # empty on the last page


class _Answer(msgspec.Struct):
    data: list[msgspec.Raw]
    pagination_key: str | int | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_ROW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)


def read_json(body: bytes, asked: str) -> Envelope:
    """Return the rows of an answer and the key to its next page.

    Raises:
        PayloadError: The body is no JSON, or not `{"data": [{...}, ...]}`.
    """
    try:
        if not body.isascii():
            body.decode()  # the parser leaves this to those who use the strings
        answer = _ANSWER.decode(body)
    except msgspec.ValidationError as error:
        raise PayloadError(_not_rows(body, asked)) from error
    except _UNREADABLE as error:
        raise PayloadError(
            f"The answer to {asked} is no JSON ({error}): {len(body)} bytes, ending {body[-40:]!r}. "
            "It was probably cut short; ask again."
        ) from error
    return Envelope(answer.data, str(answer.pagination_key or ""))


def _not_rows(body: bytes, asked: str) -> str:
    return (
        f"The answer to {asked} is JSON without a list of rows under 'data'; it begins {body[:60]!r}. "
        "Either this is not J-Quants V2, or its format has changed."
    )


def read_object(body: bytes, asked: str, name: str) -> str:
    """Return one field, a text, of an answer that is a single object.

    Raises:
        PayloadError: The body is no JSON, or has no such field.
    """
    try:
        found = json.loads(body)[name]
    except (*_UNREADABLE, KeyError, TypeError, IndexError) as error:
        raise PayloadError(f"The answer to {asked} has no {name!r}; it begins {body[:60]!r}.") from error
    if not isinstance(found, str) or not found:
        raise PayloadError(f"The answer to {asked} has a {name!r} that is no text; it begins {body[:60]!r}.")
    return found


def rows_frame(rows: Sequence[msgspec.Raw], asked: str = "a question") -> pl.DataFrame:
    """Return rows as text columns; a field that a row lacks is null there.

    Raises:
        PayloadError: A row is no object, a name or a string in it cannot be read, or no row has a field.
    """
    if not rows:
        return pl.DataFrame()
    try:
        alike = cut(rows)
        return _decoded(rows) if alike is None else alike
    except (*_UNREADABLE, pl.exceptions.PolarsError) as error:
        raise PayloadError(
            f"One of the {len(rows)} rows that answer {asked} cannot be read ({error}); "
            f"the first begins {bytes(rows[0])[:60]!r}."
        ) from error


def _decoded(rows: Sequence[msgspec.Raw]) -> pl.DataFrame:
    """Return rows of whatever form, each value by itself."""
    fields = [_ROW.decode(row) for row in rows]
    names: dict[str, None] = {}
    for row in fields:
        names |= dict.fromkeys(row)
    if not names:
        raise ValueError("no row has a field")
    return pl.DataFrame({name: pl.Series([_value(row.get(name)) for row in fields], dtype=pl.String) for name in names})


def _value(sent: msgspec.Raw | None) -> str | None:
    text = b"null" if sent is None else bytes(sent)
    if text.startswith(b'"'):
        return _TEXT.decode(text)
    return None if text == b"null" else text.decode()


def csv_frame(body: bytes, asked: str) -> pl.DataFrame:
    """Return CSV as text columns; empty fields are null.

    Raises:
        PayloadError: The body is no CSV.
    """
    try:
        return pl.read_csv(io.BytesIO(body), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise PayloadError(f"The file {asked} cannot be read as CSV: {error}") from error


def unpack(body: bytes, asked: str, largest: int = LARGEST_FILE) -> bytes:
    """Return what a gzip file holds.

    Raises:
        PayloadError: It is not one, was cut short, or holds more bytes than are believed.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            content = file.read(largest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise PayloadError(
            f"The file {asked} is no complete gzip file ({error}): {len(body)} bytes arrived. Download it again."
        ) from error
    if len(content) > largest:
        raise PayloadError(f"The file {asked} holds more than {largest:,} bytes when unpacked, which is not believed.")
    return content
