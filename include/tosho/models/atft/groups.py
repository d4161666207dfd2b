"""Groups of features, each with a network of its own in variable selection: the families of the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from tosho.features.spec import features
from tosho.models.atft.selection import Groups


def groups_of(names: Sequence[str]) -> Groups:
    """Return the places of each family's features, families in the order of their first; what the catalogue does not
    know is one group more.

    >>> groups_of(["ret_1", "mine", "ret_2", "vol_20"])
    ((0, 2), (1,), (3,))
    """
    catalogue = features()
    found: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        family = catalogue[name].family if name in catalogue else ""
        found.setdefault(family, []).append(place)
    return tuple(map(tuple, found.values()))
