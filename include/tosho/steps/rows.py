"""The rows of a training run as they were published: found by name, held against the lake, and mapped into memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tosho.config import Settings
from tosho.dataset.rows_build import made_from
from tosho.dataset.rows_files import RowsManifest, mapped
from tosho.dataset.rows_store import RowsStore
from tosho.dataset.samples import Columns, Samples
from tosho.storage import Lake


class OtherDataError(ValueError):
    """A dataset is not of the data that a training is to learn from."""


def published(lake: Lake, name: str, columns: Columns, sessions: Sequence[date]) -> RowsManifest:
    """Return the manifest of a dataset, if it is of these sessions of the lake as they are now.

    Raises:
        PanelMissingError: There is no such dataset.
        PanelError: Its manifest cannot be read.
        ColumnsError: It is of another feature set, number or order.
        OtherDataError: It is of other sessions, or of what they were before.
    """
    manifest = RowsStore(lake.files, name).manifest()
    columns.demand(manifest.columns, f"Dataset {name}")
    if manifest.made_from != made_from(lake, columns, sessions):
        raise OtherDataError(
            f"Dataset {name} was asked for, of the {len(sessions)} sessions {sessions[0]} to {sessions[-1]} that have "
            f"features and labels now. It holds {len(manifest.sessions)}, {manifest.sessions[0]} to "
            f"{manifest.sessions[-1]}, and was made of other data. Build it again, or train without --dataset."
        )
    return manifest


def mapped_rows(settings: Settings, lake: Lake, name: str, columns: Columns, sessions: Sequence[date]) -> Samples:
    """Return the rows of a dataset past their warm-up, mapped into memory from the installation's home.

    Raises:
        PanelMissingError: There is no such dataset.
        PanelError: A file or piece is missing, or not what was published.
        ColumnsError: It is of another feature set, number or order.
        OtherDataError: It is of other sessions, or of what they were before.
    """
    published(lake, name, columns, sessions)
    return mapped(RowsStore(lake.files, name).fetch(Path(settings.home) / "datasets"))
