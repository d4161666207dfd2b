from datetime import date

import polars as pl

from tosho.features.pieces.by_session import BySession

DAYS = [date(1969, 12, 30), date(2024, 1, 4), date(2024, 1, 4), date(2024, 1, 9)]
ROWS = pl.DataFrame({"session": DAYS, "code": ["A", "A", "B", "A"]})


def test_both_ends_are_included_also_before_1970():
    assert BySession(ROWS).between(DAYS[0], date(2024, 1, 4)).equals(ROWS[:3])


def test_days_without_rows_have_none():
    assert BySession(ROWS).between(date(2024, 1, 5), date(2024, 1, 8)).is_empty()
