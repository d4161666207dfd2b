"""What the network needs of a session, and of whatever holds the sessions."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor  # noqa: TID253 - models/atft is torch's door


class Batch(Protocol):
    """One session. Rows are codes in order, then padding, which is never present."""

    @property
    def x(self) -> Tensor:
        """`[codes, window, features]`, normalised; 0 where missing."""

    @property
    def present(self) -> Tensor:
        """`[codes, window]` bool."""

    @property
    def static(self) -> Tensor:
        """`[codes, 3]` int64: sector, segment, scale; 0 unknown."""

    @property
    def neighbours(self) -> Tensor:
        """`[codes, k]` int64, rows of this batch; -1 none."""

    @property
    def edges(self) -> Tensor:
        """`[codes, k, 3]` float32: correlation, same sector, same segment."""

    @property
    def target(self) -> Tensor:
        """`[codes, horizons]` float32, z-scored within the session; NaN unknown."""

    @property
    def returns(self) -> Tensor:
        """`[codes, horizons]` float32, fractions; NaN unknown."""


class Panel(Protocol):
    """Sessions on a device, windows gathered when they are asked for."""

    def batch(self, i: int, length: int) -> Batch:
        """Return session i with windows of `length` sessions, of which session i is the last."""


class Span(NamedTuple):
    """Sessions of a panel: `places` are those that are learnt from or scored, in order."""

    panel: Panel
    places: tuple[int, ...]
