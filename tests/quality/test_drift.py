from datetime import date

import polars as pl

from tosho.quality.drift import distances


def test_a_count_that_all_codes_share_goes_up_without_drifting():
    def listed(n):
        rows = [n + 1] * 5 + [n] * 195
        return pl.DataFrame({"session": [date(2018, 11, 16)] * 200, "days_listed": rows})

    assert distances(listed(51), listed(50), ["days_listed"])["days_listed"].place < 0.1
    assert distances(listed(150), listed(50), ["days_listed"])["days_listed"].place > 1


def test_a_value_that_sectors_share_is_not_judged():
    def breadth(level):
        rows = [level + sector / 1000 for sector in range(33) for _ in range(20)]
        return pl.DataFrame({"session": [date(2018, 11, 16)] * 660, "sec_breadth": rows})

    assert distances(breadth(0.9), breadth(0.1), ["sec_breadth"]) == {}
