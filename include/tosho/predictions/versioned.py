"""The load protocol, once, over any engine.

1. Rows are checked, and named by `load_id`, a hash of session and content; count and fingerprint are taken by chdb.
2. The session is locked against other writers.
3. The newest commit has this load_id and its rows are sound: nothing to do.
4. Otherwise the rows are put under (session, load_id), where a dead attempt at the same load is cleared first.
5. Count and fingerprint are read back from the store and compared with what was sent.
6. One commit makes the load visible.
7. Older loads go, except the one just replaced: a reader who began on it can finish.

A process killed between any two steps leaves the previous load visible, and running the load again completes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import TypeVar

import polars as pl

from tosho.observability.log import logger
from tosho.predictions import local_engine, rows, schema
from tosho.predictions.engine import Commit, Engine, StoreBusyError, StoreError, Tally
from tosho.predictions.store import LoadMismatchError, LoadReport, SessionMissingError, State

READ_ATTEMPTS = 20
T = TypeVar("T")
_log = logger(__name__)


@dataclass(frozen=True)
class VersionedStore:
    """A `PredictionStore` over one engine."""

    engine: Engine

    def describe(self) -> str:
        """Return where the store is."""
        return self.engine.where

    def ping(self) -> str:
        """Return the engine's name and version."""
        return self.engine.ping()

    def load(self, session: date, frame: pl.DataFrame) -> LoadReport:
        """Put a session's predictions in the place of whatever was there."""
        good = rows.checked(session, frame)
        load_id, sent = rows.load_id(session, good), local_engine.tally_of(rows.widened(good))
        self.engine.prepare()
        with self.engine.locked(session):
            state = self._load(session, load_id, sent, good)
        _log.info(
            "Predictions of %s: %d rows, load %s, %s in %s.", session, sent.row_count, load_id, state, self.describe()
        )
        return LoadReport(session, sent.row_count, sent.fingerprint, load_id, state)

    def verify(self, session: date) -> LoadReport:
        """Count and fold the session's rows against its commit."""
        commit, found = self._stable(session, lambda c: (c, self.engine.tally(session, c.load_id)))
        self._compare(commit.session, commit.load_id, commit.tally, found)
        return LoadReport(session, found.row_count, found.fingerprint, commit.load_id, "already there")

    def count(self, session: date) -> int:
        """Return the number of rows of a session."""
        try:
            return self._tally(session).row_count
        except SessionMissingError:
            return 0

    def fingerprint(self, session: date) -> int:
        """Return the fold of the session's row hashes."""
        return self._tally(session).fingerprint

    def read(self, session: date, horizon: int | None = None, model: str | None = None) -> pl.DataFrame:
        """Return a session's predictions by contract."""
        return rows.restored(self._select(session, _conditions(horizon, model), ""))

    def top(self, session: date, horizon: int, n: int = 20, model: str | None = None) -> pl.DataFrame:
        """Return the n best ranks of a session and horizon."""
        found = self._select(
            session, _conditions(horizon, model), f"ORDER BY rank, model, code LIMIT {int(n)} BY model"
        )
        return rows.restored(found).sort("rank", "model", "code")

    def sessions(self) -> list[date]:
        """Return the loaded sessions."""
        return self.engine.committed()

    def drop_before(self, session: date) -> list[date]:
        """Remove all sessions before this one."""
        old = [stored for stored in self.engine.stored() if stored < session]
        for each in old:
            with self.engine.locked(each):
                self.engine.drop(each)
        return old

    def _load(self, session: date, load_id: str, sent: Tally, good: pl.DataFrame) -> State:
        newest = self.engine.newest(session)
        sound = self._sound(session, load_id, sent)
        if sound and newest and newest.load_id == load_id:
            return "already there"
        if not sound:
            self.engine.put(session, load_id, rows.stored(good))
            self._compare(session, load_id, sent, self.engine.tally(session, load_id))
        self.engine.commit(Commit(session, load_id, newest.sequence + 1 if newest else 1, *sent))
        self.engine.keep_only(session, {load_id, newest.load_id} if newest else {load_id})
        return "loaded"

    def _sound(self, session: date, load_id: str, sent: Tally) -> bool:
        """Tell whether a load is stored already, whole; rows that cannot be read are not."""
        try:
            return self.engine.tally(session, load_id) == sent
        except StoreError as error:
            _log.warning(
                "Predictions of %s, load %s: stored rows cannot be read, they are put anew. %s", session, load_id, error
            )
            return False

    def _compare(self, session: date, load_id: str, sent: Tally, found: Tally) -> None:
        if found != sent:
            raise LoadMismatchError(
                f"Predictions of {session}, load {load_id}: {sent.row_count} rows with fingerprint "
                f"{sent.fingerprint:016x} were sent, and {self.describe()} holds {found.row_count} with "
                f"{found.fingerprint:016x}. "
                "They must be equal. Load the session again; if it stays so, check the store's disk."
            )

    def _tally(self, session: date) -> Tally:
        return self._stable(session, lambda c: self.engine.tally(session, c.load_id))

    def _select(self, session: date, where: list[str], tail: str) -> pl.DataFrame:
        return self._stable(session, lambda c: self.engine.select(session, c.load_id, schema.names(), where, tail))

    def _stable(self, session: date, ask: Callable[[Commit], T]) -> T:
        """Return an answer about one load that was there, whole, from the question to the answer."""
        for _ in range(READ_ATTEMPTS):
            commit = self._newest(session)
            try:
                answer = ask(commit)
            except StoreError:
                if not self._overtaken(commit):
                    raise
            else:
                if not self._overtaken(commit):
                    return answer
        raise StoreBusyError(
            f"Session {session} was replaced at least twice during each of {READ_ATTEMPTS} readings from "
            f"{self.describe()}. Find out what loads it without end."
        )

    def _newest(self, session: date) -> Commit:
        commit = self.engine.newest(session)
        if commit is None:
            loaded = self.sessions()
            held = f"it holds {len(loaded)} sessions, {loaded[0]} .. {loaded[-1]}" if loaded else "it holds no session"
            raise SessionMissingError(
                f"No predictions of session {session} in {self.describe()}; {held}. "
                "Run daily_predictions for the session first."
            )
        return commit

    def _overtaken(self, commit: Commit) -> bool:
        """Tell whether a load's rows may be gone: those of the newest and of the one before it are kept."""
        newest = self.engine.newest(commit.session)
        return newest is None or newest.sequence - commit.sequence not in (0, 1)


def _conditions(horizon: int | None, model: str | None) -> list[str]:
    wanted = [] if horizon is None else [f"horizon = {int(horizon)}"]
    return wanted if model is None else [*wanted, f"model = {schema.literal(model)}"]
