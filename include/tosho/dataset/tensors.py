"""The panel as tensors, and the batch of one session that networks see: torch's door in the dataset.

A panel's files are mapped into memory, on this machine or copied whole to a device once. A batch is gathered from them
by index: no worker processes, no parsing, and the same shapes for every session, so that a compiled step stays
compiled. Its rows are the codes that are present in the session, in order, then padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import torch  # noqa: TID253 - this module is torch's door, imported when a network is trained or scores

from tosho.dataset.panel_files import MANIFEST, Field, PanelError, PanelManifest
from tosho.dataset.samples import TARGET_LIMIT, Columns
from tosho.dataset.vocabulary import SIZES

ROWS_TOGETHER = 64
"""The rows of a batch are a multiple of this: more than the codes of any session, as few as do."""

_TYPES = {"<f4": torch.float32, "<u2": torch.bfloat16, "|u1": torch.uint8, "<i4": torch.int32}


class PanelBatchError(ValueError):
    """A batch is not what a model can learn from or score."""


@dataclass(frozen=True)
class PanelBatch:
    """One session: every code that is present in it, its window of sessions, and its neighbours.

    Shapes are checked when it is made. `check` looks at values as well, which waits for the device.

    Args:
        session: The last one of the windows.
        columns: Which features the last axis of `x` holds.
        codes: `[codes]` int64, places in the panel's codes, rising; -1 where the row is padding.
        x: `[codes, L, features]` float32 or bfloat16, no NaN; 0 where the code was not present.
        present: `[codes, L]` bool; a row of padding is never present, any other is in the last session.
        static: `[codes, 3]` int64, numbers of sector33, segment and scale; 0 is unknown.
        neighbours: `[codes, k]` int64, rows of this batch, each at most once; -1 is none.
        edges: `[codes, k, 3]` float32: rho, same sector, same segment; 0 where there is no neighbour.
        target: `[codes, horizons]` float32, z-scores within the session; NaN where there is no label.
        returns: `[codes, horizons]` float32, fractions; NaN where there is no label.

    Raises:
        PanelBatchError: A tensor has another shape or type.
    """

    session: date
    columns: Columns
    codes: torch.Tensor
    x: torch.Tensor
    present: torch.Tensor
    static: torch.Tensor
    neighbours: torch.Tensor
    edges: torch.Tensor
    target: torch.Tensor
    returns: torch.Tensor

    def __post_init__(self) -> None:
        codes, length, degree, horizons = (*self.x.shape[:2], *self.neighbours.shape[1:], *self.target.shape[1:])[:4]
        self._shaped("x", (codes, length, len(self.columns.names)), (torch.float32, torch.bfloat16))
        self._shaped("codes", (codes,), (torch.int64,))
        self._shaped("present", (codes, length), (torch.bool,))
        self._shaped("static", (codes, len(SIZES)), (torch.int64,))
        self._shaped("neighbours", (codes, degree), (torch.int64,))
        self._shaped("edges", (codes, degree, 3), (torch.float32,))
        self._shaped("target", (codes, horizons), (torch.float32,))
        self._shaped("returns", (codes, horizons), (torch.float32,))

    @property
    def rows(self) -> torch.Tensor:
        """Which rows are codes and no padding, `[codes]` bool."""
        return self.codes >= 0

    def to(self, device: torch.device | str) -> PanelBatch:
        """Return the batch on a device; itself where it lies there."""
        return replace(self, **{name: getattr(self, name).to(device, non_blocking=True) for name in _TENSORS})

    def demand(self, columns: Columns) -> None:
        """Do nothing when the features are those of a model, in its order.

        Raises:
            ColumnsError: Set, number, names or order differ.
        """
        columns.demand(self.columns, f"The batch of {self.session}")

    def check(self) -> None:
        """Do nothing when all values can be learned from and scored.

        Raises:
            PanelBatchError: One cannot; the sentence says which and where.
        """
        rows, padding, linked = self.rows, ~self.rows, self.neighbours >= 0
        last, own = self.present[:, -1], torch.arange(len(self.codes), device=self.codes.device)
        size = torch.tensor(SIZES, device=self.static.device)
        labelled = ~(torch.isnan(self.target) & torch.isnan(self.returns))
        self._none("codes do not rise, padding last", self.codes.diff() <= 0, codes_at=rows[1:])
        self._none("codes follow padding", rows[1:] & padding[:-1])
        self._none("a row is not present in its session, or padding is", last != rows)
        self._none("padding was present", self.present & padding[:, None])
        self._none("x is not finite", ~torch.isfinite(self.x))
        self._none("x is not 0 where the code is absent", (self.x != 0) & ~self.present[:, :, None])
        self._none("static has a number outside the vocabulary", (self.static < 0) | (self.static >= size))
        self._none("neighbours lie outside the batch", (self.neighbours < -1) | (self.neighbours >= len(self.codes)))
        self._none("a code is its own neighbour", self.neighbours == own[:, None])
        self._none("a neighbour is padding, or padding has one", linked & ~(rows[self.neighbours] & rows[:, None]))
        self._none("a neighbour comes twice", _repeated(self.neighbours))
        self._none("edges are not finite, or rho is outside [-1, 1]", ~(self.edges.abs() <= 1))
        self._none("edges are not 0 without a neighbour", (self.edges != 0) & ~linked[:, :, None])
        self._none("target or returns are infinite", torch.isinf(self.target) | torch.isinf(self.returns))
        self._none("a target is beyond its limit", self.target.abs() > TARGET_LIMIT)
        self._none("padding has a label", labelled & padding[:, None])

    def _none(self, what: str, wrong: torch.Tensor, codes_at: torch.Tensor | None = None) -> None:
        wrong = wrong if codes_at is None else wrong & codes_at
        if wrong.any():
            raise PanelBatchError(
                f"In the batch of {self.session} {what}: {int(wrong.sum())} time(s), first at "
                f"{wrong.nonzero()[0].tolist()} of {list(wrong.shape)}; the bound is none. Build the panel again."
            )

    def _shaped(self, name: str, shape: tuple[int, ...], types: Sequence[torch.dtype]) -> None:
        found = getattr(self, name)
        if tuple(found.shape) != shape or found.dtype not in types:
            raise PanelBatchError(
                f"The batch of {self.session} has {name} {list(found.shape)} of {found.dtype}; beside x "
                f"{list(self.x.shape)} and {len(self.columns.names)} features it must be {list(shape)} of "
                f"{' or '.join(map(str, types))}. Gather it from a panel of these features."
            )


_TENSORS = tuple(field.name for field in fields(PanelBatch) if field.name not in {"session", "columns"})


@dataclass(frozen=True)
class Panel:
    """All sessions of a panel, wherever its tensors lie.

    Args:
        manifest: What it is.
        features: `[sessions, codes, features]` float32 or bfloat16; 0 where absent.
        present: `[sessions, codes]` uint8, 1 where the code has a row.
        returns: `[sessions, codes, horizons]` float32, fractions; NaN without a label.
        targets: `[sessions, codes, horizons]` float32; NaN without a label.
        static: `[sessions, codes, 3]` uint8, as known at the session.
        neighbours: `[weeks, codes, k]` int32, places of codes; -1 is none.
        edges: `[weeks, codes, k, 3]` float32.

    Raises:
        PanelError: A tensor has another shape or type than the manifest says.
    """

    manifest: PanelManifest
    features: torch.Tensor
    present: torch.Tensor
    returns: torch.Tensor
    targets: torch.Tensor
    static: torch.Tensor
    neighbours: torch.Tensor
    edges: torch.Tensor

    def __post_init__(self) -> None:
        for field in self.manifest.fields():
            found, shape = getattr(self, field.name), (self.manifest.length(field), *field.shape)
            if tuple(found.shape) != shape or found.dtype != _TYPES[field.dtype]:
                raise PanelError(
                    f"The panel's {field.name} are {list(found.shape)} of {found.dtype}; its manifest says "
                    f"{list(shape)} of {_TYPES[field.dtype]}. Build it again."
                )

    @classmethod
    def open(cls, folder: Path) -> Panel:
        """Return the panel of a folder, its files mapped into memory: pages are read when they are looked at.

        Raises:
            PanelError: A file is missing or not as long as the manifest says.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise PanelError(f"{folder} holds no panel: there is no {MANIFEST}. Build the dataset and fetch it there.")
        manifest = PanelManifest.from_json(path.read_bytes())
        return cls(manifest, **{f.name: _mapped(folder / f.file, f, manifest.length(f)) for f in manifest.fields()})

    @property
    def columns(self) -> Columns:
        """The columns of `features`."""
        return self.manifest.columns

    @property
    def sessions(self) -> tuple[date, ...]:
        """In order."""
        return self.manifest.sessions

    @property
    def codes(self) -> tuple[str, ...]:
        """In order."""
        return self.manifest.codes

    @property
    def device(self) -> torch.device:
        """Where the tensors lie."""
        return self.features.device

    @property
    def rows(self) -> int:
        """How many rows each batch has, padding included."""
        return int(self._places.shape[1])

    def to(self, device: torch.device | str) -> Panel:
        """Return the panel on a device, whole: batches are then gathered there."""
        return replace(self, **{f.name: getattr(self, f.name).to(device) for f in self.manifest.fields()})

    def labelled(self, horizon: int) -> tuple[int, ...]:
        """Return the places of the sessions in which some code has a label of the horizon."""
        known = torch.isfinite(self.targets[:, :, self.manifest.horizons.index(horizon)]).any(dim=1)
        return tuple(known.nonzero()[:, 0].tolist())

    def batch(self, i: int, length: int, device: torch.device | str | None = None) -> PanelBatch:
        """Return session i with windows of so many sessions. Before the panel's first session no code was present.

        Args:
            i: Place of the session, from 0.
            length: Sessions of a window, the last being session i.
            device: Where the batch shall lie; left out, where the panel does.

        Raises:
            PanelError: There is no session i, or the window is empty.
        """
        if not (0 <= i < len(self.sessions) and length > 0):
            raise PanelError(
                f"A batch of session {i} with windows of {length} was asked for; the panel's sessions are 0 to "
                f"{len(self.sessions) - 1} and a window has one at least."
            )
        place, count = self._places[i], self._counts[i]
        at = place.clamp(min=0)
        neighbours, edges = self._neighbours(i, place, at, count)
        x, present = self._windows(i, length, at, count)

        def padded(values: torch.Tensor, padding: float) -> torch.Tensor:
            rows = values[i].index_select(0, at)
            rows[count:] = padding
            return rows

        found = PanelBatch(
            self.sessions[i],
            self.columns,
            place,
            x,
            present,
            padded(self.static, 0).long(),
            neighbours,
            edges,
            padded(self.targets, torch.nan),
            padded(self.returns, torch.nan),
        )
        return found if device is None else found.to(device)

    def _windows(self, i: int, length: int, at: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Gather `[codes, L, features]` and `[codes, L]` in one pass, then blank what is no code or no session."""
        early = max(length - 1 - i, 0)
        days = torch.arange(i - length + 1, i + 1, device=self.device).clamp(min=0)
        flat = (at[:, None] + days * len(self.codes)).reshape(-1)
        x = self.features.flatten(0, 1).index_select(0, flat).unflatten(0, (len(at), length))
        present = self.present.flatten().index_select(0, flat).view(len(at), length).bool()
        for values in (x, present):
            values[count:] = 0
            values[:, :early] = 0
        return x, present

    def _neighbours(
        self, i: int, place: torch.Tensor, at: torch.Tensor, count: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Gather the week's neighbours, as rows of the batch; one that is not present in the session is none."""
        week = self._weeks[i]
        row_of = torch.full((len(self.codes) + 1,), -1, dtype=torch.int64, device=self.device)  # the last is of -1
        row_of[place[:count]] = torch.arange(count, device=self.device)
        neighbours = row_of[self.neighbours[week].index_select(0, at).long()]
        neighbours[count:] = -1
        edges = self.edges[week].index_select(0, at)
        return neighbours, edges.masked_fill((neighbours < 0)[:, :, None], 0.0)

    @cached_property
    def _counts(self) -> list[int]:
        return [int(n) for n in self.present.sum(dim=1, dtype=torch.int64).tolist()]

    @cached_property
    def _places(self) -> torch.Tensor:
        """The codes present in each session, `[sessions, rows]` int64, then -1."""
        most = max(self._counts, default=0)
        table = np.full((len(self.sessions), max(-(-most // ROWS_TOGETHER), 1) * ROWS_TOGETHER), -1, np.int64)
        for i, present in enumerate(self.present.cpu().numpy()):
            found = np.flatnonzero(present)
            table[i, : found.size] = found
        return torch.from_numpy(table).to(self.device)

    @cached_property
    def _weeks(self) -> list[int]:
        """The week whose graph holds in each session."""
        weeks = np.array(self.manifest.weeks, dtype="datetime64[D]")
        places = np.searchsorted(weeks, np.array(self.sessions, dtype="datetime64[D]"), side="right") - 1
        if places.size and places[0] < 0:
            raise PanelError(
                f"The panel begins with {self.sessions[0]} and its first graph is of {self.manifest.weeks[:1]}; a "
                "graph must be there before or with the first session. Build it again."
            )
        return [int(place) for place in places]


def _mapped(path: Path, field: Field, length: int) -> torch.Tensor:
    wanted = length * field.size
    found = path.stat().st_size if path.is_file() else 0
    if found != wanted:
        raise PanelError(
            f"{path} has {found} bytes; the manifest says {length} slices of {field.size}, {wanted} bytes. "
            "Fetch the panel again."
        )
    values = torch.from_file(str(path), shared=False, size=length * prod(field.shape), dtype=_TYPES[field.dtype])
    return values.view(length, *field.shape)


def _repeated(neighbours: torch.Tensor) -> torch.Tensor:
    ordered = neighbours.sort(dim=1).values
    return (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
