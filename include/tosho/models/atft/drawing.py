"""Some of a session's codes, where all of them would take too long: a processor learns more from many small steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor  # noqa: TID253

from tosho.models.atft.batches import Batch

_ALONE = 4
"""One code in so many is drawn; the others are neighbours of those, nearest first, so that the graph stays one."""


class Drawn(NamedTuple):
    """Some rows of a batch, in their order; neighbours that are not among them are none."""

    x: Tensor
    present: Tensor
    static: Tensor
    neighbours: Tensor
    edges: Tensor
    target: Tensor
    returns: Tensor


def drawn(batch: Batch, most: int | None, seed: Sequence[int]) -> Batch:
    """Return at most so many codes of a session; the batch itself where it has no more, or `most` is None.

    Args:
        batch: One session.
        most: Codes.
        seed: The same gives the same codes.
    """
    here = batch.present[:, -1].cpu().numpy()
    if most is None or int(here.sum()) <= most:
        return batch
    rows = torch.from_numpy(_rows(here, batch.neighbours.cpu().numpy(), most, seed)).to(batch.x.device)
    row_of = torch.full((len(here) + 1,), -1, dtype=torch.int64, device=batch.x.device)  # the last is that of -1
    row_of[rows] = torch.arange(len(rows), device=batch.x.device)
    others = (batch.static, batch.edges, batch.target, batch.returns)
    static, edges, target, returns = (values.index_select(0, rows) for values in others)
    neighbours = row_of[batch.neighbours.index_select(0, rows)]
    windows = batch.x.index_select(0, rows), batch.present.index_select(0, rows)
    return Drawn(*windows, static, neighbours, edges, target, returns)


def _rows(
    here: np.ndarray[tuple[int], np.dtype[np.bool_]],
    neighbours: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    most: int,
    seed: Sequence[int],
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return rows in order: some at random, their neighbours, and where these are too few more at random."""
    order = np.random.default_rng(list(seed)).permutation(np.flatnonzero(here))
    first = order[: -(-most // _ALONE)]
    near = neighbours[first].T.ravel()  # the nearest of all, then the second of all
    wanted = np.concatenate([first, near[(near >= 0) & here[near]], order])
    _, at = np.unique(wanted, return_index=True)
    return np.sort(wanted[np.sort(at)[:most]])
