"""Several windows at once as NumPy has them, the measure of the compiled ones, and how expressions share them."""

import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from features import alpha158_oracle as plain
from tosho.features import (
    fold_kinds,
    folding,
    kernels,
    order_statistics,
    running,
    several,
    skipping,
    windows_at_once,
)
from tosho.features.windows_at_once import TRAILING, WINDOWS

ROWS = 400
DRAW = np.random.default_rng(8)
TIED = np.round(DRAW.normal(100, 3, ROWS))
SMOOTH = np.exp(DRAW.normal(0, 0.3, ROWS))
HOLED = np.where(DRAW.random(ROWS) < 0.1, np.nan, TIED)
HOLED[200:290] = np.nan


def blocks(kernel, *inputs, rows: int, monkeypatch) -> several.Several:
    monkeypatch.setattr(several, "BLOCK_ROWS", rows)
    return several.in_blocks(kernel, inputs, WINDOWS)


def test_moments_have_the_bits_of_the_single_windows() -> None:
    found = several.moments(SMOOTH, WINDOWS)
    for n in WINDOWS:
        assert np.array_equal(found[n][1], np.sqrt(kernels.variance(SMOOTH, n)))


def test_sums_have_the_bits_of_the_single_windows() -> None:
    found = several.sums(SMOOTH, (7, 5, 64))
    for n in (7, 5, 64):
        assert np.array_equal(found[n][0], kernels.total(SMOOTH, n))


def quantiles(x, windows):
    return order_statistics.quantiles(x, windows, (0.8, 0.2))


def holed_quantiles(x, windows):
    return skipping.quantiles(x, windows, (0.8, 0.2))


BY_BLOCK = [
    *(several.sums, several.moments, several.regressions, several.peaks, several.troughs),
    *(order_statistics.ranks, quantiles, skipping.sums, skipping.moments, skipping.ranks, holed_quantiles),
]


@pytest.mark.parametrize("kernel", BY_BLOCK, ids=lambda k: f"{k.__module__.rpartition('.')[2]}.{k.__name__}")
def test_a_value_has_the_same_bits_in_any_block(kernel, monkeypatch) -> None:
    with np.errstate(all="ignore"):
        whole = blocks(kernel, HOLED, rows=ROWS, monkeypatch=monkeypatch)
        cut = blocks(kernel, HOLED, rows=37, monkeypatch=monkeypatch)
        late = blocks(kernel, HOLED[123:], rows=ROWS, monkeypatch=monkeypatch)
    for n in WINDOWS:
        for a, b, c in zip(whole[n], cut[n], late[n], strict=True):
            assert np.array_equal(a, b, equal_nan=True)
            assert np.array_equal(a[123 + n - 1 :], c[n - 1 :], equal_nan=True)


@pytest.mark.parametrize("windows", [WINDOWS, (2, 3), (7, 12, 13), (64,)])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.8, 1.0])
def test_quantiles_are_numpys(windows, share) -> None:
    found = order_statistics.quantiles(TIED, windows, (share,))
    for n in windows:
        expected = np.quantile(np.lib.stride_tricks.sliding_window_view(TIED, n), share, axis=1)
        np.testing.assert_allclose(found[n][0], expected, rtol=1e-14)


def test_a_window_with_a_null_has_no_quantile_and_no_rank() -> None:
    missing = np.isnan(np.lib.stride_tricks.sliding_window_view(HOLED, 20)).any(axis=1)
    assert np.array_equal(np.isnan(quantiles(HOLED, WINDOWS)[20][1]), missing)
    assert np.array_equal(np.isnan(order_statistics.ranks(HOLED, WINDOWS)[20][0]), missing)


def test_a_series_shorter_than_the_windows_has_no_value(monkeypatch) -> None:
    for kernel in (several.moments, several.regressions, quantiles, order_statistics.ranks, several.peaks):
        for rows in (0, 1, 4):
            found = blocks(kernel, TIED[:rows], rows=100, monkeypatch=monkeypatch)
            assert all(np.isnan(value).all() and value.size == rows for n in WINDOWS for value in found[n])


def present(t: int, n: int):
    """The window's values that are there; rows before the first are not in it."""
    window = HOLED[max(t - n + 1, 0) : t + 1]
    return [x for x in window if not math.isnan(x)]


def with_rows_before(x):
    return np.concatenate([np.full(60, np.nan), x])


@pytest.mark.parametrize("n", WINDOWS)
def test_nulls_are_passed_over(n) -> None:
    x = with_rows_before(HOLED)
    with np.errstate(all="ignore"):
        made = {
            "sum": skipping.sums(x, WINDOWS)[n][0],
            "mean": skipping.moments(x, WINDOWS)[n][0],
            "deviation": skipping.moments(x, WINDOWS)[n][1],
            "upper": holed_quantiles(x, WINDOWS)[n][0],
            "rank": skipping.ranks(x, WINDOWS)[n][0],
        }
    for t in range(ROWS):
        w = present(t, n)
        expected = {
            "sum": math.fsum(w) if w else math.nan,
            "mean": plain.mean(w) if w else math.nan,
            "deviation": plain.deviation(w) if len(w) > 1 else math.nan,
            "upper": plain.quantile(w, 0.8) if w else math.nan,
            "rank": plain.rank(w) if not math.isnan(HOLED[t]) else math.nan,
        }
        for name, value in expected.items():
            assert made[name][60 + t - n + 1] == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), (name, t)


def test_a_null_wins_the_place_and_not_the_value() -> None:
    row = with_rows_before(np.arange(5.0))
    x = with_rows_before(np.array([3.0, np.nan, 9.0, np.nan, 9.0]))
    top, place = skipping.peaks(x, row, WINDOWS)[5]
    assert top[-5:].tolist() == [3, 3, 9, 9, 9]
    assert place[-5:].tolist() == [1, 2, 2, 2, 2]
    low, at = skipping.troughs(x, row, WINDOWS)[5]
    assert low[-5:].tolist() == [3, 3, 3, 3, 3]
    assert at[-5:].tolist() == [1, 2, 2, 2, 2]


def test_a_share_counts_rows_that_cannot_be_judged_but_none_before_the_first() -> None:
    flags = with_rows_before(np.array([np.nan, 1.0, np.nan, 1.0]))
    (made,) = skipping.shares(flags, with_rows_before(np.arange(4.0)), WINDOWS)[10]
    assert made[-4:].tolist() == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4])


def carried(values, n: int) -> list[float]:
    """pandas 3, one value at a time: Welford with Kahan's compensations, begun anew where a removal cancels."""
    count, mean, squares, added, removed = 0, 0.0, 0.0, 0.0, 0.0
    result = []

    def add(value: float) -> None:
        nonlocal count, mean, squares, added
        count += 1
        before, y = mean - added, value - added
        step = y - mean
        added = step + mean - y
        mean += step / count
        squares += (value - before) * (value - mean)

    for t, value in enumerate(values):
        doubtful = False
        if t >= n and not math.isnan(values[t - n]):
            old, count = values[t - n], count - 1
            if count:
                before, y, all_squares = mean - removed, old - removed, squares
                step = y - mean
                removed = step + mean - y
                mean -= step / count
                squares -= (old - before) * (old - mean)
                doubtful = squares < all_squares * running.ILL_CONDITIONED
            else:
                mean = squares = 0.0
        if doubtful:
            count, mean, squares, added, removed = 0, 0.0, 0.0, 0.0, 0.0
            for x in values[t - n + 1 : t + 1]:
                if not math.isnan(x):
                    add(x)
        elif not math.isnan(value):
            add(value)
        result.append(math.sqrt(max(squares, 0) / (count - 1)) if count > 1 else math.nan)
    return result


def test_carried_deviations_have_the_rounding_of_all_rows_before() -> None:
    rough = HOLED * np.exp(DRAW.normal(0, 4, ROWS))
    rough[300:380] = 0
    still = TIED * 1e-3
    still[100:220] = 0.1
    rows = np.stack([rough, still, TIED], axis=1)
    with np.errstate(all="ignore"):
        made = running.deviations(rows, WINDOWS)
    for number, n in enumerate(WINDOWS):
        for series in range(3):
            assert np.array_equal(made[number, :, series], carried(rows[:, series].tolist(), n), equal_nan=True)
    assert (made[:, 190, 1] > 0).any()  # what is left of a window that stands still


def test_results_are_shared_by_the_columns_they_were_made_of(monkeypatch) -> None:
    made = []
    monkeypatch.setitem(
        windows_at_once._KERNELS,
        "sums",
        windows_at_once._Kept(lambda x, windows: made.append(1) or folding.fold(fold_kinds.TOTAL, x, windows)),
    )
    frame = pl.DataFrame({"a": TIED, "b": SMOOTH})
    totals = [TRAILING.total(pl.col(name), n).alias(f"{name}{n}") for name in "ab" for n in WINDOWS]
    first = frame.select(totals)
    assert len(made) == 2
    assert frame.clone().select(totals).equals(first)
    assert len(made) == 2
    other = pl.DataFrame({"a": TIED + 1, "b": SMOOTH * 2}).select(totals)
    assert not other.equals(first)
    assert len(made) == 4


def test_a_column_in_pieces_and_with_nulls_gives_the_same() -> None:
    whole = pl.DataFrame({"a": HOLED}).with_columns(pl.col("a").fill_nan(None))
    pieces = pl.concat([whole[:130], whole[130:]], rechunk=False)
    assert pieces["a"].n_chunks() == 2
    ranks = [TRAILING.rank(pl.col("a"), n).alias(str(n)) for n in WINDOWS]
    assert pieces.select(ranks).equals(whole.select(ranks))


def test_threads_share_results_and_agree() -> None:
    frames = [pl.DataFrame({"a": TIED + k}) for k in range(12)]
    means = [TRAILING.mean(pl.col("a"), n).alias(str(n)) for n in WINDOWS]
    alone = [frame.select(means) for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda k: frames[k % 12].select(means), range(48)))
    assert all(made.equals(alone[k % 12]) for k, made in enumerate(together))


def test_an_expression_travels_by_pickle() -> None:
    expression = pickle.loads(pickle.dumps(TRAILING.slope(pl.col("a"), 5)))
    frame = pl.DataFrame({"a": SMOOTH})
    assert frame.select(expression).equals(frame.select(TRAILING.slope(pl.col("a"), 5)))


def test_what_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ValueError, match="A window of 7 rows was asked for"):
        TRAILING.mean(pl.col("a"), 7)
    with pytest.raises(ValueError, match=r"it shares columns\. Name an intermediate"):
        TRAILING.mean(pl.col("a") * 2, 5)
