"""Which codes the listings of a lake have named, now or earlier: a delisted code is a known one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from tosho.quality.ledger import Ledger

TABLE = "securities"


@dataclass
class Listings:
    """The codes that the listings taken so far have named. Sessions are to be taken one after the other.

    A listing before the first one taken is read only when a code is unknown: those 1, 2, 4, 8 ... partitions before
    it, and the lake's first. A listing lasts for years, so that these find all but a code that was listed for less
    than the step between two of them.
    """

    ledger: Ledger
    _named: set[str] = field(default_factory=set)
    _first: date | None = None
    _looked_back: bool = False

    def take(self, session: date, codes: pl.Series) -> None:
        """Add the codes of a session's listing."""
        self._first = self._first or session
        self._named.update(codes.to_list())

    def unknown(self, codes: Iterable[str]) -> frozenset[str]:
        """Return the codes that no listing has named."""
        wanted = set(codes)
        if self._first and not self._looked_back and wanted - self._named:
            self._looked_back = True
            self._look_back(self._first)
        return frozenset(wanted - self._named)

    def _look_back(self, first: date) -> None:
        earlier = self.ledger.earlier(TABLE, first)[::-1]
        steps = {min(2**power, len(earlier)) for power in range(len(earlier).bit_length() + 1)} - {0}
        for step in sorted(steps):
            self._named.update(self.ledger.lake.read(TABLE, earlier[step - 1], ["code"])["code"].to_list())
