import doctest
from datetime import date

import pytest

from tosho.point_in_time import months, segments
from tosho.point_in_time.segments import CHANGED, SEGMENTS, UnknownSegmentError, in_use, successor
from tosho.simulation import sectors


def test_five_segments_became_three_on_one_session():
    assert in_use(date(2022, 4, 1)) == ("0101", "0102", "0104", "0105", "0106", "0107", "0109")
    assert in_use(CHANGED) == ("0105", "0109", "0111", "0112", "0113")


def test_of_the_first_section_nobody_can_tell_where_a_company_went():
    assert successor("0101") is None


@pytest.mark.parametrize(("former", "now"), [("0102", "0112"), ("0104", "0113"), ("0106", "0112"), ("0107", "0113")])
def test_of_the_others_a_group_has_one_successor(former, now):
    assert successor(former) == now


@pytest.mark.parametrize("code", ["0105", "0109", "0111", "0112", "0113"])
def test_a_segment_in_use_is_its_own(code):
    assert successor(code) == code


def test_a_code_that_nobody_knows_is_refused():
    with pytest.raises(UnknownSegmentError, match="code '0103'; known are 0101"):
        successor("0103")


def test_every_successor_is_in_use_and_the_simulated_market_bears_known_codes():
    assert {code for segment in SEGMENTS for code in segment.successors} <= set(in_use(CHANGED))
    for day in (date(2022, 4, 1), CHANGED):
        assert {sectors.segment_on(code, day) for code in ("0109", "0111", "0112", "0113")} <= set(in_use(day))


@pytest.mark.parametrize("module", [segments, months])
def test_examples_are_true(module):
    assert doctest.testmod(module).failed == 0
