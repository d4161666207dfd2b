"""Which codes and sectors the listings of a lake have named, now or earlier: delisted codes are known ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from tosho.quality.ledger import Ledger

TABLE = "securities"
_NAMED = ("code", "sector33")


@dataclass
class Listings:
    """The values that listings up to a session have named, by column. Sessions are to be taken one after the other.

    A listing before the first one taken is read only when something is unknown: those 1, 2, 4, 8 ... partitions
    before it, and the lake's first. Listings last for years, so that these find all but a code that was listed for
    less than the step between two of them.
    """

    ledger: Ledger
    _named: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in _NAMED})
    _first: date | None = None
    _looked_back: bool = False

    def take(self, session: date, listing: pl.DataFrame) -> None:
        """Add the listing of a session."""
        self._first = self._first or session
        for name, known in self._named.items():
            known.update(listing[name].drop_nulls().unique().to_list())

    def unknown(self, name: str, values: Iterable[str | None]) -> frozenset[str]:
        """Return the values that no listing has named in a column."""
        wanted = {value for value in values if value is not None}
        if wanted - self._named[name] and not self._looked_back and self._first:
            self._look_back(self._first)
        return frozenset(wanted - self._named[name])

    def _look_back(self, first: date) -> None:
        self._looked_back = True
        earlier = self.ledger.earlier(TABLE, first)[::-1]
        steps = {min(2**power, len(earlier)) for power in range(len(earlier).bit_length() + 1)}
        for step in sorted(steps - {0}):
            listing = self.ledger.lake.read(TABLE, earlier[step - 1], _NAMED)
            self.take(first, listing)
