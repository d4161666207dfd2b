from datetime import date

import numpy as np
import polars as pl
import pytest

from tosho.calendar import offset, sessions
from tosho.config import S3
from tosho.contracts import BARS, HORIZONS, SECURITIES
from tosho.dataset.labels import REACH, label_bars, label_sessions
from tosho.storage import Files, Lake

DAYS = sessions(date(2024, 1, 4), date(2024, 3, 29))


def bars(code="13010", days=DAYS, closes=None, factors=None):
    closes = closes or [100.0 + i for i in range(len(days))]
    return pl.DataFrame(
        {
            "session": days,
            "code": code,
            **dict.fromkeys(("open", "high", "low", "close"), closes),
            "volume": [None if c is None else 1000.0 for c in closes],
            "turnover_yen": [None if c is None else 1e6 for c in closes],
            "adj_factor": factors or [1.0] * len(days),
            "upper_limit_hit": False,
            "lower_limit_hit": False,
        },
        schema_overrides={**dict.fromkeys(("open", "high", "low", "close", "volume", "turnover_yen"), pl.Float64)},
    )


def label_of(frame, session, horizon=5, listed=None, code="13010"):
    labels = label_bars(frame, listed)
    return labels.filter(pl.col("session") == session, pl.col("code") == code)[f"y_{horizon}"].item()


@pytest.fixture
def lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/lake", S3()))


@pytest.mark.parametrize("horizon", HORIZONS)
def test_the_label_is_the_return_from_the_next_close_on(horizon):
    assert label_of(bars(), DAYS[3], horizon) == pytest.approx((104.0 + horizon) / 104.0 - 1)


@pytest.mark.parametrize("halted", [4, 9])
def test_no_label_without_a_trade_at_entry_or_exit(halted):
    closes = [100.0 + i for i in range(len(DAYS))]
    closes[halted] = None
    assert label_of(bars(closes=closes), DAYS[3]) is None


def test_a_halt_in_between_leaves_the_label():
    closes = [100.0 + i for i in range(len(DAYS))]
    closes[6] = None
    assert label_of(bars(closes=closes), DAYS[3]) == pytest.approx(109 / 104 - 1)


def test_a_split_in_between_is_no_return():
    closes = [100.0] * 6 + [50.0] * (len(DAYS) - 6)
    factors = [1.0] * len(DAYS)
    factors[6] = 0.5
    assert label_of(bars(closes=closes, factors=factors), DAYS[3]) == pytest.approx(0.0)


def test_a_label_does_not_reach_into_the_next_code():
    two = pl.concat([bars(days=DAYS[:10], closes=[100.0 + i for i in range(10)]), bars("13020")])
    assert label_of(two, DAYS[6]) is None
    assert label_of(two, DAYS[3]) is not None


def test_no_label_over_a_session_without_a_listing():
    both = pl.concat([bars(), bars("13020")]).select("session", "code")
    listed = both.filter((pl.col("session") != DAYS[6]) | (pl.col("code") == "13020"))
    assert label_of(bars(), DAYS[3], listed=listed) is None
    assert label_of(bars(), DAYS[6], listed=listed) is None
    assert label_of(bars(), DAYS[7], listed=listed) is not None


def test_a_session_without_any_listing_tells_nothing():
    listed = bars().select("session", "code").filter(pl.col("session") != DAYS[6])
    assert label_of(bars(), DAYS[3], listed=listed) is not None


def test_a_label_has_the_same_bits_wherever_the_bars_begin_and_end():
    """With splits of 1:3, whose factors are not exact, before, in and after the windows."""
    draw = np.random.default_rng(5)
    factors = [1 / 3 if n % 7 == 3 else 1.1 if n % 7 == 5 else 1.0 for n in range(len(DAYS))]
    closes = list(1e7 * np.exp(np.cumsum(draw.normal(0, 0.02, len(DAYS)))) * np.cumprod(factors))
    frame = bars(closes=closes, factors=factors)
    whole = label_bars(frame)
    for begin in range(30):
        part = label_bars(frame[begin : begin + 27])
        known = whole.filter(pl.col("session").is_in(part["session"][: 27 - REACH].implode()))
        assert part[: 27 - REACH].equals(known)
        assert known.null_count().sum_horizontal().item() == 0


def test_a_listed_code_that_does_not_trade_has_a_row_and_no_label():
    listed = pl.concat([bars(), bars("13020")]).select("session", "code")
    labels = label_bars(bars(), listed)
    assert labels.select("session", "code").equals(listed.sort("code", "session"))
    assert labels.filter(pl.col("code") == "13020")["y_1"].null_count() == len(DAYS)


def test_only_sessions_whose_labels_are_all_known_are_published(lake):
    publish(lake)
    known = label_sessions(lake, DAYS[0], DAYS[40])
    assert known == DAYS[: 41 - REACH] == lake.sessions("labels")
    assert offset(known[-1], REACH) == DAYS[40]
    assert lake.read("labels", known[-1]).null_count().sum_horizontal().item() == 0


def test_labels_are_the_same_bytes_whatever_came_later(lake):
    publish(lake)
    label_sessions(lake, DAYS[0], DAYS[30])
    before = lake.manifest("labels", DAYS[5])
    label_sessions(lake, DAYS[0], DAYS[-1])
    assert lake.manifest("labels", DAYS[5]) == before


def test_a_correction_of_the_bars_makes_new_labels(lake):
    publish(lake)
    label_sessions(lake, DAYS[0], DAYS[-1])
    corrected = bars(days=DAYS[10:11], closes=[500.0])
    lake.publish("bars", DAYS[10], corrected)
    label_sessions(lake, DAYS[0], DAYS[-1])
    assert lake.read("labels", DAYS[9])["y_1"].item() == pytest.approx(111 / 500 - 1)


def test_the_listing_of_the_lake_counts(lake):
    publish(lake)
    for day in DAYS:
        lake.publish("securities", day, listing(day, "13020" if day == DAYS[6] else "13010"))
    label_sessions(lake, DAYS[0], DAYS[-1])
    assert lake.read("labels", DAYS[3])["y_5"].item() is None
    assert lake.read("labels", DAYS[0])["y_1"].item() is not None


def test_a_session_that_was_not_taken_in_does_not_shift_the_labels(lake):
    publish(lake, without=DAYS[10])
    label_sessions(lake, DAYS[0], DAYS[-1])
    assert lake.read("labels", DAYS[9])["y_1"].item() is None
    assert lake.read("labels", DAYS[8])["y_5"].item() == pytest.approx(114 / 109 - 1)


def publish(lake, without=None):
    whole = BARS.conform(bars())
    for day in (d for d in DAYS if d != without):
        lake.publish("bars", day, whole.filter(pl.col("session") == day))


def listing(day, code):
    row = dict.fromkeys(SECURITIES.schema, "x") | {"session": day, "code": code}
    return pl.DataFrame([row]).drop("known_at")  # when a listing was published, the contract knows
