"""Blobs between two stages of the local engine, in files that all its workers see."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

_HEAD = struct.Struct("<qqq")  # of a blob: its source, the bytes of its name, its own


@dataclass(frozen=True)
class Scratch:
    """A folder of blobs, which have a stage, a number within it, a name and the number of their source.

    Each process appends to a file of its own for each number, `<stage>/<number>.<process>`. A file a blob, of which a
    history has a hundred thousand, took longer to be made and removed than to be written.
    """

    folder: Path

    def put(self, stage: str, blobs: Iterable[tuple[int, str, bytes]], source: int) -> None:
        """Keep what a source made for a stage: number, name and blob. A name comes once a number."""
        place = self.folder / stage
        place.mkdir(exist_ok=True)
        for number, of_number in groupby(blobs, key=lambda blob: blob[0]):
            with (place / f"{number}.{os.getpid()}").open("ab") as file:
                for _, name, blob in of_number:
                    told = name.encode()
                    file.write(_HEAD.pack(source, len(told), len(blob)) + told)
                    file.write(blob)

    def take(self, stage: str, number: int) -> dict[str, list[bytes]]:
        """Return the blobs of a number by name, in the order of their sources, and forget them."""
        files = list((self.folder / stage).glob(f"{number}.*"))
        found: dict[str, list[bytes]] = {}
        for _, name, blob in sorted((entry for file in files for entry in _entries(file)), key=lambda entry: entry[0]):
            found.setdefault(name, []).append(blob)
        for file in files:
            file.unlink()
        return found


def _entries(path: Path) -> Iterator[tuple[int, str, bytes]]:
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            source, of_name, of_blob = _HEAD.unpack(head)
            yield source, file.read(of_name).decode(), file.read(of_blob)
