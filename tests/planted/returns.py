"""The planted market with a seventh feature, each session's return, of which neighbours are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planted.market import Drawn, samples
from tosho.dataset.samples import Columns, Samples


def with_returns(drawn: Drawn, among: int = 1) -> Samples:
    """Return the drawn market as samples whose last feature is `ret_1`; groups of `among` codes move together."""
    found = samples(drawn)
    moves = drawn.returns.copy()
    moves += 0.05 * np.repeat(
        np.random.default_rng(1).normal(size=(len(moves), moves.shape[1] // among)), among, axis=1
    )
    last = moves[: len(found.sessions)].reshape(-1, 1).astype(np.float32)
    columns = Columns(found.columns.feature_set, found.columns.number, (*found.columns.names, "ret_1"))
    return replace(found, columns=columns, features=np.hstack([found.features, last]))
