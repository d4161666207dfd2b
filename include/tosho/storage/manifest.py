"""What a published partition says of itself, and of the versions that it took the place of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple

VERSIONS_KEPT = 8
"""Earlier versions of a partition whose data files stay. Of older ones the record stays."""

DERIVED_KEPT = {"features": 1, "labels": 1}
"""Tables that are large and can be made again: one repaired bar makes hundreds of their partitions anew."""


@dataclass(frozen=True)
class Source:
    """One raw payload that a partition was made from."""

    request: str
    sha256: str
    fetched_at: str  # ISO 8601, UTC: when these bytes first arrived


@dataclass(frozen=True)
class Version:
    """What a partition was before it was replaced. `kept` tells whether its data file is still there."""

    file: str
    sha256: str
    rows: int
    size: int
    sources: tuple[Source, ...] = ()
    quarantined: Mapping[str, int] = field(default_factory=dict)
    kept: bool = True


@dataclass(frozen=True)
class Manifest:
    """A partition exists when its manifest does. It names the one data file that readers follow.

    `superseded` are the versions before this one, newest last. Content that comes back after something else took its
    place is listed once, at its latest end.
    """

    table: str
    session: date
    rows: int
    file: str
    sha256: str
    size: int
    sources: tuple[Source, ...] = ()
    quarantined: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    superseded: tuple[Version, ...] = ()

    def after(self, before: Manifest) -> Manifest:
        """Return this manifest with the history of the one whose place it takes.

        Equal data makes no version, whatever else is said of it: publishing it again changes nothing.
        """
        versions = before.superseded
        if before.sha256 != self.sha256:
            ended = before.as_version()
            versions = (*(version for version in versions if replace(version, kept=True) != ended), ended)
        bound = len(versions) - DERIVED_KEPT.get(self.table, VERSIONS_KEPT)
        kept = (replace(version, kept=version.kept and place >= bound) for place, version in enumerate(versions))
        return replace(self, superseded=tuple(kept))

    def as_version(self) -> Version:
        """Return what a later manifest says of this one."""
        return Version(self.file, self.sha256, self.rows, self.size, self.sources, self.quarantined)

    def versions(self) -> tuple[Version, ...]:
        """Return every version that is known of, newest last: the one that is published."""
        return (*self.superseded, self.as_version())

    def named(self) -> set[str]:
        """Return the names of the data files that must be there."""
        return {version.file for version in self.versions() if version.kept}

    def to_json(self) -> bytes:
        """Return the manifest as it is stored: keys sorted, so that equal content has equal bytes."""
        content = asdict(self)
        if not self.superseded:  # as it was stored before there were versions
            del content["superseded"]
        return (json.dumps(content, default=str, sort_keys=True, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Return the manifest that `to_json` wrote."""
        content = _with_sources(json.loads(data))
        content["session"] = date.fromisoformat(content["session"])
        versions = (Version(**_with_sources(version)) for version in content.get("superseded", ()))
        return cls(**{**content, "superseded": tuple(versions)})


class Stamp(NamedTuple):
    """What tells one content of a partition from another."""

    sha256: str
    rows: int

    @classmethod
    def from_json(cls, data: bytes) -> Stamp:
        """Return the stamp of the manifest that `to_json` wrote."""
        content = json.loads(data)
        return cls(str(content["sha256"]), int(content["rows"]))


def _with_sources(content: dict[str, Any]) -> dict[str, Any]:
    return {**content, "sources": tuple(Source(**source) for source in content["sources"])}
