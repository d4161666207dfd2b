"""What a key filled when it was last asked, so that an evening need not ask everything again.

Plan free allows five requests a minute, and its probe is six: every evening would begin with a minute of waiting for an
answer that changes once a year. It is kept for a week, in the installation's home, and is of one account: another key,
address or plan is asked at once. What is kept names tables and a digest, never the key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, NamedTuple

from tosho.ingest.jquants import JQuantsClient
from tosho.storage import Files

GOOD_FOR: Final = timedelta(days=7)
_FILE: Final = "jquants/admitted.json"


class Told(NamedTuple):
    """Tables that a key fills, and the day on which it was asked."""

    tables: list[str]
    on: date


@dataclass(frozen=True)
class LastProbe:
    """The file in which it is kept. An installation without a home forgets.

    Attributes:
        home: Folder of the installation, "" for none.
    """

    home: str

    def recall(self, client: JQuantsClient, today: date) -> Told | None:
        """Return what a client's account was told lately; None where it is to be asked."""
        try:
            kept = json.loads(self._files.read(_FILE)) if self.home else {}
            told = Told([str(table) for table in kept["tables"]], date.fromisoformat(kept["on"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None  # nothing was kept, or not as it is kept today
        young = timedelta(0) <= today - told.on < GOOD_FOR
        return told if young and (kept.get("account"), kept.get("plan")) == (client.account, client.plan) else None

    def keep(self, client: JQuantsClient, tables: Sequence[str], today: date) -> None:
        """Keep what an account was told, in the place of what was there."""
        kept = {"account": client.account, "plan": client.plan, "on": today.isoformat(), "tables": list(tables)}
        if self.home:
            self._files.write(_FILE, json.dumps(kept).encode())

    def forget(self) -> None:
        """Have the next run ask."""
        if self.home and self._files.exists(_FILE):
            self._files.delete(_FILE)

    @property
    def _files(self) -> Files:
        return Files(f"file://{self.home}")
