"""Panels in a lake: written as pieces by many workers, published by one, fetched as files that can be mapped.

    datasets/<name>/sessions/2018-11-16-<checksum>.bin
    datasets/<name>/weeks/2018-11-12-<checksum>.bin
    datasets/<name>/manifest.json                       names the pieces; written last

A piece's name is its checksum, so that a run that was ended leaves what was published before, and the same run again
the same bytes.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tosho.dataset.panel_files import MANIFEST, Arrays, Field, PanelError, PanelManifest, Piece, piece_of
from tosho.dataset.stored import PanelMissingError, manifest_bytes, piece_bytes, write_at
from tosho.observability.log import logger
from tosho.observability.progress import Progress
from tosho.storage import Files, layout

_log = logger(__name__)


@dataclass(frozen=True)
class PanelStore:
    """The panel of one name in a lake's files. Small enough to send to a worker."""

    files: Files
    name: str

    @property
    def folder(self) -> str:
        """Where it lies, relative to the lake's root."""
        return layout.dataset_path(self.name)

    def put(self, manifest: PanelManifest, day: date, arrays: Arrays) -> Piece:
        """Write the slices of one session or week, unseen by readers until a manifest names them.

        Raises:
            PanelError: They have other shapes than the manifest says.
            StorageError: The lake could not be written.
        """
        data = manifest.pack(arrays)
        piece = piece_of(day, data)
        along = next(field.along for field in manifest.fields() if field.name in arrays)
        self.files.write(f"{self.folder}/{along}/{piece.file}", data)
        return piece

    def publish(self, manifest: PanelManifest) -> None:
        """Make this the panel of the name, and remove pieces that no manifest names any more.

        Raises:
            PanelError: The pieces are not one for each session and week, in order. Nothing was published.
            StorageError: The lake could not be written.
        """
        for what, days, pieces in (
            ("sessions", manifest.sessions, manifest.session_pieces),
            ("weeks", manifest.weeks, manifest.week_pieces),
        ):
            if (came := tuple(piece.day for piece in pieces)) != days:
                raise PanelError(
                    f"Panel {self.name}: {len(days)} {what} were asked for and {len(came)} pieces came; missing "
                    f"{[day.isoformat() for day in days if day not in came][:5]}. Nothing was published."
                )
        self.files.write(f"{self.folder}/{MANIFEST}", manifest.to_json())
        self.sweep()

    def sweep(self) -> None:
        """Remove the pieces that the published manifest does not name: those of earlier panels and of ended runs."""
        published = self.find()
        for fields, pieces in published.parts() if published else _NO_PARTS:
            named = {piece.file for piece in pieces}
            for file in self.files.names(f"{self.folder}/{fields[0].along}"):
                if file not in named:
                    self.files.delete(f"{self.folder}/{fields[0].along}/{file}")
        if published is None:
            self.files.delete_folder(self.folder)

    def find(self) -> PanelManifest | None:
        """Return the manifest of the panel; None where none was published, or a damaged one that can be replaced."""
        try:
            return self.manifest()
        except PanelMissingError:
            return None
        except PanelError as error:
            _log.warning("%s", error)
            return None

    def manifest(self) -> PanelManifest:
        """Return the manifest of the panel.

        Raises:
            PanelMissingError: None was published.
            PanelError: It cannot be read.
        """
        return PanelManifest.from_json(manifest_bytes(self.files, self.name))

    def fetch(self, folder: Path) -> PanelManifest:
        """Lay the panel out in a folder of this machine, in the place of what was there; nothing if it is there.

        Every piece is compared with its checksum on the way. A run that is ended leaves the folder as it was.

        Raises:
            PanelMissingError: None was published.
            PanelError: A piece is missing, or not what was published.
        """
        told = manifest_bytes(self.files, self.name)
        manifest = PanelManifest.from_json(told)
        if (folder / MANIFEST).is_file() and (folder / MANIFEST).read_bytes() == told:
            return manifest
        waiting = folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.tmp")
        waiting.mkdir(parents=True)
        try:
            for fields, pieces in manifest.parts():
                self._lay_out(waiting, fields, pieces)
            (waiting / MANIFEST).write_bytes(told)
            shutil.rmtree(folder, ignore_errors=True)
            waiting.rename(folder)
        finally:
            shutil.rmtree(waiting, ignore_errors=True)
        return manifest

    def _lay_out(self, folder: Path, fields: Sequence[Field], pieces: Sequence[Piece]) -> None:
        progress = Progress(f"{fields[0].along} of panel {self.name} fetched")
        with _opened(folder, fields) as files:

            def one(numbered: tuple[int, Piece]) -> str:
                place, piece = numbered
                self._write(files, fields, place, self._read(fields, piece))
                return piece.file

            for done, file in enumerate(self.files.each(one, list(enumerate(pieces))), 1):
                progress(file, done, len(pieces))

    def _read(self, fields: Sequence[Field], piece: Piece) -> memoryview:
        path = f"{self.folder}/{fields[0].along}/{piece.file}"
        return piece_bytes(self.files, self.name, path, piece, sum(field.size for field in fields))

    @staticmethod
    def _write(files: Mapping[str, int], fields: Sequence[Field], place: int, data: memoryview) -> None:
        begin = 0
        for field in fields:
            write_at(files[field.name], data[begin : begin + field.size], place * field.size)
            begin += field.size


_NO_PARTS: tuple[tuple[tuple[Field, ...], tuple[Piece, ...]], ...] = ()


@contextmanager
def _opened(folder: Path, fields: Sequence[Field]) -> Iterator[Mapping[str, int]]:
    with ExitStack() as stack:
        files = {field.name: stack.enter_context((folder / field.file).open("wb")) for field in fields}
        yield {name: file.fileno() for name, file in files.items()}
