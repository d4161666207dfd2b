"""Files of a lake root, on disk or in an object store, with the one promise that matters: whole or not at all."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

import pyarrow.fs as pafs

from tosho.config import S3

SIDE_BY_SIDE = 16
Item = TypeVar("Item")
Found = TypeVar("Found")


class StorageError(OSError):
    """The lake could not be read or written; what was there before is still there."""


class Entry(NamedTuple):
    """One file: its path relative to the root, its size in bytes, and when it was last written (UTC)."""

    path: str
    size: int
    written: datetime


@dataclass(frozen=True)
class Files:
    """The files under a root URI, `file:///path` or `s3://bucket/prefix`. Paths are relative to the root."""

    root: str
    s3: S3 = field(default_factory=S3)

    @cached_property
    def _filesystem(self) -> pafs.FileSystem:
        scheme = urlsplit(self.root).scheme
        if scheme == "file":
            return pafs.LocalFileSystem()
        if scheme != "s3":
            raise StorageError(f"The lake's root is {self.root!r}; it must begin with file:// or s3://.")
        return pafs.S3FileSystem(
            region=self.s3.region,
            access_key=self.s3.access_key or None,
            secret_key=self.s3.secret_key or None,
            endpoint_override=self.s3.endpoint or None,
        )

    def __getstate__(self) -> dict[str, object]:
        """Travel to workers as settings alone; a connection is made where it is used."""
        return {"root": self.root, "s3": self.s3}

    @cached_property
    def _base(self) -> str:
        parts = urlsplit(self.root)
        return f"{parts.netloc}{parts.path}"

    @cached_property
    def _is_local(self) -> bool:
        return isinstance(self._filesystem, pafs.LocalFileSystem)

    def _at(self, path: str) -> str:
        return f"{self._base}/{path}" if path else self._base

    def uri(self, path: str) -> str:
        """Return the full URI of a path."""
        return f"{self.root}/{path}"

    def each(self, function: Callable[[Item], Found], items: Iterable[Item]) -> Iterator[Found]:
        """Yield a function's answers about items, in order: side by side where an answer takes the network's time."""
        if self._is_local:
            yield from map(function, items)
            return
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            yield from pool.map(function, items)

    def exists(self, path: str) -> bool:
        """Tell whether a file is there."""
        if self._is_local:
            return os.path.isfile(self._at(path))  # noqa: PTH113 - asked thousands of times, and Path is slower
        return bool(self._filesystem.get_file_info(self._at(path)).type == pafs.FileType.File)

    def read(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: Nothing is there.
        """
        if self._is_local:
            with open(self._at(path), "rb") as file:  # noqa: PTH123 - as in `exists`
                return file.read()
        with self._filesystem.open_input_stream(self._at(path), compression=None) as stream:
            return bytes(stream.read())

    def write(self, path: str, data: bytes) -> None:
        """Put a file in place, whole: a reader sees the old bytes or the new ones.

        Raises:
            StorageError: The write failed (a full disk, refused credentials). What was there is unharmed.
        """
        try:
            if self._is_local:
                self._write_by_rename(self._at(path), data)
            else:  # an object appears when its PUT is complete, and not before
                with self._filesystem.open_output_stream(self._at(path), compression=None) as stream:
                    stream.write(data)
        except OSError as error:
            raise StorageError(
                f"Could not write {len(data)} bytes to {self.uri(path)}: {error}. Nothing was published; "
                "make room or mend the access, and run the task again."
            ) from error

    def _write_by_rename(self, target: str, data: bytes) -> None:
        self._filesystem.create_dir(os.path.dirname(target), recursive=True)  # noqa: PTH120 - not a Path: a URI's path
        waiting = f"{target}.{uuid.uuid4().hex}.tmp"
        try:
            with open(waiting, "wb") as stream:  # noqa: PTH123
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(waiting, target)  # noqa: PTH105
        except BaseException:
            if os.path.exists(waiting):  # noqa: PTH110
                os.remove(waiting)  # noqa: PTH107
            raise

    @contextmanager
    def alone(self, path: str) -> Iterator[None]:
        """Hold a folder that is there while the block runs: who asks for it meanwhile waits.

        The kernel frees it when its holder ends in whatever way. An object store has no such thing: nobody waits.
        """
        if not self._is_local:
            yield
            return
        folder = os.open(self._at(path), os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def names(self, path: str) -> list[str]:
        """Return the names in a folder, sorted; none where the folder is not."""
        selector = pafs.FileSelector(self._at(path), allow_not_found=True)
        found = (info.base_name for info in self._filesystem.get_file_info(selector))
        return sorted(name for name in found if not name.endswith(".tmp"))

    def folders(self, path: str) -> list[str]:
        """Return the names of the folders in a folder, sorted; none where the folder is not."""
        found = self._filesystem.get_file_info(pafs.FileSelector(self._at(path), allow_not_found=True))
        return sorted(info.base_name for info in found if info.type == pafs.FileType.Directory)

    def tree(self, path: str) -> list[Entry]:
        """Return every file under a folder, unfinished ones (`.tmp`) too, sorted by path."""
        selector = pafs.FileSelector(self._at(path), allow_not_found=True, recursive=True)
        root = f"{self._at('')}/"
        return sorted(
            Entry(info.path.removeprefix(root), info.size or 0, info.mtime or datetime.fromtimestamp(0, UTC))
            for info in self._filesystem.get_file_info(selector)
            if info.type != pafs.FileType.Directory
        )

    def delete(self, path: str) -> None:
        """Remove a file."""
        self._filesystem.delete_file(self._at(path))

    def delete_folder(self, path: str) -> None:
        """Remove a folder and all that is in it, if it is there. A link within it is removed, not what it leads to.

        Raises:
            StorageError: The folder is a link, or lies in one, that leads out of the root. Nothing was removed.
        """
        self._require_inside(path)
        if self._filesystem.get_file_info(self._at(path)).type == pafs.FileType.Directory:
            self._filesystem.delete_dir(self._at(path))

    def _require_inside(self, path: str) -> None:
        if not path.strip("/") or ".." in path.split("/"):
            raise StorageError(f"{path!r} is no folder in {self.root}; name one below it.")
        if self._is_local:
            root, real = (os.path.realpath(self._at(name)) for name in ("", path))
            if not real.startswith(f"{root}/"):
                raise StorageError(
                    f"{self.uri(path)} is a link that leads out of the lake, to {real}. Nothing there was removed; "
                    "remove it by hand if it is the lake's, then the link."
                )
