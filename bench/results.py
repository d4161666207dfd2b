"""What was measured at a place, a file each, so that parts can be repeated by themselves; and all of it together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Entry = dict[str, Any]
Entries = dict[str, Entry]


@dataclass(frozen=True)
class Results:
    """Entries by name, as `local/full` or `growth/codes/500x250`."""

    folder: Path

    def put(self, name: str, entry: Entry) -> None:
        """Keep an entry in the place of the one before."""
        path = self.folder / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(entry, indent=1) + "\n")

    def all(self) -> Entries:
        """Return the entries by name, in the order in which they were first measured."""
        return dict(sorted(self._read(), key=lambda item: item[1]["at"]))

    def forget(self, under: str) -> None:
        """Drop the entries under a name."""
        for path in (self.folder / under).rglob("*.json"):
            path.unlink()

    def _read(self) -> Iterator[tuple[str, Entry]]:
        for path in self.folder.rglob("*.json"):
            yield path.relative_to(self.folder).with_suffix("").as_posix(), json.loads(path.read_text())
