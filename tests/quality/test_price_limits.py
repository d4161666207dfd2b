import polars as pl
import pytest

from tosho.quality.price_limits import BELOW, LIMIT, price_limit


@pytest.mark.parametrize(
    ("base", "limit"),
    [
        (1, 30),
        (99, 30),
        (100, 50),
        (617, 100),
        (737, 150),
        (1006, 300),
        (3310, 700),
        (7870, 1500),
        (19170, 4000),
        (6e7, 1e7),
    ],
)
def test_limits_of_known_bases(base, limit):
    """617, 737, 1006, 3310, 7870 and 19170 yen are base prices in the exchange's own notices."""
    assert price_limit(pl.Series([float(base)]))[0] == limit


def test_the_table_has_a_limit_for_each_band_and_grows():
    assert len(LIMIT) == len(BELOW) + 1
    assert list(BELOW) == sorted(BELOW)
    assert list(LIMIT) == sorted(LIMIT)
