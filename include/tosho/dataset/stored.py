"""What panels and rows have in common in a lake: a manifest by name, and pieces that are checked when they are read."""

from __future__ import annotations

import hashlib
import os

from tosho.dataset.panel_files import MANIFEST, PanelError, Piece
from tosho.storage import Files, layout


class PanelMissingError(LookupError):
    """No dataset of this name was published."""


def manifest_bytes(files: Files, name: str) -> bytes:
    """Return the manifest of a dataset.

    Raises:
        PanelMissingError: None was published.
    """
    try:
        return files.read(f"{layout.dataset_path(name)}/{MANIFEST}")
    except FileNotFoundError as error:
        raise PanelMissingError(
            f"No dataset {name!r} was published in {files.root}; there are {files.names(layout.DATASETS)}. "
            "Build it first."
        ) from error


def piece_bytes(files: Files, name: str, path: str, piece: Piece, length: int) -> memoryview:
    """Return a piece of a dataset, which has so many bytes.

    Raises:
        PanelError: It is missing, or not what was published.
    """
    try:
        data = files.read(path)
    except FileNotFoundError as error:
        raise PanelError(f"Dataset {name} lacks its piece {path}. Build it again.") from error
    if hashlib.sha256(data).hexdigest() != piece.sha256 or len(data) != length:
        raise PanelError(
            f"Dataset {name}: the piece {path} has another checksum or length than its manifest tells. "
            "Build it again; nothing was fetched."
        )
    return memoryview(data)


def write_at(file: int, data: memoryview, offset: int) -> None:
    """Write all of the data into an open file, from a place on."""
    while data:
        written = os.pwrite(file, data, offset)
        data, offset = data[written:], offset + written
