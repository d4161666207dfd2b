"""Random numbers by name: one independent stream a quantity, so that a new quantity leaves the others as they were.

A stream is filled session by session. A market with more sessions after the same first one therefore begins with the
very same numbers: what is drawn for a session cannot depend on how many follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Panel = NDArray[np.float64]
"""Numbers of every session and code, `[sessions, codes]`, or one a session, `[sessions]`."""


@dataclass(frozen=True)
class Streams:
    """The random streams of one market. A stream's numbers depend on the seed and its name, nothing else."""

    seed: int

    def open(self, name: str) -> np.random.Generator:
        """Return the stream of a name, from its start."""
        return np.random.default_rng([self.seed, crc32(name.encode())])


def autoregressive(shocks: Panel, persistence: Panel | float, start: Panel) -> Panel:
    """Return the stationary AR(1) process x(t) = p x(t-1) + sqrt(1 - p^2) shock(t), with x(-1) = start.

    With shocks of unit variance the process has unit variance too. Shapes `[sessions, codes]`, start `[codes]`.
    """
    keep, add = np.asarray(persistence), np.sqrt(1 - np.square(persistence))
    state, path = start, np.empty_like(shocks)
    for session, shock in enumerate(shocks):
        state = keep * state + add * shock
        path[session] = state
    return path


def persistence_of(half_life: float) -> float:
    """Return the AR(1) coefficient whose memory halves in so many sessions."""
    return float(0.5 ** (1 / half_life))
