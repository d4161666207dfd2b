import doctest

import pytest

from bench import growth


def test_the_examples_hold():
    assert doctest.testmod(growth).failed == 0


def test_a_power_is_found_again():
    found = growth.fit([(rows, 3e-4 * rows**1.2) for rows in (1e3, 1e4, 1e5, 1e6)])

    assert found.exponent == pytest.approx(1.2)
    assert found.last == pytest.approx(1.2)


def test_two_points_are_no_fit():
    assert growth.fit([(10, 1), (100, 10)]) is None


def test_a_tiny_market_has_each_size_once():
    assert growth.sizes(60, 150) == {"codes": [(50, 30), (60, 30)], "sessions": [(50, 30), (50, 61), (50, 150)]}
