from datetime import date
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tosho.calendar import sessions
from tosho.point_in_time.universe import ATTRIBUTES, UNIVERSE, UniverseError, advance, begin, universe_at

DAYS = sessions(date(2022, 3, 29), date(2022, 4, 6))
APRIL_1, APRIL_4 = DAYS.index(date(2022, 4, 1)), DAYS.index(date(2022, 4, 4))


def listing(day, *codes, segment="0101"):
    rows = [{"session": day, "code": code, **dict.fromkeys(ATTRIBUTES, "-"), "segment": segment} for code in codes]
    schema = {"session": pl.Date, "code": pl.String, **dict.fromkeys(ATTRIBUTES, pl.String)}
    return pl.DataFrame(rows, schema=schema)


def of(universe, code):
    return universe.row(by_predicate=pl.col("code") == code, named=True)


def test_a_code_is_seen_first_and_last_and_stays_when_it_is_gone():
    listings = [listing(DAYS[0], "A", "B"), listing(DAYS[1], "A", "B", "C"), listing(DAYS[2], "B", "C")]
    universe = universe_at(listings, DAYS[2])
    seen = universe.select("code", "first_seen", "last_seen", "is_listed", "since_start").rows()
    assert seen == [
        ("A", DAYS[0], DAYS[1], False, True),
        ("B", DAYS[0], DAYS[2], True, True),
        ("C", DAYS[1], DAYS[2], True, False),
    ]
    assert universe.schema == UNIVERSE


def test_on_a_session_nobody_knows_who_will_be_delisted():
    listings = [listing(DAYS[0], "A", "B"), listing(DAYS[1], "B")]
    assert of(universe_at(listings, DAYS[0]), "A")["is_listed"]
    assert not of(universe_at(listings, DAYS[1]), "A")["is_listed"]


def test_a_session_without_a_listing_knows_the_one_before():
    listings = [listing(DAYS[0], "A"), listing(DAYS[2], "B")]
    assert universe_at(listings, DAYS[1]).equals(universe_at(listings[:1], DAYS[0]))


def test_a_code_that_comes_back_keeps_its_first_sight_and_counts_its_absence():
    listings = [listing(day, *codes) for day, codes in zip(DAYS, ["AB", "B", "B", "AB", "B", "AB"], strict=False)]
    back = of(universe_at(listings, DAYS[5]), "A")
    assert (back["first_seen"], back["last_seen"], back["absences"], back["is_listed"]) == (DAYS[0], DAYS[5], 2, True)
    assert of(universe_at(listings, DAYS[4]), "A")["absences"] == 1


def test_a_segment_is_the_one_of_its_day_and_never_the_coming_one():
    listings = [listing(day, "A", segment="0101" if day < date(2022, 4, 4) else "0112") for day in DAYS]
    assert of(universe_at(listings, DAYS[APRIL_1]), "A")["segment"] == "0101"
    assert of(universe_at(listings, DAYS[APRIL_4]), "A")["segment"] == "0112"


def test_a_delisted_code_keeps_the_segment_of_its_last_sight():
    listings = [listing(DAYS[0], "A", "B"), *(listing(day, "B", segment="0111") for day in DAYS[APRIL_4:])]
    assert of(universe_at(listings, DAYS[-1]), "A")["segment"] == "0101"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (listing(DAYS[0], "A"), "came after that of 2022-03-30"),
        (listing(DAYS[1], "A"), "came after that of 2022-03-30"),
        (listing(DAYS[2], "A", "A"), "repeats 1 of 2 codes"),
        (listing(DAYS[2]), "0 rows of 0 sessions"),
        (pl.concat([listing(DAYS[2], "A"), listing(DAYS[3], "A")]), "2 rows of 2 sessions"),
    ],
)
def test_a_listing_that_cannot_follow_is_refused(wrong, said):
    universe = advance(begin(), listing(DAYS[1], "A"))
    with pytest.raises(UniverseError, match=said):
        advance(universe, wrong)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sets(st.sampled_from("ABCD"), min_size=1), min_size=1, max_size=len(DAYS)))
def test_plain_code_gives_the_same(listed):
    universe = universe_at([listing(day, *codes) for day, codes in zip(DAYS, listed, strict=False)], DAYS[-1])
    for code, first, last, is_listed, since_start, absences, *_ in universe.rows():
        there = [code in codes for codes in listed]
        places = [n for n, seen in enumerate(there) if seen]
        gaps = sum(b - a > 1 for a, b in pairwise(places))
        assert (first, last, absences) == (DAYS[places[0]], DAYS[places[-1]], gaps)
        assert (is_listed, since_start) == (there[-1], there[0])
    assert universe["code"].to_list() == sorted(set().union(*listed))
