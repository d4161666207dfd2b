"""How often each feature is null on the demo market: measured on a lake, kept in a file, read by the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from tosho.features import columns
from tosho.storage import Lake

DIGITS = 4


class NotMeasurableError(LookupError):
    """The lake does not hold the features that are to be looked at."""


@dataclass(frozen=True)
class Market:
    """The simulated market that a lake was taken in from: sessions counts all of them, the warming up too."""

    seed: int
    codes: int
    sessions: int


@dataclass(frozen=True)
class NullShares:
    """What was looked at, ISO dates included, and the share of its rows in which each feature is null, from 0 to 1."""

    market: Market
    feature_set: str
    number: int
    first: str
    last: str
    sessions: int
    rows: int
    shares: Mapping[str, float]

    @classmethod
    def read(cls, path: Path) -> NullShares:
        """Return what a file says that `write` has written.

        Raises:
            FileNotFoundError: There is none.
        """
        if not path.exists():
            raise FileNotFoundError(
                f"{path} was looked for, with the features' shares of nulls, and is not there. Go to the project's "
                "folder, or measure them: python -m tosho features nulls."
            )
        known = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**known, "market": Market(**known["market"])})

    def write(self, path: Path) -> None:
        """Write a file that `read` reads: JSON, one feature a line."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def measure(lake: Lake, sessions: int, market: Market) -> NullShares:
    """Return the shares of nulls over the newest sessions of which a lake has features.

    Args:
        lake: Where.
        sessions: How many.
        market: What the lake was taken in from.

    Raises:
        NotMeasurableError: It has fewer sessions with features, or they are of several sets.
    """
    newest = lake.sessions("features")[-sessions:]
    if len(newest) < sessions:
        raise NotMeasurableError(
            f"The newest {sessions} sessions with features were asked for; {lake.files.root} has {len(newest)}. "
            "Build more: python -m tosho features build."
        )
    facts = [lake.manifest("features", session).facts for session in newest]
    sets = {(str(fact["feature_set"]), int(str(fact["number"]))) for fact in facts}
    if len(sets) > 1:
        raise NotMeasurableError(
            f"The features of {newest[0]} to {newest[-1]} in {lake.files.root} are of the sets {sorted(sets)}; one is "
            "needed. Build one set over all of them: python -m tosho features build."
        )
    rows = lake.read_many("features", newest)
    null = rows.select(pl.exclude(columns.KEY).is_null().mean().round(DIGITS)).row(0, named=True)
    ((name, number),) = sets
    return NullShares(
        market, name, number, newest[0].isoformat(), newest[-1].isoformat(), len(newest), rows.height, null
    )
