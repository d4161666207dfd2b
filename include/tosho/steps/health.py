"""One step of training on a handful of drawn rows: what an image must be able to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.util import find_spec

import numpy as np

from tosho.calendar import offset, sessions
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import counts_to_bounds
from tosho.dataset.samples import Columns, Samples
from tosho.models.base import Learner
from tosho.models.bundle import BundleError
from tosho.models.kinds import learner, network

_LAST, _SESSIONS, _CODES = date(2025, 3, 31), 40, 30
_NAMES = ("ret_1", "drawn_1", "drawn_2")


def one_step() -> dict[str, object]:
    """Fit a tree to each horizon, and where torch is installed a network for one step; return what was done.

    Raises:
        BundleError: A score is not finite.
    """
    rows = drawn()
    train, validation = (rows.between(rows.sessions[a], rows.sessions[b]) for a, b in ((0, 24), (25, -1)))
    learners = {kind: _small(kind) for kind in ("lightgbm", *(["atft"] if find_spec("torch") else []))}
    for kind, one in learners.items():
        scores = one.fit(train, validation, lambda _: None).predict(validation)
        if not np.isfinite(scores).all():
            raise BundleError(f"A {kind} fitted to {train.rows} drawn rows gave scores that are not finite.")
    return {"healthy": sorted(learners), "rows": rows.rows}


def drawn() -> Samples:
    """Return random rows with labels, the same each time."""
    rng = np.random.default_rng(0)
    count = _SESSIONS * _CODES
    return Samples(
        Columns("drawn", 1, _NAMES),
        tuple(sessions(offset(_LAST, 1 - _SESSIONS), _LAST)),
        counts_to_bounds(np.full(_SESSIONS, _CODES)),
        np.tile(np.array([f"{1300 + i}0" for i in range(_CODES)], dtype="S5"), _SESSIONS),
        rng.normal(size=(count, len(_NAMES))).astype(np.float32),
        (0.01 * rng.normal(size=(count, len(HORIZONS)))).astype(np.float32),
    )


def _small(kind: str) -> Learner:
    found = learner(kind).brief()
    if kind != "atft":
        return replace(found, rounds=1)  # type: ignore[type-var] # a learner is a dataclass; its protocol is none
    reduced = network("reduced")
    return replace(reduced, schedule=replace(reduced.schedule, epochs=1, sessions_per_epoch=1, threads=1))
