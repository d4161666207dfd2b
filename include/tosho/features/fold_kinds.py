"""The kinds of windows that `folding` has compiled loops for, by number: known without the compiler."""

from __future__ import annotations

from typing import Final

TOTAL: Final = 0
MEAN: Final = 1
HIGHEST: Final = 2
LOWEST: Final = 3
DECAYED: Final = 4
RUN: Final = 5
MOMENTS: Final = 6
VARIANCE: Final = 7
ZSCORE: Final = 8
REGRESSION: Final = 9
CORRELATION: Final = 10
BETA: Final = 11
RESIDUAL_DEVIATION: Final = 12
PEAK: Final = 13
TROUGH: Final = 14
AGE: Final = 15
ADAPTIVE: Final = 16
SKEWNESS: Final = 17
KURTOSIS: Final = 18
FALLING: Final = 19
CUMULATIVE: Final = 20

SOME_TOTAL: Final = 21
"""From here on of the values that there are, as `skipping` has it."""
SOME_MOMENTS: Final = 22
SOME_SHARE: Final = 23
SOME_CORRELATION: Final = 24
SOME_TREND: Final = 25
SOME_PEAK: Final = 26
SOME_TROUGH: Final = 27

STATES: Final = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 5, 5, 5, 2, 2, 2, 2, 4, 4, 5, 3, 2, 3, 2, 6, 5, 4, 4)
"""Parts that the state of each kind has."""

COLUMNS: Final = (1, 1, 1, 1, 1, 1, 2, 1, 1, 3, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 2, 2, 2)
"""Results that each kind has of a window."""
