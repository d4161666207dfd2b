"""A panel made from samples, so that the network learns from the same rows as every other model."""

from __future__ import annotations

from bisect import bisect_left
from typing import NamedTuple

import numpy as np
import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import slices
from tosho.dataset.graph import drawn_at
from tosho.dataset.samples import Samples
from tosho.models.atft.neighbours import Neighbours, drawn_graph, nobody
from tosho.models.atft.normalising import Scaler
from tosho.models.atft.settings import Architecture, SettingsError

_WEEK = 5  # sessions that a week has at most


class SampledBatch(NamedTuple):
    """One session of samples: a row a code, in the samples' order, without padding."""

    x: Tensor
    present: Tensor
    static: Tensor
    neighbours: Tensor
    edges: Tensor
    target: Tensor
    returns: Tensor


class SampledPanel:
    """Samples as tensors on a device; windows are gathered from them, and graphs drawn once a week.

    A week's graph is made of returns up to the week's first session: that of a session is the same whatever sessions
    are around, as long as those of `context_of` are there. Samples that say nothing of sectors leave `static` unknown,
    and the graph is one of correlations alone.

    Args:
        samples: What is learnt from or scored.
        scaler: Of the training sessions.
        shape: The window and the graph.
        device: Where the tensors shall lie.
        before: Earlier sessions, of which the first weeks' graphs are made as well; not a feature of theirs is seen.
    """

    def __init__(
        self,
        samples: Samples,
        scaler: Scaler,
        shape: Architecture,
        device: torch.device,
        before: Samples | None = None,
    ) -> None:
        past = None if before is None or not shape.graph else _last(before, shape.graph_sessions)
        codes = np.unique(np.concatenate([samples.codes, *([past.codes] if past else [])]))
        self._shape, self._device = shape, device
        self._values = torch.zeros(len(samples.sessions), len(codes), samples.features.shape[1])
        self._present = torch.zeros(len(samples.sessions), len(codes), dtype=torch.bool)
        self._rows, self._targets, self._returns, self._static = [], [], [], []
        targets = np.stack([samples.target(h) for h in range(len(HORIZONS))], axis=1).astype(np.float32)
        static = np.zeros((samples.rows, 3), np.uint8) if samples.static is None else samples.static
        places = np.searchsorted(codes, samples.codes)
        for i, rows in enumerate(slices(samples.bounds)):
            at = torch.from_numpy(places[rows])
            self._values[i, at] = torch.from_numpy(scaler.apply(samples.features[rows]))
            self._present[i, at] = True
            self._rows.append(at.to(device))
            self._targets.append(torch.from_numpy(targets[rows]).to(device))
            self._returns.append(torch.from_numpy(samples.returns[rows].copy()).to(device))
            self._static.append(torch.from_numpy(static[rows].astype(np.int64)).to(device))
        self._values, self._present = self._values.to(device), self._present.to(device)
        self._moves = _moves([*([past] if past else []), samples], codes, shape).to(device)
        self._early = len(self._moves) - len(samples.sessions)
        self._drawn_at = [
            min(bisect_left(samples.sessions, drawn_at(day)), i) for i, day in enumerate(samples.sessions)
        ]
        self._graphs: dict[int, Neighbours] = {}

    def batch(self, i: int, length: int) -> SampledBatch:
        """Return session i; before the first session no code was present."""
        at = self._rows[i]
        begin = max(0, i + 1 - length)
        x = self._values[begin : i + 1].index_select(1, at).transpose(0, 1)
        present = self._present[begin : i + 1].index_select(1, at).T
        early = length - x.shape[1]
        if early:
            x = torch.cat([x.new_zeros(len(at), early, x.shape[2]), x], dim=1)
            present = torch.cat([present.new_zeros(len(at), early), present], dim=1)
        return SampledBatch(x, present, self._static[i], *self._neighbours(at, i), self._targets[i], self._returns[i])

    def _neighbours(self, at: Tensor, i: int) -> Neighbours:
        """Return the week's graph as rows of session i."""
        if not self._shape.graph:
            return nobody(len(at), self._device)
        graph = self._graph(self._drawn_at[i])
        row_of = torch.full((self._values.shape[1] + 1,), -1, dtype=torch.int64, device=self._device)  # the last: of -1
        row_of[at] = torch.arange(len(at), device=self._device)
        places = row_of[graph.places.index_select(0, at)]
        return Neighbours(places, graph.edges.index_select(0, at).masked_fill((places < 0).unsqueeze(-1), 0.0))

    def _graph(self, i: int) -> Neighbours:
        """Return the graph that is drawn in session i, its places those of all codes."""
        if i not in self._graphs:
            last = self._early + i + 1
            returns = self._moves[max(0, last - self._shape.graph_sessions) : last].T
            missing = self._shape.graph_sessions - returns.shape[1]
            returns = torch.cat([returns.new_full((len(returns), missing), torch.nan), returns], dim=1)
            static = torch.zeros(len(returns), 3, dtype=torch.int64, device=self._device)
            static[self._rows[i]] = self._static[i]
            self._graphs[i] = drawn_graph(returns, static, self._shape)
        return self._graphs[i]


def context_of(shape: Architecture) -> int:
    """Return how many sessions before one decide what is said of it."""
    return max(shape.window - 1, shape.graph_sessions + _WEEK - 2 if shape.graph else 0)


def _moves(parts: list[Samples], codes: np.ndarray, shape: Architecture) -> Tensor:
    """Return the returns of which neighbours are made, `[sessions, codes]`, NaN where not known."""
    moves = torch.full((sum(len(part.sessions) for part in parts), len(codes)), torch.nan)
    if not shape.graph:
        return moves
    column, begin = _return_column(parts[-1], shape), 0
    for part in parts:
        places = torch.from_numpy(np.searchsorted(codes, part.codes))
        for i, rows in enumerate(slices(part.bounds), begin):
            moves[i, places[rows]] = torch.from_numpy(part.features[rows, column].copy())
        begin += len(part.sessions)
    return moves


def _return_column(samples: Samples, shape: Architecture) -> int:
    names = samples.columns.names
    if shape.return_feature not in names:
        raise SettingsError(
            f"The graph is made of correlations of {shape.return_feature!r}, which is not among the {len(names)} "
            f"features of set {samples.columns.feature_set!r}. Name a feature that holds returns over one session "
            "(return_feature), or switch the graph off."
        )
    return names.index(shape.return_feature)


def _last(samples: Samples, sessions: int) -> Samples:
    return samples.between(samples.sessions[-sessions:][0], samples.sessions[-1])
