"""What a store of predictions offers, whichever engine holds the rows."""

from __future__ import annotations

from datetime import date
from typing import Literal, NamedTuple, Protocol

import polars as pl

State = Literal["loaded", "already there"]


class SessionMissingError(LookupError):
    """Predictions were asked for a session of which none are loaded."""


class LoadMismatchError(ValueError):
    """The store does not hold what was sent to it."""


class LoadReport(NamedTuple):
    """What a load left in the store."""

    session: date
    rows: int
    fingerprint: int
    load_id: str
    state: State


class PredictionStore(Protocol):
    """Predictions by session. Any number of processes may read while others load."""

    def describe(self) -> str:
        """Return where the store is, without asking it; no secret in it."""

    def ping(self) -> str:
        """Return the engine's name and version.

        Raises:
            StoreUnavailableError: It does not answer, or refuses us.
        """

    def load(self, session: date, frame: pl.DataFrame) -> LoadReport:
        """Put a session's predictions in the place of whatever was there.

        Raises:
            ContractError: The frame breaks the contract `PREDICTIONS`.
            LoadRefusedError: No rows, rows of another session, a NaN, a value out of range.
            LoadMismatchError: What the store read back is not what was sent; readers still see what was there.
            StoreBusyError: The session is being loaded by somebody else for longer than the bound.
            StoreUnavailableError: The store does not answer.
        """

    def verify(self, session: date) -> LoadReport:
        """Count and fold the session's rows as they are stored now, against its commit.

        Raises:
            SessionMissingError: The session is not loaded.
            LoadMismatchError: Rows were lost, added or changed since the load.
        """

    def count(self, session: date) -> int:
        """Return the number of rows that readers see of a session; 0 where it is not loaded."""

    def fingerprint(self, session: date) -> int:
        """Return the fold of the session's row hashes, equal on every engine.

        Raises:
            SessionMissingError: The session is not loaded.
        """

    def read(self, session: date, horizon: int | None = None, model: str | None = None) -> pl.DataFrame:
        """Return a session's predictions by contract, ordered by key.

        Raises:
            SessionMissingError: The session is not loaded.
        """

    def top(self, session: date, horizon: int, n: int = 20, model: str | None = None) -> pl.DataFrame:
        """Return the n best ranks of a session and horizon, the best first; of each model, where no one is named.

        Raises:
            SessionMissingError: The session is not loaded.
        """

    def sessions(self) -> list[date]:
        """Return the loaded sessions, in order."""

    def drop_before(self, session: date) -> list[date]:
        """Remove all sessions before this one (retention) and return them."""
