"""What a place for predictions must be able to do, so that the load protocol can be written once."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import NamedTuple, Protocol

import polars as pl


class StoreError(RuntimeError):
    """The store refused a query."""


class StoreUnavailableError(ConnectionError):
    """The store cannot be reached, or refuses us."""


class StoreBusyError(TimeoutError):
    """Somebody else is loading the same session, and did not finish within the bound."""


class Tally(NamedTuple):
    """How many rows, and the fold of their hashes."""

    row_count: int
    fingerprint: int


class Commit(NamedTuple):
    """The record that makes a load of a session visible."""

    session: date
    load_id: str
    sequence: int
    row_count: int
    fingerprint: int

    @property
    def tally(self) -> Tally:
        """What was sent when this load was committed."""
        return Tally(self.row_count, self.fingerprint)


class Engine(Protocol):
    """One place. Rows of a load are addressed by session and load_id; a commit names the load that counts."""

    @property
    def where(self) -> str:
        """The place, for sentences; no secret in it."""

    def ping(self) -> str:
        """Return the engine's name and version; raise StoreUnavailableError where it does not answer."""

    def prepare(self) -> None:
        """Make what must exist before the first load."""

    def locked(self, session: date) -> AbstractContextManager[None]:
        """Hold the session's lock for a block; raise StoreBusyError after the bound."""

    def newest(self, session: date) -> Commit | None:
        """Return the session's newest commit, if it has one."""

    def committed(self) -> list[date]:
        """Return the sessions that have a commit, in order."""

    def stored(self) -> list[date]:
        """Return the sessions of which anything is stored, committed or left by a dead load, in order."""

    def select(self, session: date, load_id: str, what: str, where: Sequence[str] = (), tail: str = "") -> pl.DataFrame:
        """Return `SELECT what` over one load's rows; raise StoreError where the rows cannot be read."""

    def tally(self, session: date, load_id: str) -> Tally:
        """Count and fold one load's rows as they are stored now; of a load that was never put, no rows."""

    def put(self, session: date, load_id: str, rows: pl.DataFrame) -> None:
        """Store a load's rows in the place of what a dead attempt at the same load left."""

    def commit(self, commit: Commit) -> None:
        """Make a load the one that counts, at once and whole."""

    def keep_only(self, session: date, load_ids: set[str]) -> None:
        """Remove the session's other loads."""

    def drop(self, session: date) -> None:
        """Remove the session: its commits first, so that no reader finds a commit without rows."""
