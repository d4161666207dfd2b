"""The rows of a range on disk, nothing normalised: plain binary files that are mapped into memory, and a manifest.

`codes.bin`, `features.bin`, `returns.bin` and `static.bin` hold one array of `Samples` each, the rows of all sessions
one after the other, little-endian: whoever maps them has the samples, and nothing is parsed or copied. The same bytes
travel as pieces, a session's rows of all arrays, so that many workers can write them into any store.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import counts_to_bounds
from tosho.dataset.panel_files import MANIFEST, PanelError, Piece
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.vocabulary import STATIC

FORMAT: Final = "rows 1"
"""Of the files' layout: rows of another are refused."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class RowsManifest:
    """What rows are.

    Args:
        columns: Of `features`.
        sessions: In order, from the end of the features' warm-up on.
        counts: Rows of each session.
        made_from: A checksum of the partitions that they were made from, those of the warm-up among them.
        pieces: One a session.
    """

    columns: Columns
    sessions: tuple[date, ...]
    counts: tuple[int, ...]
    made_from: str
    pieces: tuple[Piece, ...]

    def fields(self) -> dict[str, tuple[str, int]]:
        """Return type and width of each array, by name, in the order in which a piece holds them."""
        return {
            "codes": ("S5", 1),
            "features": ("<f4", len(self.columns.names)),
            "returns": ("<f4", len(HORIZONS)),
            "static": ("|u1", len(STATIC)),
        }

    def sizes(self) -> dict[str, int]:
        """Return the bytes of one row in each array."""
        return {name: width * np.dtype(kind).itemsize for name, (kind, width) in self.fields().items()}

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def to_json(self) -> bytes:
        """Return the manifest as it is stored; equal manifests have equal bytes."""
        pieces = [piece._asdict() for piece in self.pieces]
        content = asdict(self) | {"format": FORMAT, "columns": self.columns._asdict(), "pieces": pieces}
        return (json.dumps(content, default=str, sort_keys=True, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> RowsManifest:
        """Return the manifest that `to_json` wrote.

        Raises:
            PanelError: These bytes are no manifest of this format.
        """
        try:
            content = json.loads(data)
            if content["format"] != FORMAT:
                raise PanelError(f"The rows are of format {content['format']!r}; this version reads {FORMAT!r}.")
            columns = content["columns"]
            return cls(
                Columns(columns["feature_set"], columns["number"], tuple(columns["names"])),
                tuple(map(date.fromisoformat, content["sessions"])),
                tuple(content["counts"]),
                content["made_from"],
                tuple(Piece(date.fromisoformat(p["day"]), p["file"], p["sha256"]) for p in content["pieces"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise PanelError(f"No manifest of rows can be read here: {error}. Build the dataset again.") from error


def packed(samples: Samples) -> bytes:
    """Return the piece of one session: the rows of its arrays one array after the other."""
    return b"".join(np.ascontiguousarray(array).tobytes() for array in _arrays(samples).values())


def mapped(folder: Path) -> Samples:
    """Return the samples of a folder, its files mapped into memory: pages are read when they are looked at.

    What is written to the arrays does not reach the files.

    Raises:
        PanelError: A file is missing or not as long as the manifest says.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise PanelError(f"{folder} holds no rows: there is no {MANIFEST}. Build the dataset and fetch it there.")
    manifest = RowsManifest.from_json(path.read_bytes())
    found = {name: _mapped(folder / f"{name}.bin", manifest, name) for name in manifest.fields()}
    return Samples(manifest.columns, manifest.sessions, counts_to_bounds(np.array(manifest.counts)), **found)


def _arrays(samples: Samples) -> Arrays:
    static = samples.static
    if static is None:
        raise PanelError(f"The rows of {samples.sessions} were to be kept without what their listings say.")
    return {"codes": samples.codes, "features": samples.features, "returns": samples.returns, "static": static}


def _mapped(path: Path, manifest: RowsManifest, name: str) -> npt.NDArray[Any]:
    kind, width = manifest.fields()[name]
    wanted, found = manifest.rows * manifest.sizes()[name], path.stat().st_size if path.is_file() else 0
    if found != wanted:
        raise PanelError(
            f"{path} has {found} bytes; the manifest says {manifest.rows} rows of {manifest.sizes()[name]}, {wanted} "
            "bytes. Fetch the dataset again."
        )
    shape = (manifest.rows,) if name == "codes" else (manifest.rows, width)
    return np.asarray(np.memmap(path, dtype=np.dtype(kind), mode="c", shape=shape))
