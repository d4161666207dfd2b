"""Whether the lake still holds what was published, and what lies in it that nobody names."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import pyarrow.parquet as pq

from tosho.contracts import TABLES, features_contract
from tosho.storage import layout
from tosho.storage.files import Entry
from tosho.storage.lake import CorruptPartitionError, Lake, PartitionMissingError
from tosho.storage.manifest import Manifest, Version

Told = Callable[[str, int, int], None]
"""Receives the folder that is done, how many are, and how many there are."""

SIDE_BY_SIDE = 8
BATCH = 64
"""Folders that are under way together: so many results at most wait in memory, however long the lake."""

_KEY = ("session", "code")


@dataclass(frozen=True)
class Looked:
    """What was found in one partition's folder.

    `faults` are sentences; `orphans` are files that no manifest names, as a killed task leaves them; `lost` are earlier
    versions whose data is gone or damaged, each a fault too.
    """

    path: str
    manifest: Manifest | None = None
    faults: tuple[str, ...] = ()
    orphans: tuple[Entry, ...] = ()
    lost: tuple[Version, ...] = ()


def look(
    lake: Lake,
    tables: Sequence[str],
    first: date | None = None,
    last: date | None = None,
    told: Told = lambda *_: None,
) -> Iterator[Looked]:
    """Look at the partitions of some tables, in order: checksum, size, rows and columns of each data file.

    Those of earlier versions are held against the checksum and rows that the manifest tells of them.

    Args:
        lake: Where.
        tables: Their names.
        first: First session, included; all, if left out.
        last: Last session, included.
        told: Told of each folder that is done.
    """
    folders = [at for table in tables for at in _folders(lake, table, first, last)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for begin in range(0, len(folders), BATCH):
            batch = folders[begin : begin + BATCH]
            for place, looked in enumerate(pool.map(lambda at: _look_at(lake, *at), batch), begin + 1):
                told(looked.path, place, len(folders))
                yield looked


def sweep(lake: Lake, looked: Looked, before: datetime) -> None:
    """Remove what `look` found that is of no use: orphans last written before an instant, and lost versions' data.

    Younger orphans may belong to a task that has written a partition and not yet published it. Of a lost version the
    record stays.
    """
    for version in looked.lost:
        assert looked.manifest is not None  # who lost a version has a manifest
        lake.forget_data(looked.manifest.table, looked.manifest.session, version)
    for orphan in looked.orphans:
        if orphan.written < before and not _is_named(lake, orphan.path):  # a task may have published it since the look
            lake.files.delete(orphan.path)


def _is_named(lake: Lake, path: str) -> bool:
    """Tell whether the manifest beside a file names it now."""
    folder, _, name = path.rpartition("/")
    table, _, partition = folder.removeprefix("tables/").partition("/")
    try:
        return name in lake.manifest(table, layout.session_of(partition)).named()
    except (PartitionMissingError, ValueError):
        return False


def _folders(lake: Lake, table: str, first: date | None, last: date | None) -> Iterator[tuple[str, str, date | None]]:
    for name in lake.files.names(layout.table_path(table)):
        try:
            session = layout.session_of(name)
        except ValueError:
            yield table, name, None
        else:
            if (first or session) <= session <= (last or session):
                yield table, name, session


def _look_at(lake: Lake, table: str, folder: str, session: date | None) -> Looked:
    path = f"{layout.table_path(table)}/{folder}"
    if session is None:
        return Looked(path, faults=(f"{path} is no partition: it is not named session=<ISO date>. Move it away.",))
    try:
        manifest = lake.manifest(table, session)
    except PartitionMissingError:
        return Looked(path, orphans=_unnamed(lake, path, set()))
    except (CorruptPartitionError, OSError) as error:
        return Looked(path, faults=(_sentence(error),))  # what it named nobody knows, so nothing is an orphan
    if (manifest.table, manifest.session) != (table, session):
        told = f"{path} has the manifest of {manifest.table} of {manifest.session}. Publish the session again."
        return Looked(path, faults=(told,))
    present = _fault_of(lake, manifest, manifest.as_version(), _fault_of_columns)
    faulty = [(v, fault) for v in manifest.superseded if v.kept and (fault := _fault_of(lake, manifest, v))]
    lost = [version for version, _ in faulty if _is_lost(lake, manifest, version)]
    return Looked(
        path,
        manifest,
        (*filter(None, [present]), *(f"{fault} It is an earlier version's: see `lake sweep`." for _, fault in faulty)),
        _unnamed(lake, path, {layout.MANIFEST, *manifest.named()}),
        tuple(lost),
    )


def _is_lost(lake: Lake, manifest: Manifest, version: Version) -> bool:
    """Tell whether a version's data is gone or another's; a file that cannot be read just now may be sound."""
    try:
        data = lake.files.read(layout.data_path(manifest.table, manifest.session, version.file))
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return hashlib.sha256(data).hexdigest() != version.sha256


def _fault_of(
    lake: Lake, manifest: Manifest, version: Version, of_content: Callable[[Manifest, bytes], str] = lambda *_: ""
) -> str:
    what = f"Partition {manifest.table} of {manifest.session}"
    try:
        data = lake.files.read(layout.data_path(manifest.table, manifest.session, version.file))
    except OSError as error:
        return f"{what}: the file {version.file} cannot be read: {_sentence(error)}"
    if hashlib.sha256(data).hexdigest() != version.sha256:
        told = version.sha256[:16]
        return f"{what}: the file {version.file} has another checksum than its manifest tells ({told})."
    rows = pq.read_metadata(io.BytesIO(data)).num_rows
    if (rows, len(data)) != (version.rows, version.size):
        return f"{what} holds {rows} rows in {len(data)} bytes; its manifest says {version.rows} in {version.size}."
    return of_content(manifest, data)


def _fault_of_columns(manifest: Manifest, data: bytes) -> str:
    what = f"Partition {manifest.table} of {manifest.session}"
    found = dict(pl.read_parquet_schema(io.BytesIO(data)))
    if manifest.table == "features":  # the one table whose columns are those of its set
        contract = features_contract(tuple(name for name in found if name not in _KEY))
    elif manifest.table in TABLES:
        contract = TABLES[manifest.table]
    else:
        return f"{what}: no contract has that name, so nothing says which columns it must have."
    if list(found.items()) == list(contract.schema.items()):
        return ""
    differ = sorted({name for name, _ in found.items() ^ contract.schema.items()}) or "their order"
    return (
        f"{what} has other columns than its contract, different in {differ}: it was published under another one. "
        "Publish the session again."
    )


def _unnamed(lake: Lake, path: str, named: set[str]) -> tuple[Entry, ...]:
    return tuple(entry for entry in lake.files.tree(path) if entry.path.removeprefix(f"{path}/") not in named)


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, CorruptPartitionError) else f"{type(error).__name__}: {error}."
