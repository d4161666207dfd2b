"""A drawn panel, right in every respect, for tests of batches and of networks."""

from __future__ import annotations

from datetime import date

import numpy as np

from tosho.calendar import sessions
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import z_scores
from tosho.dataset.panel_files import PanelManifest
from tosho.dataset.samples import TARGET_LIMIT, Columns
from tosho.dataset.vocabulary import SIZES

DAYS = tuple(sessions(date(2024, 1, 4), date(2024, 3, 29)))


def manifest_of(days=DAYS, codes=70, features=5, degree=6, **more):
    names = (*(f"f{i}" for i in range(features - 1)), "missing_share")
    weeks = tuple({day.isocalendar()[:2]: day for day in reversed(days)}.values())[::-1]
    return PanelManifest(
        Columns("drawn", 9, names), tuple(days), tuple(f"{1300 + i}0" for i in range(codes)), weeks, HORIZONS, degree,
        **more,
    )  # fmt: skip


def arrays_of(manifest, seed=1):
    """Return the panel's arrays by name, [sessions | weeks, ...]; some codes come late or are away at times."""
    rng = np.random.default_rng(seed)
    days, codes, features = len(manifest.sessions), len(manifest.codes), len(manifest.columns.names)
    present = rng.random((days, codes)) < 0.9
    present[: days // 2, ::7] = False
    returns = rng.normal(0, 0.02, (days, codes, len(HORIZONS))).astype(np.float32)
    returns[~present | (rng.random((days, codes)) < 0.05)] = np.nan
    every = np.array([0, codes])
    targets = [[z_scores(day[:, h], every, TARGET_LIMIT) for h in range(len(HORIZONS))] for day in returns]
    neighbours, edges = _graph(rng, len(manifest.weeks), codes, manifest.degree)
    return {
        "features": rng.normal(size=(days, codes, features)).astype(np.float32) * present[:, :, None],
        "present": present.astype(np.uint8),
        "returns": returns,
        "targets": np.array(targets, np.float32).transpose(0, 2, 1),
        "static": np.stack([rng.integers(0, n, (days, codes)) for n in SIZES], axis=2).astype(np.uint8),
        "neighbours": neighbours,
        "edges": edges,
    }


def _graph(rng, weeks, codes, degree):
    neighbours = np.full((weeks, codes, degree), -1, np.int32)
    for week in neighbours:
        for code, mine in enumerate(week):
            found = rng.choice(np.delete(np.arange(codes), code), rng.integers(0, degree + 1), replace=False)
            mine[: found.size] = found
    rho, same = rng.uniform(-1, 1, neighbours.shape), rng.integers(0, 2, (2, *neighbours.shape))
    edges = np.stack([rho, *same], axis=3) * (neighbours >= 0)[..., None]
    return neighbours, edges.astype(np.float32)


def panel_of(manifest=None, arrays=None):
    """Return the panel of some arrays in memory."""
    import torch

    from tosho.dataset.tensors import Panel

    manifest = manifest or manifest_of()
    arrays = arrays or arrays_of(manifest)
    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    if manifest.precision == "bfloat16":
        tensors["features"] = tensors["features"].bfloat16()
    return Panel(manifest, **tensors)
