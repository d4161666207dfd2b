"""Rows in a lake: written as pieces by many workers, published by one, fetched as files that can be mapped.

datasets/<name>/rows/2018-11-16-<checksum>.bin
datasets/<name>/manifest.json                       names the pieces; written last
"""

from __future__ import annotations

import shutil
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tosho.dataset.panel_files import MANIFEST, PanelError, Piece, piece_of
from tosho.dataset.rows_files import RowsManifest, packed
from tosho.dataset.samples import Samples
from tosho.dataset.stored import PanelMissingError, manifest_bytes, piece_bytes, write_at
from tosho.observability.log import logger
from tosho.storage import Files, layout

log = logger(__name__)


@dataclass(frozen=True)
class RowsStore:
    """The rows of one name in a lake's files. Small enough to send to a worker."""

    files: Files
    name: str

    @property
    def folder(self) -> str:
        """Where they lie, relative to the lake's root."""
        return layout.dataset_path(self.name)

    def put(self, samples: Samples) -> Piece:
        """Write the rows of one session, unseen by readers until a manifest names them.

        Raises:
            StorageError: The lake could not be written.
        """
        data = packed(samples)
        piece = piece_of(samples.sessions[0], data)
        self.files.write(f"{self.folder}/rows/{piece.file}", data)
        return piece

    def publish(self, manifest: RowsManifest) -> None:
        """Make these the rows of the name, and remove pieces that no manifest names any more.

        Raises:
            StorageError: The lake could not be written.
        """
        self.files.write(f"{self.folder}/{MANIFEST}", manifest.to_json())
        self.sweep()

    def sweep(self) -> None:
        """Remove the pieces that the published manifest does not name: those of earlier rows and of ended runs."""
        published = self.find()
        named = {piece.file for piece in published.pieces} if published else set()
        for file in self.files.names(f"{self.folder}/rows"):
            if file not in named:
                self.files.delete(f"{self.folder}/rows/{file}")

    def find(self) -> RowsManifest | None:
        """Return the manifest; None where none was published, or one that cannot be read and can be replaced."""
        try:
            return self.manifest()
        except PanelMissingError:
            return None
        except PanelError as error:
            log.warning("%s", error)
            return None

    def manifest(self) -> RowsManifest:
        """Return the manifest of the rows.

        Raises:
            PanelMissingError: None was published.
            PanelError: It cannot be read.
        """
        return RowsManifest.from_json(manifest_bytes(self.files, self.name))

    def fetch(self, under: Path) -> Path:
        """Lay the rows out in a folder of this machine, if they are not there yet, and return the folder.

        It is named after what they are made from. Earlier rows of the name are removed; whoever has them mapped keeps
        them. Two that fetch at once do so one after the other.

        Raises:
            PanelMissingError: None was published.
            PanelError: A piece is missing, or not what was published.
        """
        manifest = self.manifest()
        folder = under / f"{self.name}-{manifest.made_from[:16]}"
        under.mkdir(parents=True, exist_ok=True)
        with Files(under.as_uri()).alone(""):
            if not (folder / MANIFEST).is_file():
                self._lay_out(folder, manifest)
            for earlier in under.glob(f"{self.name}-*"):
                if earlier != folder:
                    shutil.rmtree(earlier, ignore_errors=True)
        return folder

    def _lay_out(self, folder: Path, manifest: RowsManifest) -> None:
        waiting = folder.with_name(f".{uuid.uuid4().hex}.tmp")
        waiting.mkdir()
        try:
            sizes, begins = manifest.sizes(), np.cumsum([0, *manifest.counts])
            with ExitStack() as stack:
                out = {n: stack.enter_context((waiting / f"{n}.bin").open("wb")).fileno() for n in sizes}

                def one(place: int) -> None:
                    rows, data, at = manifest.counts[place], self._read(manifest, place), 0
                    for name, size in sizes.items():
                        write_at(out[name], data[at : at + rows * size], int(begins[place]) * size)
                        at += rows * size

                list(self.files.each(one, range(len(manifest.pieces))))
            (waiting / MANIFEST).write_bytes(manifest.to_json())
            shutil.rmtree(folder, ignore_errors=True)
            waiting.rename(folder)
        finally:
            shutil.rmtree(waiting, ignore_errors=True)

    def _read(self, manifest: RowsManifest, place: int) -> memoryview:
        piece, length = manifest.pieces[place], manifest.counts[place] * sum(manifest.sizes().values())
        return piece_bytes(self.files, self.name, f"{self.folder}/rows/{piece.file}", piece, length)
