"""Five minutes without an answer after gross excess."""

import pytest

from tosho.simulation.answers import BAD_KEY, BLOCKED, TOO_MANY, ApiError
from tosho.simulation.gate import Gate
from tosho.simulation.limits import Block, RateLimit

KEY = "a-key-for-tests"


@pytest.fixture
def gate():
    """A gate of two requests a minute, and its clock."""
    moment = [0.0]
    limits = (RateLimit(2, now=lambda: moment[0]), RateLimit(2, now=lambda: moment[0]), Block(2, now=lambda: moment[0]))
    return Gate(KEY, "standard", *limits), moment


def answer(gate, endpoint="/markets/short-ratio"):
    try:
        gate.admit(endpoint, KEY)
    except ApiError as refused:
        return refused.message
    return None


def test_too_many_refusals_within_a_minute_block_everything_for_five_minutes(gate):
    way_in, moment = gate
    assert [answer(way_in) for _ in range(7)] == [None, None, *[TOO_MANY] * 5]
    assert answer(way_in) == BLOCKED
    assert answer(way_in, "/fins/summary") == BLOCKED
    moment[0] = 299.0
    assert answer(way_in) == BLOCKED
    moment[0] = 300.0
    assert answer(way_in) is None


def test_refusals_spread_over_minutes_do_not_block(gate):
    way_in, moment = gate
    for minute in range(5):
        moment[0] = 61.0 * minute
        assert [answer(way_in) for _ in range(6)] == [None, None, *[TOO_MANY] * 4]


def test_statements_have_a_pace_of_their_own(gate):
    way_in, _ = gate
    assert [answer(way_in), answer(way_in), answer(way_in, "/fins/earnings-date")] == [None, None, None]


def test_another_key_is_told_so_even_while_blocked(gate):
    way_in, _ = gate
    for _ in range(9):
        answer(way_in)
    with pytest.raises(ApiError, match=BAD_KEY):
        way_in.admit("/markets/short-ratio", "another")
