"""The lake: tables of Parquet partitions by session, each published whole or not at all."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

import polars as pl

from tosho.config import Settings
from tosho.contracts import TABLES, Contract
from tosho.observability.log import logger
from tosho.storage import layout
from tosho.storage.encoding import parquet_bytes, wide_bytes
from tosho.storage.files import Files
from tosho.storage.manifest import Manifest, Source, Stamp, Version

_log = logger(__name__)

Told = TypeVar("Told", Manifest, Stamp)


class PartitionMissingError(LookupError):
    """A table has no published partition for a session that was asked for."""


class CorruptPartitionError(ValueError):
    """A partition's bytes are not those that its manifest names, or the manifest itself cannot be read."""


@dataclass(frozen=True)
class Lake:
    """Tables under one root. Small enough to send to a worker: it holds settings, no connection."""

    files: Files

    @classmethod
    def of(cls, settings: Settings) -> Lake:
        """Return the lake of an installation."""
        return cls(Files(settings.lake, settings.s3))

    def publish(  # noqa: PLR0913 - each is a field of the manifest
        self,
        table: str,
        session: date,
        frame: pl.DataFrame,
        *,
        contract: Contract | None = None,
        sources: Sequence[Source] = (),
        quarantined: Mapping[str, int] | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> Manifest:
        """Check a session's rows against the contract and put them in the place of whatever was there.

        The data file's name is its checksum, and the manifest is written last: a task that dies in between
        leaves what was published before, and the same task run again leaves the same bytes. Other data that was there
        becomes a version of the past: see `Manifest.superseded` and `read_version`.

        Raises:
            ContractError: A row or column breaks the contract, given or that of `TABLES`.
            StorageError: The lake could not be written.
        """
        return self.commit(
            self.stage(table, session, frame, contract=contract, sources=sources, quarantined=quarantined, facts=facts)
        )

    def stage(  # noqa: PLR0913 - as `publish`
        self,
        table: str,
        session: date,
        frame: pl.DataFrame,
        *,
        contract: Contract | None = None,
        sources: Sequence[Source] = (),
        quarantined: Mapping[str, int] | None = None,
        facts: Mapping[str, object] | None = None,
    ) -> Manifest:
        """Write a session's data file beside what is published, unseen by readers until `commit`.

        The first half of `publish`, for a worker that computes a partition which another process publishes.

        Raises:
            ContractError: A row or column breaks the contract, given or that of `TABLES`.
            StorageError: The lake could not be written.
        """
        promised = contract or TABLES[table]
        encoded = wide_bytes if promised.is_wide else parquet_bytes
        data = encoded(promised.conform(frame))
        digest = hashlib.sha256(data).hexdigest()
        file = f"part-{digest[:16]}.parquet"
        self.files.write(layout.data_path(table, session, file), data)
        return Manifest(
            table, session, frame.height, file, digest, len(data), tuple(sources), quarantined or {}, facts or {}
        )

    def commit(self, staged: Manifest) -> Manifest:
        """Publish a staged partition: from here on readers follow its manifest, which is returned.

        Of two at once, one waits for the other and has it as a version. Not so in an object store, which cannot hold
        anybody back: there the one that ends later may not know of the other.

        Raises:
            PartitionMissingError: The staged data file is gone.
            StorageError: The lake could not be written.
        """
        if not self.files.exists(layout.data_path(staged.table, staged.session, staged.file)):
            raise PartitionMissingError(
                f"Table {staged.table}, session {staged.session}: the staged file {staged.file} is not in "
                f"{self.files.root}. What was published before still is; run the task again."
            )
        with self.files.alone(layout.partition_path(staged.table, staged.session)):
            before = self._published(staged.table, staged.session)
            manifest = staged.after(before) if before else staged
            self.files.write(layout.manifest_path(staged.table, staged.session), manifest.to_json())
            self._drop_data(manifest)
        return manifest

    def discard(self, staged: Manifest) -> None:
        """Remove a staged data file, unless the published manifest names it, be it as an earlier version."""
        path = layout.data_path(staged.table, staged.session, staged.file)
        published = self._published(staged.table, staged.session)
        if (not published or staged.file not in published.named()) and self.files.exists(path):
            self.files.delete(path)

    def _published(self, table: str, session: date) -> Manifest | None:
        """Return what is published; a damaged manifest can be replaced and knows of no version."""
        try:
            return self.manifest(table, session)
        except PartitionMissingError:
            return None
        except CorruptPartitionError as error:
            _log.warning("%s Its earlier versions are no longer known.", error)
            return None

    def _drop_data(self, manifest: Manifest) -> None:
        """Remove the data files of versions that are kept no longer; also those that a killed commit left."""
        gone = {version.file for version in manifest.superseded} - manifest.named()
        if gone:
            folder = layout.partition_path(manifest.table, manifest.session)
            for name in gone.intersection(self.files.names(folder)):
                self.files.delete(f"{folder}/{name}")

    def forget_data(self, table: str, session: date, version: Version) -> None:
        """Keep of an earlier version only the record, and remove its data file if it is there."""
        before = self.manifest(table, session)
        told = tuple(replace(known, kept=False) if known == version else known for known in before.superseded)
        manifest = replace(before, superseded=told)
        self.files.write(layout.manifest_path(table, session), manifest.to_json())
        self._drop_data(manifest)

    def manifest(self, table: str, session: date) -> Manifest:
        """Return the manifest of a partition.

        Raises:
            PartitionMissingError: The session was not published.
            CorruptPartitionError: The manifest cannot be read.
        """
        return self._told(table, session, Manifest.from_json)

    def _told(self, table: str, session: date, read: Callable[[bytes], Told]) -> Told:
        try:
            return read(self.files.read(layout.manifest_path(table, session)))
        except FileNotFoundError as error:
            raise PartitionMissingError(
                f"Table {table} has no partition for session {session} in {self.files.root}. "
                "Ingest or compute it first."
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise CorruptPartitionError(
                f"Partition {table} of {session} cannot be read: its manifest is no manifest "
                f"({type(error).__name__}: {error}). Publish the session again."
            ) from error

    def stamp(self, table: str, session: date) -> Stamp:
        """Return what tells a partition's content, of its manifest: asked of thousands of sessions.

        Raises:
            PartitionMissingError: The session was not published.
            CorruptPartitionError: The manifest cannot be read.
        """
        return self._told(table, session, Stamp.from_json)

    def has(self, table: str, session: date) -> bool:
        """Tell whether a session was published."""
        return self.files.exists(layout.manifest_path(table, session))

    def sessions(self, table: str, first: date | None = None, last: date | None = None) -> list[date]:
        """Return the published sessions of a table, in order, within the bounds (both included)."""
        folders = layout.sessions_of(self.files.names(layout.table_path(table)))
        wanted = [s for s in folders if (first or s) <= s <= (last or s)]
        published = self.files.each(lambda s: self.has(table, s), wanted)
        return [session for session, there in zip(wanted, published, strict=True) if there]

    def read(self, table: str, session: date, columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return one partition, ordered by key.

        Raises:
            PartitionMissingError: The session was not published.
            CorruptPartitionError: The data file is not the one that was published.
        """
        manifest = self.manifest(table, session)
        try:
            return self._data(manifest, manifest.as_version(), columns)
        except FileNotFoundError:
            newer = self.manifest(table, session)
            if newer.file == manifest.file:
                raise
            return self._data(newer, newer.as_version(), columns)  # it was replaced twice since its manifest was read

    def read_version(self, table: str, session: date, sha256: str) -> pl.DataFrame:
        """Return a partition as it is or was: the version whose checksum begins with `sha256`, ordered by key.

        Raises:
            PartitionMissingError: The session was not published, it never had that version, or only the record of it
                was kept.
            CorruptPartitionError: The data file is not the one that was published.
        """
        manifest = self.manifest(table, session)
        found = [version for version in manifest.versions() if version.sha256.startswith(sha256)]
        if not found or not found[-1].kept:
            has = ", ".join(
                f"{version.sha256[:16]}{'' if version.kept else ' (record)'}" for version in manifest.versions()
            )
            raise PartitionMissingError(
                f"Partition {table} of {session} has no data of version {sha256!r}; its versions are {has}. Of the "
                f"oldest only a record is kept."
            )
        return self._data(manifest, found[-1])

    def _data(self, manifest: Manifest, version: Version, columns: Sequence[str] | None = None) -> pl.DataFrame:
        data = self.files.read(layout.data_path(manifest.table, manifest.session, version.file))
        if hashlib.sha256(data).hexdigest() != version.sha256:
            raise CorruptPartitionError(
                f"Partition {manifest.table} of {manifest.session}: the file {version.file} has another checksum than "
                f"its manifest tells ({version.sha256[:16]}). Publish the session again; nothing was read."
            )
        return pl.read_parquet(io.BytesIO(data), columns=list(columns) if columns else None)

    def read_many(self, table: str, sessions: Iterable[date], columns: Sequence[str] | None = None) -> pl.DataFrame:
        """Return the partitions of several sessions as one frame, in the order of the sessions.

        Raises:
            PartitionMissingError: One of them was not published, or none was asked for.
        """
        with ThreadPoolExecutor(4) as pool:
            frames = list(pool.map(lambda s: self.read(table, s, columns), sessions))
        if not frames:
            raise PartitionMissingError(f"No session of table {table} was asked for in {self.files.root}.")
        return pl.concat(frames)

    def quarantine(self, table: str, session: date, bad: pl.DataFrame) -> None:
        """Keep rows that broke the contract, with the rule's name, in the place of the session's earlier ones."""
        path = f"{layout.quarantine_path(table, session)}/rows.parquet"
        if bad.height:
            self.files.write(path, parquet_bytes(bad))
        elif self.files.exists(path):
            self.files.delete(path)

    def tables(self) -> list[str]:
        """Return the names of the tables that have a folder."""
        return self.files.names("tables")
