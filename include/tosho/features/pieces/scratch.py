"""Blobs between two stages of the local engine, in files that all its workers see."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from mmap import ACCESS_READ, mmap
from pathlib import Path

from tosho.features.pieces.blob import Blob

_HEAD = struct.Struct("<qqq")  # of a blob: its source, the bytes of its name, its own
_ALIGNED = 64  # where Arrow looks for its columns


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
                    file.write(bytes(-file.tell() % _ALIGNED))
                    file.write(blob)

    def take(self, stage: str, number: int) -> dict[str, list[Blob]]:
        """Return the blobs of a number by name, in the order of their sources, and forget them.

        They are not read but mapped: the pages that were written are what is seen.
        """
        files = list((self.folder / stage).glob(f"{number}.*"))
        found: dict[str, list[Blob]] = {}
        for _, name, blob in sorted((entry for file in files for entry in _entries(file)), key=lambda entry: entry[0]):
            found.setdefault(name, []).append(blob)
        for file in files:
            file.unlink()
        return found


def _entries(path: Path) -> Iterator[tuple[int, str, Blob]]:
    with path.open("rb") as file:
        mapped = memoryview(mmap(file.fileno(), 0, access=ACCESS_READ))
    at = 0
    while at < len(mapped):
        source, of_name, of_blob = _HEAD.unpack_from(mapped, at)
        at += _HEAD.size
        name = bytes(mapped[at : at + of_name]).decode()
        at += of_name
        at += -at % _ALIGNED
        yield source, name, mapped[at : at + of_blob]
        at += of_blob
