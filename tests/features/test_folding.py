"""Compiled windows have the bits of the NumPy expressions that say what they are."""

import numpy as np
import pytest

from tosho.features import (
    carried,
    few_rows,
    folding,
    many_rows,
    order_statistics,
    row_loops,
    running,
    several,
    skipping,
    some_sorted,
    sorted_windows,
)
from tosho.features import fold_kinds as kinds
from tosho.features.windows_at_once import WINDOWS

ROWS = 2500  # several tiles
DRAW = np.random.default_rng(11)
LEVEL = np.round(np.exp(DRAW.normal(0, 0.02, ROWS).cumsum()) * 1000)
HOLED = np.where(DRAW.random(ROWS) < 0.01, np.nan, LEVEL)
HOLED[DRAW.random(ROWS) < 0.003] = np.inf
RETURNS = np.where(DRAW.random(ROWS) < 0.1, 0, DRAW.normal(0, 0.02, ROWS))
RETURNS[500:700] = 0
OTHER = np.where(DRAW.random(ROWS) < 0.01, np.nan, DRAW.normal(0, 1, ROWS))
FLAGS = np.where(DRAW.random(ROWS) < 0.01, np.nan, DRAW.random(ROWS) < 0.7)
SPEED = np.where(DRAW.random(ROWS) < 0.01, np.nan, DRAW.random(ROWS))


def same(made, expected) -> bool:
    """Equal to the last bit, but for what NaN is made of."""
    there = ~np.isnan(expected)
    return np.array_equal(there, ~np.isnan(made)) and np.array_equal(
        np.ascontiguousarray(made)[there].view(np.int64), np.ascontiguousarray(expected)[there].view(np.int64)
    )


def in_blocks(kernel, *inputs, windows=WINDOWS) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.concatenate([np.stack(made) for made in several.in_blocks(kernel, inputs, windows).values()])


@pytest.mark.parametrize(
    ("kind", "kernel", "inputs"),
    [
        (kinds.TOTAL, several.sums, (HOLED,)),
        (kinds.MOMENTS, several.moments, (HOLED,)),
        (kinds.REGRESSION, several.regressions, (HOLED,)),
        (kinds.CORRELATION, several.correlations, (HOLED, OTHER)),
        (kinds.PEAK, several.peaks, (HOLED,)),
        (kinds.TROUGH, several.troughs, (HOLED,)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@pytest.mark.parametrize("windows", [WINDOWS, (2, 7, 64)], ids=str)
def test_several_windows_at_once(kind, kernel, inputs, windows) -> None:
    assert same(folding.fold(kind, inputs[0], windows, *inputs[1:]), in_blocks(kernel, *inputs, windows=windows))


SINGLE = [
    (kinds.TOTAL, 0, (HOLED,)),
    (kinds.MEAN, 0, (HOLED,)),
    (kinds.HIGHEST, 0, (RETURNS,)),
    (kinds.LOWEST, 0, (RETURNS,)),
    (kinds.RUN, 0, (FLAGS,)),
    (kinds.AGE, 0, (HOLED,)),
    (kinds.VARIANCE, 0, (RETURNS,)),
    (kinds.ZSCORE, 0, (HOLED,)),
    (kinds.SKEWNESS, 0, (RETURNS,)),
    (kinds.KURTOSIS, 0, (RETURNS,)),
    (kinds.REGRESSION, 0, (HOLED,)),
    (kinds.REGRESSION, 1, (HOLED,)),
    (kinds.CORRELATION, 0, (RETURNS, OTHER)),
    (kinds.BETA, 0, (RETURNS, OTHER)),
    (kinds.RESIDUAL_DEVIATION, 0, (RETURNS, OTHER)),
    (kinds.FALLING, 0, (RETURNS, OTHER)),
    (kinds.ADAPTIVE, 0, (HOLED, SPEED)),
    (kinds.CUMULATIVE, 0, (OTHER,)),
]


def by_few_rows(kind, part, inputs, window, decay=1.0):
    x, y = (*inputs, None)[:2]
    return few_rows.fold(x, y, window=window, kind=kind, part=part, decay=decay)


@pytest.mark.parametrize(("kind", "part", "inputs"), SINGLE)
@pytest.mark.parametrize("window", [4, 20, 63, 252])
def test_a_single_window(kind, part, inputs, window) -> None:
    expected = by_few_rows(kind, part, inputs, window)
    assert np.isfinite(expected).any() or window > 63
    assert same(folding.fold(kind, inputs[0], (window,), *inputs[1:])[part], expected)


@pytest.mark.parametrize(("kind", "part", "inputs"), SINGLE)
@pytest.mark.parametrize("rows", [1, 19, 20, 21])
def test_a_window_of_about_all_rows_there_are(kind, part, inputs, rows) -> None:
    inputs = [x[:rows] for x in inputs]
    assert same(folding.fold(kind, inputs[0], (20,), *inputs[1:])[part], by_few_rows(kind, part, inputs, 20))


@pytest.mark.parametrize("span", [5, 60, 200])
def test_weights_that_decay(span) -> None:
    decay, window = 1 - 2 / (span + 1), 4 * span
    expected = by_few_rows(kinds.DECAYED, 0, (HOLED,), window, decay)
    assert same(folding.fold(kinds.DECAYED, HOLED, (window,), decay=decay)[0], expected)


@pytest.mark.parametrize("shares", [(0.8, 0.2), (0.0, 0.5, 1.0)], ids=str)
@pytest.mark.parametrize("windows", [WINDOWS, (1,), (2, 3), (7, 12, 13), (64,)], ids=str)
def test_quantiles_and_ranks(windows, shares) -> None:
    expected = in_blocks(lambda x, windows: order_statistics.quantiles(x, windows, shares), HOLED, windows=windows)
    assert same(sorted_windows.quantiles(HOLED, windows, shares), expected)
    ranks = in_blocks(order_statistics.ranks, HOLED, windows=tuple(n for n in windows if n > 1) or (2,))
    assert same(sorted_windows.ranks(HOLED, tuple(n for n in windows if n > 1) or (2,)), ranks)


def test_windows_that_look_at_each_row() -> None:
    weights = DRAW.normal(0, 1, 100)
    assert same(many_rows.convolution(HOLED, tuple(weights)), few_rows.convolution(HOLED, tuple(weights)))
    assert same(many_rows.mean_distance(HOLED, 20), few_rows.mean_distance(HOLED, 20))
    assert same(many_rows.share_below(RETURNS, 100), few_rows.share_below(RETURNS, 100))


ROW = np.arange(ROWS) - 60.0
ROW[1200:] = np.arange(ROWS - 1200) - 60.0
ROW[ROW < 0] = np.nan
BROKEN = np.where(np.isnan(ROW), np.nan, HOLED)
BROKEN[2000:2100] = np.nan


@pytest.mark.parametrize(
    ("kind", "kernel", "inputs"),
    [
        (kinds.SOME_TOTAL, skipping.sums, (BROKEN,)),
        (kinds.SOME_MOMENTS, skipping.moments, (BROKEN,)),
        (kinds.SOME_CORRELATION, skipping.correlations, (BROKEN, OTHER)),
        (kinds.SOME_SHARE, skipping.shares, (FLAGS, ROW)),
        (kinds.SOME_PEAK, skipping.peaks, (BROKEN, ROW)),
        (kinds.SOME_TROUGH, skipping.troughs, (BROKEN, ROW)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_windows_that_pass_over_nulls(kind, kernel, inputs) -> None:
    assert same(folding.fold(kind, inputs[0], WINDOWS, *inputs[1:]), in_blocks(kernel, *inputs))


def test_quantiles_and_ranks_that_pass_over_nulls() -> None:
    expected = in_blocks(lambda x, windows: skipping.quantiles(x, windows, (0.8, 0.2)), BROKEN)
    assert same(some_sorted.quantiles(BROKEN, WINDOWS, (0.8, 0.2)), expected)
    assert same(some_sorted.ranks(BROKEN, WINDOWS), in_blocks(skipping.ranks, BROKEN))


def test_a_trend_that_passes_over_nulls_counts_rows_from_the_newest_back() -> None:
    made = folding.fold(kinds.SOME_TREND, BROKEN, WINDOWS)
    slope, _, residual = in_blocks(skipping.regressions, BROKEN).reshape(len(WINDOWS), 3, ROWS).swapaxes(0, 1)
    np.testing.assert_allclose(made[::2], slope, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(made[1::2], residual, rtol=1e-9, atol=1e-9)
    late = folding.fold(kinds.SOME_TREND, BROKEN[777:], WINDOWS)
    assert same(late[:, 60:], made[:, 777 + 60 :])


def test_what_is_carried_from_row_to_row() -> None:
    rough = HOLED * np.exp(DRAW.normal(0, 4, ROWS))
    rough[~np.isfinite(rough)] = np.nan
    rough[300:380], rough[700:900] = 0, 0.1
    first = 1000  # where a second series begins
    row = np.concatenate([np.arange(first), np.arange(ROWS - first)]).astype(float)
    for loop, plain in ((carried.deviations, running.deviations), (carried.explained, running.explained)):
        made = np.empty((len(WINDOWS), ROWS))
        loop(rough, row, np.array(WINDOWS), made)
        with np.errstate(all="ignore"):
            expected = [plain(part[:, None], WINDOWS)[:, :, 0] for part in (rough[:first], rough[first:])]
        assert same(made, np.concatenate(expected, axis=1))


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_a_series_shorter_than_the_window_has_no_value(rows) -> None:
    x = LEVEL[:rows]
    for kind in range(len(kinds.STATES)):
        assert np.isnan(folding.fold(kind, x, (5, 20), x)).all()
    assert np.isnan(sorted_windows.ranks(x, (5, 20))).all()
    assert np.isnan(sorted_windows.quantiles(x, (5, 20), (0.5,))).all()
    assert row_loops.convolution(x, np.ones(5)).size == rows
