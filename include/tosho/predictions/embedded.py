"""The embedded store: each load one Parquet file, the newest commit one small file, queries by chdb.

    <root>/sessions/session=2018-11-16/rows-<load_id>.parquet
    <root>/sessions/session=2018-11-16/commit.json
    <root>/locks/session=2018-11-16.lock

Readers take no lock: they follow `commit.json`, which is replaced atomically. So any number of processes read
beside a writer. Writers of one session exclude each other by a lock on a local file, which the kernel frees when
its holder dies; a network filesystem must honour `flock`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from tosho.predictions import local_engine, schema
from tosho.predictions.engine import Commit, StoreUnavailableError, Tally
from tosho.predictions.locks import file_lock
from tosho.storage import Files, parquet_bytes

_COMMIT = "commit.json"
_GLOB = set("*?{}")
_STRUCTURE = schema.literal(schema.structure())


class EmbeddedEngine:
    """Predictions under one folder of this machine."""

    def __init__(self, uri: str, lock_bound_s: float) -> None:
        parts = urlsplit(uri)
        if parts.scheme != "file" or not parts.path.startswith("/") or _GLOB & set(parts.path):
            raise StoreUnavailableError(
                f"The embedded store's uri is {uri!r}; it must be file:// with an absolute path and none of * ? {{ }}. "
                "Set TOSHO_STORE_URI, or TOSHO_STORE_KIND=server for a ClickHouse server."
            )
        self._root = Path(parts.path.rstrip("/") or "/")
        self._files = Files(f"file://{self._root}")
        self._lock_bound_s = lock_bound_s

    @property
    def where(self) -> str:
        """The place, for sentences."""
        return f"the embedded store {self._files.root}"

    def ping(self) -> str:
        """Return the engine's name and version, having written and removed a file."""
        self._files.write("locks/ping", b"")
        self._files.delete("locks/ping")
        return f"chdb {local_engine.version()}"

    def prepare(self) -> None:
        """Nothing has to exist: folders come with files."""

    def locked(self, session: date) -> AbstractContextManager[None]:
        """Hold the session's lock."""
        path = self._root / "locks" / f"session={session}.lock"
        return file_lock(
            path, self._lock_bound_s, f"Session {session} is being loaded into {self.where} by another process"
        )

    def newest(self, session: date) -> Commit | None:
        """Return the session's commit."""
        try:
            told = json.loads(self._files.read(f"{_folder(session)}/{_COMMIT}"))
        except FileNotFoundError:
            return None
        return Commit(**told | {"session": date.fromisoformat(told["session"])})

    def committed(self) -> list[date]:
        """Return the sessions that have a commit."""
        return [s for s in self.stored() if self._files.exists(f"{_folder(s)}/{_COMMIT}")]

    def stored(self) -> list[date]:
        """Return the sessions that have a folder."""
        return [date.fromisoformat(name.removeprefix("session=")) for name in self._files.names("sessions")]

    def select(self, session: date, load_id: str, what: str, where: Sequence[str] = (), tail: str = "") -> pl.DataFrame:
        """Return a query's answer over one load."""
        source = f"file({schema.literal(str(self._path(session, load_id)))}, Parquet, {_STRUCTURE})"
        condition = " AND ".join(["1", *where])
        return local_engine.ask(f"SELECT {what} FROM {source} WHERE {condition} {tail}")  # noqa: S608 - literals escaped

    def tally(self, session: date, load_id: str) -> Tally:
        """Count and fold one load's rows, read back from the file."""
        if not self._path(session, load_id).exists():
            return Tally(0, 0)
        return Tally(*self.select(session, load_id, schema.tally()).row(0))

    def put(self, session: date, load_id: str, rows: pl.DataFrame) -> None:
        """Write a load's file, whole."""
        self._files.write(f"{_folder(session)}/{_file(load_id)}", parquet_bytes(rows))

    def commit(self, commit: Commit) -> None:
        """Replace the session's commit."""
        told = json.dumps(commit._asdict(), default=str, sort_keys=True) + "\n"
        self._files.write(f"{_folder(commit.session)}/{_COMMIT}", told.encode())

    def keep_only(self, session: date, load_ids: set[str]) -> None:
        """Remove other loads' files, and what killed writers left half written."""
        kept = {_COMMIT, *map(_file, load_ids)}
        for path in (self._root / _folder(session)).iterdir():
            if path.name not in kept:
                path.unlink()

    def drop(self, session: date) -> None:
        """Remove the session's folder, commit first."""
        (self._root / _folder(session) / _COMMIT).unlink(missing_ok=True)
        self._files.delete_folder(_folder(session))

    def _path(self, session: date, load_id: str) -> Path:
        return self._root / _folder(session) / _file(load_id)


def _folder(session: date) -> str:
    return f"sessions/session={session}"


def _file(load_id: str) -> str:
    return f"rows-{load_id}.parquet"
