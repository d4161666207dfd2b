"""A panel on disk: plain binary files, a name each, and a manifest that says what their bytes are.

`features.bin` and its like hold one array each, row-major and little-endian, the outer axis sessions or weeks: whoever
maps them has the tensor, and nothing is parsed. The same bytes travel as pieces, a session's or a week's slices of all
arrays one after the other, so that many workers can write a panel into any store.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from math import prod
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tosho.dataset.samples import Columns

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1
"""Of the files' layout: a panel of another is refused."""

Precision = Literal["float32", "bfloat16"]
_STORED: Final = {"float32": "<f4", "bfloat16": "<u2"}  # numpy has no bfloat16; its bits are those of a uint16
_SESSIONS, _WEEKS = "sessions", "weeks"
Arrays = Mapping[str, npt.NDArray[Any]]


class PanelError(ValueError):
    """A panel's files are not what its manifest says, or not what was asked for."""


class Field(NamedTuple):
    """One array of a panel: a slice of `shape` and type for each session or week."""

    name: str
    dtype: str  # as numpy writes it; features in bfloat16 are '<u2'
    shape: tuple[int, ...]
    along: str

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}.bin"

    @property
    def size(self) -> int:
        """Bytes of one slice."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


class Piece(NamedTuple):
    """The slices of one session or week, as stored: the file's name holds its checksum."""

    day: date
    file: str
    sha256: str


class Fitted(NamedTuple):
    """What was fitted on a range of sessions, both ends included, and the sessions in it."""

    what: str
    first: date
    last: date
    sessions: int


@dataclass(frozen=True)
class PanelManifest:
    """What a panel is.

    Args:
        columns: The columns of `features`, in order; the last is the share of missing values.
        sessions: Those of the panel, consecutive and in order.
        codes: In order.
        weeks: The sessions at whose close the graphs were drawn, in order; one holds until the next.
        horizons: Of returns and targets.
        degree: Neighbours that a code has at most.
        precision: Of `features`.
        labelled: The last session whose labels are in; later ones are NaN. None if none is.
        normalised: How features were normalised, in words.
        scaler: Mean and standard deviation of each column that is scaled through time, by name.
        fitted: What was fitted on which sessions.
        made_from: A checksum of the partitions and settings that it was made from.
        session_pieces: One a session.
        week_pieces: One a week.
    """

    columns: Columns
    sessions: tuple[date, ...]
    codes: tuple[str, ...]
    weeks: tuple[date, ...]
    horizons: tuple[int, ...]
    degree: int
    precision: Precision = "float32"
    labelled: date | None = None
    normalised: str = ""
    scaler: Mapping[str, tuple[float, float]] | None = None
    fitted: tuple[Fitted, ...] = ()
    made_from: str = ""
    session_pieces: tuple[Piece, ...] = ()
    week_pieces: tuple[Piece, ...] = ()

    def fields(self) -> tuple[Field, ...]:
        """Return the panel's arrays in the order in which a piece holds them: a session's, then a week's."""
        codes, horizons = len(self.codes), len(self.horizons)
        return (
            Field("features", _STORED[self.precision], (codes, len(self.columns.names)), _SESSIONS),
            Field("present", "|u1", (codes,), _SESSIONS),
            Field("returns", "<f4", (codes, horizons), _SESSIONS),
            Field("targets", "<f4", (codes, horizons), _SESSIONS),
            Field("static", "|u1", (codes, 3), _SESSIONS),
            Field("neighbours", "<i4", (codes, self.degree), _WEEKS),
            Field("edges", "<f4", (codes, self.degree, 3), _WEEKS),
        )

    def parts(self) -> Iterator[tuple[tuple[Field, ...], tuple[Piece, ...]]]:
        """Yield the arrays that run along sessions with their pieces, then those along weeks."""
        for along, pieces in ((_SESSIONS, self.session_pieces), (_WEEKS, self.week_pieces)):
            yield tuple(field for field in self.fields() if field.along == along), pieces

    def length(self, field: Field) -> int:
        """Return how many slices an array has."""
        return len(self.sessions if field.along == _SESSIONS else self.weeks)

    def pack(self, arrays: Arrays) -> bytes:
        """Return a piece: the slices of these arrays one after the other.

        Raises:
            PanelError: An array has another shape, or the arrays are neither a session's nor a week's.
        """
        fields = [field for field in self.fields() if field.name in arrays]
        if {field.name for field in fields} not in ({f.name for f in part} for part, _ in self.parts()):
            raise PanelError(f"A piece holds the arrays of a session or of a week; these are {sorted(arrays)}.")
        return b"".join(_bytes_of(field, arrays[field.name]) for field in fields)

    def to_json(self) -> bytes:
        """Return the manifest as it is stored; equal manifests have equal bytes."""
        content = asdict(self) | {"format": FORMAT, "columns": self.columns._asdict()}
        for name, kind in (("fitted", Fitted), ("session_pieces", Piece), ("week_pieces", Piece)):
            content[name] = [kind(*each)._asdict() for each in getattr(self, name)]
        content["arrays"] = {f.name: {"type": f.dtype, "shape": [self.length(f), *f.shape]} for f in self.fields()}
        return (json.dumps(content, default=str, sort_keys=True, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> PanelManifest:
        """Return the manifest that `to_json` wrote.

        Raises:
            PanelError: These bytes are no manifest of this format.
        """
        try:
            content = json.loads(data)
            found = content.pop("format")
            content.pop("arrays")
            if found != FORMAT:
                raise PanelError(f"The panel is of format {found}; this version reads {FORMAT}. Build it again.")
            return cls(**_typed(content))
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, PanelError):
                raise
            raise PanelError(
                f"The panel's manifest cannot be read ({type(error).__name__}: {error}). Build it again."
            ) from error


def piece_of(day: date, data: bytes) -> Piece:
    """Return what the manifest says of a piece with these bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return Piece(day, f"{day}-{digest[:16]}.bin", digest)


def bfloat16_bits(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return finite float32 as the bits of bfloat16, rounded to the nearest, ties to even.

    >>> hex(bfloat16_bits(np.array([1.0], np.float32))[0])
    '0x3f80'
    """
    bits = np.ascontiguousarray(values).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def _bytes_of(field: Field, values: npt.NDArray[Any]) -> bytes:
    if values.shape != field.shape:
        raise PanelError(f"{field.name} of a piece has shape {list(values.shape)}; it must be {list(field.shape)}.")
    if field.dtype == _STORED["bfloat16"]:
        values = bfloat16_bits(values.astype(np.float32))
    return np.ascontiguousarray(values, dtype=np.dtype(field.dtype)).tobytes()


def _typed(content: dict[str, Any]) -> dict[str, Any]:
    def days(texts: Sequence[str]) -> tuple[date, ...]:
        return tuple(map(date.fromisoformat, texts))

    def piece(each: dict[str, str]) -> Piece:
        return Piece(date.fromisoformat(each["day"]), each["file"], each["sha256"])

    def fit(each: dict[str, Any]) -> Fitted:
        first, last = days((each["first"], each["last"]))
        return Fitted(each["what"], first, last, each["sessions"])

    columns, scaler, labelled = content["columns"], content["scaler"], content["labelled"]
    return content | {
        "columns": Columns(columns["feature_set"], columns["number"], tuple(columns["names"])),
        "sessions": days(content["sessions"]),
        "codes": tuple(content["codes"]),
        "weeks": days(content["weeks"]),
        "horizons": tuple(content["horizons"]),
        "labelled": date.fromisoformat(labelled) if labelled else None,
        "scaler": None if scaler is None else {name: tuple(two) for name, two in scaler.items()},
        "fitted": tuple(map(fit, content["fitted"])),
        "session_pieces": tuple(map(piece, content["session_pieces"])),
        "week_pieces": tuple(map(piece, content["week_pieces"])),
    }
