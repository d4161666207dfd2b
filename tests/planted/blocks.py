"""Markets in which a block of the network has something to add: neighbours that know more, levels that jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from planted.market import Drawn, draw, samples
from tosho.dataset.samples import Columns, Samples

CODES, LENGTH, PEERS = 60, 260, 6
_GROUPS = CODES // PEERS


def plain() -> Samples:
    """Return rows whose returns follow the first feature alone; its own row says all."""
    drawn = _drawn()
    return _sampled(drawn, drawn.features[:, :, 0])


def neighbours() -> Samples:
    """Return rows whose returns follow what a group shares: a code's own row shows it with twice as much noise."""
    drawn = _drawn()
    shared = np.zeros((LENGTH, _GROUPS))
    shocks = np.random.default_rng(2).normal(size=shared.shape)
    for t in range(1, LENGTH):
        shared[t] = 0.7 * shared[t - 1] + 0.71 * shocks[t]
    signal = np.repeat(shared, PEERS, axis=1)
    return _sampled(_with_first(drawn, (signal + 2 * drawn.features[:, :, 0]) / np.sqrt(5)), signal)


def regimes() -> Samples:
    """Return rows as the plain market's, but that the first feature stands on a level of the code's that jumps."""
    drawn, rng = _drawn(), np.random.default_rng(2)
    level = 5 * rng.normal(size=(LENGTH, CODES))
    for t in range(1, LENGTH):
        level[t] = np.where(rng.random(CODES) < 1 / 30, level[t], level[t - 1])
    return _sampled(_with_first(drawn, drawn.features[:, :, 0] + level), drawn.features[:, :, 0])


def _drawn() -> Drawn:
    return draw(codes=CODES, length=LENGTH, strength=0.0)


def _with_first(drawn: Drawn, values: np.ndarray) -> Drawn:
    features = drawn.features.copy()
    features[:, :, 0] = values
    return replace(drawn, features=features)


def _sampled(drawn: Drawn, signal: np.ndarray) -> Samples:
    """Return the market with returns that follow the signal, and a feature `ret_1` by which peers move together."""
    rng = np.random.default_rng(1)
    returns = 0.01 * rng.normal(size=signal.shape)
    returns[2:] += 0.01 * signal[:-2]
    moves = 0.02 * np.repeat(rng.normal(size=(LENGTH, _GROUPS)), PEERS, axis=1) + 0.01 * rng.normal(size=signal.shape)
    found = samples(replace(drawn, returns=returns))
    last = moves[: len(found.sessions)].reshape(-1, 1).astype(np.float32)
    columns = Columns(found.columns.feature_set, found.columns.number, (*found.columns.names, "ret_1"))
    return replace(found, columns=columns, features=np.hstack([found.features, last]))
