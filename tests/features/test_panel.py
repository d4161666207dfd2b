from datetime import UTC, date, datetime

import polars as pl
import pytest

from features.small_market import FLAT, STEADY, SmallMarket
from tosho.features import columns
from tosho.features.panel import PanelError, build_panel
from tosho.point_in_time.prices import splits_of

DAYS = [date(2024, 4, n) for n in (1, 2, 3, 4, 5)]


def bars(*rows: tuple[date, str, float | None, float]) -> pl.DataFrame:
    """Bars by session, code, price and adj_factor; volume is 100."""
    frame = pl.DataFrame(rows, schema=["session", "code", "close", "adj_factor"], orient="row")
    price = pl.col("close").cast(pl.Float64)
    volume = pl.when(price.is_not_null()).then(100.0)
    return frame.with_columns(
        *(price.alias(name) for name in ("open", "high", "low", "close")),
        volume.alias("volume"),
        (volume * price).alias("turnover_yen"),
        pl.lit(None, pl.Boolean).alias("upper_limit_hit"),
        pl.lit(None, pl.Boolean).alias("lower_limit_hit"),
    )


def column(panel: pl.DataFrame, code: str, name: str) -> list[object]:
    return panel.filter(pl.col("code") == code)[name].to_list()


def test_a_session_without_bar_or_listing_is_no_row() -> None:
    panel = build_panel(
        bars(*((d, "13010", 10.0, 1.0) for d in DAYS), (DAYS[1], "72030", 5.0, 1.0), (DAYS[3], "72030", 6.0, 1.0))
    )
    assert panel.select(columns.KEY).rows() == [(d, "13010") for d in DAYS] + [(d, "72030") for d in DAYS[1:4:2]]
    assert column(panel, "13010", "follows") == [False, True, True, True, True]
    assert column(panel, "72030", "follows") == [False, False]
    assert column(panel, "72030", "sessions_listed") == [1.0, 2.0]


def test_no_bar_is_no_row() -> None:
    none = bars((DAYS[0], "13010", 1.0, 1.0)).clear()
    assert build_panel(none, sessions=DAYS).equals(pl.DataFrame(schema=columns.PANEL))


def test_what_is_made_of_columns_that_are_not_given_is_null() -> None:
    given = bars((DAYS[0], "13010", 100.0, 1.0), (DAYS[1], "13010", 50.0, 0.5))
    whole, narrow = build_panel(given), build_panel(given.select("session", "code", "close", "adj_factor"))
    made = ["open", "high", "low", "volume", "volume_raw", "turnover_yen", "upper_limit_hit", "lower_limit_hit"]
    assert narrow.drop(made).equals(whole.drop(made))
    assert narrow.select(made).null_count().row(0) == (2,) * len(made)
    assert narrow.schema == whole.schema


@pytest.mark.parametrize("told", [["scale"], []])
def test_a_listing_without_sectors_tells_who_was_listed(market: SmallMarket, told: list[str]) -> None:
    whole = build_panel(market.bars, None, market.securities)
    narrow = build_panel(market.bars, None, market.securities.select("session", "code", *told))
    absent = [name for name in ("sector33", "segment", "scale") if name not in told]
    assert narrow.drop(absent).equals(whole.drop(absent))
    assert narrow.select(absent).null_count().row(0) == (whole.height,) * len(absent)
    assert narrow.schema == whole.schema


def test_sessions_given_are_absences_even_if_no_bar_shows_them() -> None:
    panel = build_panel(bars((DAYS[0], "13010", 1.0, 1.0), (DAYS[4], "13010", 2.0, 1.0)), sessions=DAYS)
    assert panel.select("session", "follows").rows() == [(DAYS[0], False), (DAYS[4], False)]
    assert build_panel(bars((DAYS[0], "13010", 1.0, 1.0), (DAYS[4], "13010", 2.0, 1.0)))["follows"][1]


def test_whether_there_is_a_row_is_known_in_the_session(market: SmallMarket) -> None:
    """A code that comes back has no row while it is away, as on an evening on which nobody knows that it will."""
    away = market.without(STEADY, market.sessions[900:910])
    now = build_panel(away.bars, away.shares, away.securities)
    for place in (899, 900, 905, 909, 910, 930):
        cut = market.sessions[place]
        seen = away.until(cut)
        then = build_panel(seen.bars, seen.shares, seen.securities, sessions=market.sessions[: place + 1])
        assert then.equals(now.filter(pl.col("session") <= cut))


def test_sessions_listed_are_the_rows_of_the_newest_750(market: SmallMarket) -> None:
    away = market.without(STEADY, market.sessions[100:400])
    panel = build_panel(away.bars, None, away.securities)
    assert column(panel, STEADY, "sessions_listed")[-1] == 750 - 190
    assert column(panel, FLAT, "sessions_listed")[-1] == 750
    assert column(panel, STEADY, "sessions_listed")[549] == 450  # session 849


def test_the_listing_extends_a_code_beyond_its_bars() -> None:
    listing = pl.DataFrame(
        {"session": DAYS[:3], "code": ["13010"] * 3, "sector33": "0050", "segment": "0111", "scale": ["-", "-", None]}
    )
    panel = build_panel(bars((DAYS[1], "13010", 1.0, 1.0)), None, listing)
    assert panel["session"].to_list() == DAYS[:3]
    assert panel["close"].to_list() == [None, 1.0, None]
    assert panel["scale"].to_list() == ["-", "-", None]


def test_a_split_leaves_no_jump_and_the_price_before_it_alone() -> None:
    rows = [(DAYS[0], "13010", 1000.0, 1.0), (DAYS[1], "13010", 500.0, 0.5), (DAYS[2], "13010", 510.0, 1.0)]
    panel = build_panel(bars(*rows))
    assert panel["close"].to_list() == [1000.0, 1000.0, 1020.0]
    assert panel["close_raw"].to_list() == [1000.0, 500.0, 510.0]
    assert panel["volume"].to_list() == [100.0, 50.0, 50.0]
    assert panel["volume_raw"].to_list() == [100.0, 100.0, 100.0]
    assert build_panel(bars(rows[0]))["close"].to_list() == [1000.0]


def test_earlier_splits_give_an_incremental_panel_the_bits_of_a_full_one(market: SmallMarket) -> None:
    first = market.sessions[860]
    full = build_panel(market.bars, market.shares, market.securities).filter(pl.col("session") >= first)
    recent = market.since(first)
    splits = splits_of(market.bars.filter(pl.col("session") < first))
    part = build_panel(recent.bars, market.shares, recent.securities, splits=splits)
    told_by_earlier_rows = ("sessions_listed", "follows")
    assert part.drop(told_by_earlier_rows).equals(full.drop(told_by_earlier_rows))
    assert splits.height == 5


def test_shares_are_those_last_known_and_move_with_a_split() -> None:
    def stated(session: date, shares: float) -> tuple[date, str, datetime, float]:
        return session, "13010", datetime(2024, 3, 1, session.day, tzinfo=UTC), shares

    shares = pl.DataFrame(
        [stated(date(2024, 3, 1), 1e6), stated(DAYS[3], 2.2e6)],
        schema=["session", "code", "known_at", "shares_outstanding"],
        orient="row",
    )
    panel = build_panel(bars(*((d, "13010", 1.0, 0.5 if d == DAYS[1] else 1.0) for d in DAYS)), shares)
    assert panel["shares_outstanding"].to_list() == [1e6, 2e6, 2e6, 2.2e6, 2.2e6]
    assert build_panel(bars((date(2024, 2, 1), "13010", 1.0, 1.0)), shares)["shares_outstanding"].to_list() == [None]


def test_a_listing_tells_the_sector_of_65_sessions(market: SmallMarket) -> None:
    told = market.securities.filter(pl.col("session") == market.sessions[100])
    panel = build_panel(market.bars, None, told)
    assert column(panel, STEADY, "sector33")[99:167] == [None] + ["0050"] * 66 + [None]


def test_of_two_statements_in_a_session_the_later_counts() -> None:
    shares = pl.DataFrame(
        {
            "session": [DAYS[0]] * 2,
            "code": ["13010"] * 2,
            "known_at": [datetime(2024, 4, 1, 6, tzinfo=UTC), datetime(2024, 4, 1, 3, tzinfo=UTC)],
            "shares_outstanding": [7.0, 3.0],
        }
    )
    assert build_panel(bars((DAYS[0], "13010", 1.0, 1.0)), shares)["shares_outstanding"].to_list() == [7.0]


def test_what_is_not_given_is_null() -> None:
    panel = build_panel(bars((DAYS[0], "13010", 1.0, 1.0)))
    assert dict(panel.schema) == dict(columns.PANEL)
    assert panel.select("shares_outstanding", "sector33", "segment", "scale").row(0) == (None,) * 4


def test_order_of_rows_does_not_matter(market: SmallMarket) -> None:
    panel = build_panel(market.bars, market.shares, market.securities)
    shuffled = (
        frame.sample(fraction=1, shuffle=True, seed=2) for frame in (market.bars, market.shares, market.securities)
    )
    assert build_panel(*shuffled).equals(panel)


def test_two_bars_of_one_session_are_refused() -> None:
    with pytest.raises(PanelError, match="1 of 2 bars repeat a session and code"):
        build_panel(bars((DAYS[0], "13010", 1.0, 1.0), (DAYS[0], "13010", 2.0, 1.0)))
