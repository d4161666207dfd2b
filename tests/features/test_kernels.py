"""Windows against NumPy on random data, and what they promise about bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tosho.features import kernels

lengths = st.integers(1, 70)
series = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=0, max_size=150).map(np.array)

SIMPLE = {
    kernels.total: np.sum,
    kernels.mean: np.mean,
    kernels.highest: np.max,
    kernels.lowest: np.min,
    kernels.rows_since_highest: lambda w: len(w) - 1 - max(np.flatnonzero(w == w.max())),
}


@pytest.mark.parametrize("kernel", SIMPLE, ids=lambda k: k.__name__)
@settings(max_examples=60, deadline=None)
@given(x=series, window=lengths)
def test_against_numpy(kernel, x: np.ndarray, window: int) -> None:
    expected = [SIMPLE[kernel](x[t - window + 1 : t + 1]) for t in range(window - 1, len(x))]
    np.testing.assert_allclose(kernel(x, window), expected, rtol=1e-9, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(x=series, window=st.integers(2, 70))
def test_variance_against_numpy(x: np.ndarray, window: int) -> None:
    expected = [np.var(x[t - window + 1 : t + 1], ddof=1) for t in range(window - 1, len(x))]
    np.testing.assert_allclose(kernels.variance(x, window), expected, rtol=1e-7, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(x=series, before=series, after=series, window=st.integers(4, 70))
def test_bits_do_not_depend_on_what_lies_around(x, before, after, window) -> None:
    for kernel in (kernels.total, kernels.mean, kernels.variance, kernels.skewness, kernels.highest):
        with np.errstate(all="ignore"):
            alone, within = kernel(x, window), kernel(np.concatenate([before, x, after]), window)
        np.testing.assert_array_equal(within[len(before) : len(before) + len(alone)], alone, strict=True)


@pytest.mark.parametrize("window", [2, 5, 20, 60, 252])
def test_a_flat_window_is_exactly_flat(window: int) -> None:
    flat = np.full(window + 3, 1234.1)
    assert (kernels.mean(flat, window) == 1234.1).all()
    assert (kernels.decayed_mean(flat, window, 0.93) == 1234.1).all()
    assert (kernels.variance(flat, window) == 0).all()
    assert (kernels.trend(flat, window)[0] == 0).all()


def test_a_small_spread_on_a_high_level_does_not_cancel() -> None:
    x = 1e9 + np.array([0.0, 1.0] * 30)
    assert kernels.variance(x, 60)[0] == pytest.approx(np.var([0.0, 1.0] * 30, ddof=1), rel=1e-12)


@pytest.mark.parametrize("size", [0, 1, 4])
def test_a_window_longer_than_the_series_has_no_value(size: int) -> None:
    x = np.ones(size)
    assert kernels.total(x, 5).size == kernels.convolution(x, [1.0] * 5).size == kernels.share_below(x, 5).size == 0
    assert np.isnan(kernels.padded(kernels.total(x, 5), size)).all()


def test_a_run_is_counted_to_its_cap() -> None:
    holds = np.array([0, 1, 1, 1, 1, 1, 0, 1], float)
    assert kernels.run_length(holds, 3).tolist() == [2, 3, 3, 3, 0, 1]


def test_nan_in_the_window_gives_nan() -> None:
    x = np.arange(10.0)
    x[3] = np.nan
    for kernel in (*SIMPLE, kernels.variance, kernels.run_length):
        assert np.isnan(kernel(x, 3)).tolist() == [False, True, True, True, False, False, False, False]
