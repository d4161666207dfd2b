"""Qlib's Alpha158, column for column: the families of feature set 2, in the order of Qlib's columns.

Source: FEATURES.md, "Alpha158"; `qlib.contrib.data.loader.Alpha158DL` (Yang et al. 2020, arXiv:2009.11189). The
formulas stand once, and look back with the windows they are given: those of every feature or, in `tosho.features.qlib`,
Qlib's.
"""

from __future__ import annotations

from tosho.features.families import alpha158_bars, alpha158_flows, alpha158_prices

FAMILIES = tuple(module.__name__.rpartition(".")[2] for module in (alpha158_bars, alpha158_prices, alpha158_flows))
"""Families of set 2, in the order of its columns."""
