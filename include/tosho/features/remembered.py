"""How far back features look, as an earlier process found it out.

To find out, `probe` evaluates each feature, for which the loops of windows must be had: four seconds, in each of the
processes of an evening. So the answers are kept, by everything that they depend on: the source of this package, the
versions of what evaluates it, and the names asked for. They are kept for features of this package alone: of others no
source is known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl

from tosho.config import caches
from tosho.features import families, probe, spec
from tosho.features.spec import Feature


def lookbacks(ordered: Sequence[Feature]) -> dict[str, int]:
    """Return what `probe.lookbacks` returns: remembered, or found out and kept for the next process.

    Raises:
        DefinitionError: A feature has no value within the rows that are probed.
    """
    if not all(map(_is_of_package, ordered)):
        return probe.lookbacks(ordered)
    depends = (_definitions(), *(feature.name for feature in ordered))
    return caches.remembered("lookbacks", depends, lambda: probe.lookbacks(ordered))


def _is_of_package(feature: Feature) -> bool:
    return feature.family in families.STANDARD and spec.features().get(feature.name) is feature


@cache
def _definitions() -> str:
    """Return what values depend on beside the names: half a megabyte, read in milliseconds."""
    return caches.digest(pl.__version__, np.__version__, *caches.sources(__package__))
