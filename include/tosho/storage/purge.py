"""Taking out of the lake all that came from a vendor, or was made of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from tosho.storage import layout
from tosho.storage.files import StorageError
from tosho.storage.lake import Lake

OWN_TABLES = frozenset({"predictions"})
"""What Tosho itself says. Every other table is a vendor's data, or a transformation of it that holds it still."""


class Part(NamedTuple):
    """A folder of the lake: its path relative to the root, how many files it has, and their bytes."""

    path: str
    files: int
    size: int


class LeftOverError(StorageError):
    """Files are there still after they were deleted."""


def parts(lake: Lake) -> list[Part]:
    """Return every folder of payloads, of a table and of a table's quarantine, sorted by path.

    Whatever lies there is listed, unfinished writes and tables that no contract knows (any longer) too.
    """
    found = [f"{area}/{name}" for area in layout.AREAS for name in lake.files.folders(area)]
    return [_part(lake, path) for path in sorted(found)]


def of_vendor(found: Sequence[Part], own_tables: Collection[str] = OWN_TABLES) -> list[Part]:
    """Return the parts that hold a vendor's data: all but the tables that are Tosho's own."""
    own = {layout.table_path(table) for table in own_tables}
    return [part for part in found if part.path not in own]


def purge(lake: Lake, going: Sequence[Part], told: Callable[[str, int, int], None]) -> None:
    """Delete parts of the lake. Interrupted, it leaves the rest as it was; `parts` then tells what that is.

    Args:
        lake: Where.
        going: The parts.
        told: Told of each part that is gone, how many are, and how many there were.

    Raises:
        LeftOverError: Files are there still: somebody writes meanwhile.
        StorageError: A part leads out of the lake (a link). It was not touched, nor were those after it.
    """
    for done, part in enumerate(going, 1):
        lake.files.delete_folder(part.path)
        told(part.path, done, len(going))
    if left := [entry.path for part in going for entry in lake.files.tree(part.path)]:
        raise LeftOverError(
            f"{len(left)} files are in {lake.files.root} again, the first {left[0]}: something still writes there. "
            "Pause the Dags and purge once more."
        )


def _part(lake: Lake, path: str) -> Part:
    files = lake.files.tree(path)
    return Part(path, len(files), sum(entry.size for entry in files))
