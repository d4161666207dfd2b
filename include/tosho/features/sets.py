"""The numbered feature sets. A number stands for names, order and definitions: a change of these needs a new one."""

from __future__ import annotations

from dataclasses import dataclass

from tosho.features import families
from tosho.features.spec import Feature, features


class UnknownFeatureSetError(LookupError):
    """No feature set has this name."""


@dataclass(frozen=True)
class FeatureSet:
    """Features in the order of their columns."""

    name: str
    number: int
    features: tuple[Feature, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(feature.name for feature in self.features)


_SETS = {
    "core": (1, families.CORE),
    "alpha158": (2, families.ALPHA158),
    "full": (3, families.FULL),
    "standard": (4, families.STANDARD),
}


def feature_sets() -> tuple[str, ...]:
    """Return the names of all sets, by number."""
    return tuple(_SETS)


def feature_set(name: str) -> FeatureSet:
    """Return a feature set.

    Raises:
        UnknownFeatureSetError: There is none of this name.
    """
    if name not in _SETS:
        raise UnknownFeatureSetError(f"Feature set {name!r} was asked for; there are {sorted(_SETS)}.")
    number, within = _SETS[name]
    members = (f for family in within for f in features().values() if f.family == family and f.published)
    return FeatureSet(name, number, tuple(members))
