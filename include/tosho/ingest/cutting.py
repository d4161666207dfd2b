"""Cutting a page of rows that all look alike into columns of text, at its commas.

Most pages are of this kind: one object a row, the same names in the same order, nothing nested, nothing escaped. Then
the places of the commas tell where each value is, and what is computed is computed for all values at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

_Places = NDArray[np.int64]
"""Where something is in the text: `[columns, rows]`."""

_NAMES: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_UNCERTAIN: Final = (b"\\", b"[", b"\n", b"\r", b"\t")
_LARGEST: Final = (1 << 31) - 1  # a place in the text is a signed number of four bytes
_AT_ONCE: Final = 16384
"""Values that are computed at once."""
_WORD: Final = 8
_INLINE, _PREFIX = 12, 4
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(_WORD + 1)], "<u8")
"""By number of bytes: what is left of a word when only so many count."""
_FIRST, _NEXT = (
    _MASKS[np.clip(np.arange(_INLINE + 1) - skipped, 0, most)] for skipped, most in ((0, _PREFIX), (_PREFIX, _WORD))
)
"""By length: what is kept of the first four bytes of a value, and of the next eight."""
_COMMA, _OPEN, _CLOSE, _QUOTE, _SPACE, _N = b',{}" n'


def cut(rows: Sequence[msgspec.Raw]) -> pl.DataFrame | None:
    """Return rows that all look like the first as text columns; None where that is not certain to be right.

    A row is well-formed JSON. Without a backslash no string holds a quote, so a piece that begins with a quoted name
    and a colon begins where a field does. Without more braces than rows nothing is nested.
    """
    text, names = b",".join(rows), list(_NAMES.decode(rows[0]))
    if not names or len(text) > _LARGEST or any(mark in text for mark in _UNCERTAIN):
        return None
    if not text.isascii():
        text.decode()  # nobody looks at the bytes again
    heads = _heads(bytes(rows[0]), names)
    beyond = max(_INLINE, _WORD + max(map(len, heads)))  # so that there are words to read from every place on
    sent = np.frombuffer(text + bytes(beyond), np.uint8)
    if (found := _pieces(sent, len(text), len(rows), len(names))) is None:
        return None
    starts, ends = found
    blocks = _blocks(len(rows), len(names))
    if not all(_all_begin(sent, starts[block], heads[block]) for block in blocks):
        return None
    columns: list[pl.Series] = []
    for block in blocks:
        lengths = np.array([[len(head)] for head in heads[block]])
        cut_here = _columns(sent, starts[block] + lengths, ends[block])
        if cut_here is None:
            return None
        columns += cut_here
    return pl.DataFrame(dict(zip(names, columns, strict=True)))


def _blocks(rows: int, columns: int) -> list[slice]:
    """Return columns to cut together: few enough that their numbers fit into the processor's cache."""
    width = max(1, _AT_ONCE // rows)
    return [slice(at, at + width) for at in range(0, columns, width)]


def _columns(sent: NDArray[np.uint8], starts: _Places, ends: _Places) -> list[pl.Series] | None:
    """Return the values of some columns; None where a space stands around a value, or half of one is there."""
    first = sent[starts]
    if (first == _SPACE).any() or (sent[ends - 1] == _SPACE).any():  # one of the source's own has quotes around it
        return None
    is_null, is_text = (first == _N), (first == _QUOTE)
    starts, ends = starts + is_text, ends - is_text
    if (ends < starts).any():
        return None
    held = pa.py_buffer(sent.data)
    return [_column(held, *of) for of in zip(_views(sent, starts, ends), is_null, strict=True)]


def _pieces(sent: NDArray[np.uint8], size: int, rows: int, columns: int) -> tuple[_Places, _Places] | None:
    """Return where the pieces between commas begin and end; None where they are not one a field."""
    commas = np.flatnonzero(sent == _COMMA)
    braces = [np.count_nonzero(sent == brace) for brace in (_OPEN, _CLOSE)]
    if commas.size != rows * columns - 1 or braces != [rows, rows]:
        return None
    starts, ends = (
        np.ascontiguousarray(places.reshape(rows, columns).T)
        for places in (np.append(0, commas + 1), np.append(commas, size))
    )
    ends[-1] -= 1
    return (starts, ends) if (sent[ends[-1]] == _CLOSE).all() else None


def _heads(row: bytes, names: Sequence[str]) -> list[bytes]:
    """Return what stands before each value, written as in a row, with or without a space after each mark."""
    quoted = [b'"%s":' % name.encode() for name in names]
    gap = b" " if row.startswith(b"{%s " % quoted[0]) else b""
    return [b"{%s%s" % (quoted[0], gap), *(gap + name + gap for name in quoted[1:])]


def _words(sent: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the eight bytes from each place on as one number."""
    return np.ndarray((sent.size - _WORD + 1,), "<u8", sent.data, strides=(1,))


def _all_begin(sent: NDArray[np.uint8], starts: _Places, heads: Sequence[bytes]) -> bool:
    """Tell whether each piece begins with its column's head, comparing a word at a time."""
    parts = [(n, at, head[at : at + _WORD]) for n, head in enumerate(heads) for at in range(0, len(head), _WORD)]
    wanted = np.array([[int.from_bytes(part, "little")] for *_, part in parts], "<u8")
    masks = _MASKS[[[len(part)] for *_, part in parts]]
    places = starts[[n for n, *_ in parts]] + np.array([[at] for _, at, _ in parts])
    return bool((_words(sent)[places] & masks == wanted).all())


def _views(sent: NDArray[np.uint8], starts: _Places, ends: _Places) -> NDArray[np.uint64]:
    """Return what an Arrow string view says of each value: `[columns, rows, 2]`.

    The first word is the length and the first four bytes, the second the next eight. Of a longer value that is its
    place in the buffer instead. See "Variable-size Binary View Layout" in Arrow's columnar format.
    """
    words, lengths = _words(sent), ends - starts
    inline, is_long = np.minimum(lengths, _INLINE), lengths > _INLINE
    views = np.empty((*starts.shape, 2), "<u8")
    for half, skipped, kept in ((0, 0, _FIRST), (1, _PREFIX, _NEXT)):
        text = words[starts + skipped]
        text &= kept[inline]
        views[..., half] = text
    views[..., 0] <<= 32
    views[..., 0] |= lengths.view("<u8")
    views[is_long, 1] = starts[is_long] << 32
    return views


def _column(sent: pa.Buffer, views: NDArray[np.uint64], is_null: NDArray[np.bool_]) -> pl.Series:
    """Return the text that the views show; the page is held on to where a value is longer than a view."""
    valid = pa.py_buffer(np.packbits(~is_null, bitorder="little").data) if is_null.any() else None
    shown = [sent] if (views[:, 0].astype("<u4") > _INLINE).any() else []
    buffers = [valid, pa.py_buffer(views.data), *shown]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), views.shape[0], buffers))
