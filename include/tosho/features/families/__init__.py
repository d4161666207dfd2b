"""The families of features, one module each. Importing this package fills the registry."""

from tosho.features.families import returns, volatility, volume

CORE = tuple(module.__name__.rpartition(".")[2] for module in (returns, volatility, volume))
"""Families of set 1, in the order of FEATURES.md."""
