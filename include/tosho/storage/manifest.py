"""What a published partition says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date


@dataclass(frozen=True)
class Source:
    """One raw payload that a partition was made from."""

    request: str
    sha256: str
    fetched_at: str  # ISO 8601, UTC: when these bytes first arrived


@dataclass(frozen=True)
class Manifest:
    """A partition exists when its manifest does. It names the one data file that readers may follow."""

    table: str
    session: date
    rows: int
    file: str
    sha256: str
    size: int
    sources: tuple[Source, ...] = ()
    quarantined: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return the manifest as it is stored: keys sorted, so that equal content has equal bytes."""
        return (json.dumps(asdict(self), default=str, sort_keys=True, indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Return the manifest that `to_json` wrote."""
        content = json.loads(data)
        content["session"] = date.fromisoformat(content["session"])
        content["sources"] = tuple(Source(**source) for source in content["sources"])
        return cls(**content)
