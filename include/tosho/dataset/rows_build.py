"""Building the rows that models are trained on, from the lake to the lake: pieces are dealt out by an engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from tosho import calendar
from tosho.dataset.assemble import assemble, with_static
from tosho.dataset.panel_files import Piece
from tosho.dataset.rows_files import FORMAT, RowsManifest
from tosho.dataset.rows_store import RowsStore
from tosho.dataset.samples import Columns
from tosho.dataset.warm_up import Known
from tosho.features.columns import LISTING_AGE
from tosho.storage import Lake

if TYPE_CHECKING:
    from tosho.dataset.build import Engine  # it brings the graph, which who maps rows has no use for


@dataclass(frozen=True)
class Rows:
    """The rows of sessions, as training assembles them, written as pieces."""

    lake: Lake
    columns: Columns
    store: RowsStore
    sessions: tuple[date, ...]
    chunk: int = 4

    @property
    def count(self) -> int:
        """How many chunks there are."""
        return -(-len(self.sessions) // self.chunk)

    def __call__(self, number: int) -> str:
        """Return the pieces of a chunk, each with its rows and how many values of each feature are known.

        Raises:
            ColumnsError: The features are of another set, number or order.
            StorageError: The lake could not be written.
        """
        return json.dumps([self._one(s) for s in self.sessions[number * self.chunk : (number + 1) * self.chunk]])

    def _one(self, session: date) -> tuple[list[str], int, list[int]]:
        samples = with_static(self.lake, assemble(self.lake, self.columns, [session]))
        day, *rest = self.store.put(samples)
        return [day.isoformat(), *rest], samples.rows, Known.of(samples).known[0].tolist()


def known_rows(lake: Lake, name: str, columns: Columns, sessions: Sequence[date]) -> RowsManifest | None:
    """Return the manifest of rows that are of these sessions as they are now; None where they have to be built."""
    known = RowsStore(lake.files, name).find()
    return known if known and known.made_from == made_from(lake, columns, sessions) else None


def build_rows(lake: Lake, name: str, columns: Columns, sessions: Sequence[date], engine: Engine) -> RowsManifest:
    """Publish the rows of these sessions from the end of their warm-up on, and return the manifest.

    A run that fails publishes nothing, and the bytes do not depend on the engine.

    Raises:
        NeverFullError: In no session are enough features known.
        ColumnsError: A session's features are of another set, number or order.
        StorageError: The lake could not be written.
    """
    store, source = RowsStore(lake.files, name), made_from(lake, columns, sessions)
    try:
        pieces = Rows(lake, columns, store, tuple(sessions))
        told = [each for chunk in engine(pieces, "sessions written") for each in json.loads(chunk)]
        counts = [rows for _, rows, _ in told]
        full = Known(tuple(sessions), np.array(counts), np.array([known for *_, known in told])).full()
        kept = [Piece(date.fromisoformat(day), file, sha256) for (day, file, sha256), *_ in told][-len(full) :]
        manifest = RowsManifest(columns, full, tuple(counts[-len(full) :]), source, tuple(kept))
        store.publish(manifest)
    except BaseException:
        store.sweep()
        raise
    return manifest


def made_from(lake: Lake, columns: Columns, sessions: Sequence[date]) -> str:
    """Return one checksum of all that the rows of these sessions are made from: features, labels and listings."""
    listed = lake.sessions("securities", calendar.offset(sessions[0], -LISTING_AGE), sessions[-1])
    read = [(table, session) for session in sessions for table in ("features", "labels")]
    read += [("securities", session) for session in listed]
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda at: lake.manifest(*at).sha256, read))
    facts = str([FORMAT, *columns, *map(str, sessions)])
    return hashlib.sha256("".join([facts, *sums]).encode()).hexdigest()
