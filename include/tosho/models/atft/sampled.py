"""A panel made from samples, so that the network learns from the same rows as every other model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor  # noqa: TID253

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import slices
from tosho.dataset.samples import Samples
from tosho.models.atft.graph import EDGE_FEATURES
from tosho.models.atft.neighbours import Neighbours, correlated
from tosho.models.atft.normalising import Scaler
from tosho.models.atft.settings import Architecture, SettingsError


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
    """Samples as tensors on a device; windows are gathered from them.

    Samples say nothing of sectors and segments, so that `static` is unknown throughout and edges hold correlations
    alone. These are of the window's own returns: the graph of a session is the same whatever sessions are around.
    """

    def __init__(self, samples: Samples, scaler: Scaler, shape: Architecture, device: torch.device) -> None:
        codes, places = np.unique(samples.codes, return_inverse=True)
        sessions, features = len(samples.sessions), samples.features.shape[1]
        self._shape, self._device = shape, device
        self._values = torch.zeros(sessions, len(codes), features)
        self._present = torch.zeros(sessions, len(codes), dtype=torch.bool)
        self._raw = torch.full((sessions, len(codes)), torch.nan)
        self._rows, self._targets, self._returns = [], [], []
        column = _return_column(samples, shape)
        targets = np.stack([samples.target(h) for h in range(len(HORIZONS))], axis=1).astype(np.float32)
        for i, rows in enumerate(slices(samples.bounds)):
            at = torch.from_numpy(places[rows])
            self._values[i, at] = torch.from_numpy(scaler.apply(samples.features[rows]))
            self._present[i, at] = True
            if column is not None:
                self._raw[i, at] = torch.from_numpy(samples.features[rows, column].copy())
            self._rows.append(at.to(device))
            self._targets.append(torch.from_numpy(targets[rows]).to(device))
            self._returns.append(torch.from_numpy(samples.returns[rows].copy()).to(device))
        self._values, self._present, self._raw = (t.to(device) for t in (self._values, self._present, self._raw))

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
        linked = self._neighbours(begin, i, at, early)
        static = torch.zeros(len(at), 3, dtype=torch.int64, device=self._device)
        return SampledBatch(x, present, static, *linked, self._targets[i], self._returns[i])

    def _neighbours(self, begin: int, i: int, at: Tensor, early: int) -> Neighbours:
        if not self._shape.graph:
            none = torch.full((len(at), 0), -1, dtype=torch.int64, device=self._device)
            return Neighbours(none, torch.zeros(len(at), 0, EDGE_FEATURES, device=self._device))
        returns = self._raw[begin : i + 1].index_select(1, at).T
        whole = torch.cat([returns.new_full((len(at), early), torch.nan), returns], dim=1)
        return correlated(whole, self._shape.neighbours, self._shape.correlation)


def _return_column(samples: Samples, shape: Architecture) -> int | None:
    """Return where the returns are of which neighbours are made; None where no graph is wanted."""
    if not shape.graph:
        return None
    names = samples.columns.names
    if shape.return_feature not in names:
        raise SettingsError(
            f"The graph is made of correlations of {shape.return_feature!r}, which is not among the {len(names)} "
            f"features of set {samples.columns.feature_set!r}. Name a feature that holds returns over one session "
            "(return_feature), or switch the graph off."
        )
    return names.index(shape.return_feature)
