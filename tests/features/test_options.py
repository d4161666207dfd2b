"""Options on the Nikkei 225 against plain Python, on chains with holes, and on the simulated market."""

import math
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from statistics import NormalDist, mean, stdev

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tosho import calendar
from tosho.contracts import INGESTED
from tosho.features.dates import calendar_columns
from tosho.features.families import options as family
from tosho.features.records.options import OPTIONS, READS, known_options, summary
from tosho.features.records.record import made_of, with_records
from tosho.features.spec import features
from tosho.ingest.sources.derivatives import to_options_225
from tosho.simulation.market import simulate

SCHEMA = {name: INGESTED["options_225"].schema[name] for name in READS}
FAMILY = [f for f in features().values() if f.family == family.__name__.rpartition(".")[2]]
NAMES = [f.name for f in FAMILY if f.published]
SESSIONS = calendar.sessions(date(2022, 1, 4), date(2022, 6, 30))
SQS = [date(2022, 1, 14), date(2022, 2, 10), date(2022, 3, 11), date(2022, 4, 8), date(2022, 5, 13), date(2022, 6, 10),
       date(2022, 7, 8), date(2022, 8, 12), date(2022, 9, 9), date(2022, 10, 14)]  # fmt: skip
MISSING, UNTRADED, WITHOUT_CALLS, NO_FAR, NO_VOLATILITY = 5, 12, 20, 30, 40
"""Sessions by place: without a chain, with an older chain too, and with chains that lack something."""
NORMAL = NormalDist()


def contract(session, sq, side, strike, **told):
    about = {"session": session, "traded_on": calendar.previous_session(session), "emergency_margin": "002"}
    return about | {"special_quotation_day": sq, "put_or_call": side, "strike": strike, "interest_rate": 0.3} | told


def chain(place, session, underlying, draw):
    """Return the contracts of a session, with a smile, a hole in it, and a row of an emergency margin."""
    before = calendar.previous_session(session)
    listed = [sq for sq in SQS if sq > before][: 2 if place == NO_FAR else 4]
    for month, sq in enumerate(listed):
        level = 22 + 2 * month + draw.uniform(-2, 2)
        strikes = [250.0 * step for step in range(int(underlying * 0.85 / 250), int(underlying * 1.15 / 250))]
        for strike, side in ((strike, side) for strike in strikes for side in "12"):
            away = math.log(strike / underlying)
            volatility = level - 40 * away + 90 * away**2 + draw.uniform(-0.1, 0.1)
            told = {"underlying_price": underlying, "implied_volatility": volatility}
            told |= {"volume": float(draw.randrange(0, 900)), "open_interest": float(draw.randrange(0, 9000))}
            if draw.random() < 0.04:
                told["implied_volatility"] = draw.choice([0.0, None])
            if place == NO_VOLATILITY:
                told |= {"implied_volatility": None, "underlying_price": None}
            if side == "2" and place == WITHOUT_CALLS:
                told["volume"] = 0.0
            yield contract(session, sq, side, strike, **told)
    emergency = {"underlying_price": underlying, "implied_volatility": 99.0, "volume": 1e6, "open_interest": 1e6}
    yield contract(session, listed[0], "1", 250.0 * round(underlying / 250), **emergency, emergency_margin="001")


def chains(draw):
    underlying = 28_000.0
    for place, session in enumerate(SESSIONS):
        underlying = round(underlying * math.exp(draw.gauss(0, 0.012)), 2)
        if place == MISSING:
            continue
        if place == UNTRADED:  # as after a holiday on which options were traded
            older = chain(place, session, underlying * 2, draw)
            yield from (told | {"traded_on": told["traded_on"] - timedelta(days=1)} for told in older)
        yield from chain(place, session, underlying, draw)


@pytest.fixture(scope="module")
def options():
    return pl.DataFrame([*chains(Random(8))], schema=SCHEMA)


def evaluated(options, sessions=SESSIONS):
    made = made_of([OPTIONS], {"options_225": options})
    frame = with_records(pl.DataFrame({"session": sessions}), [OPTIONS], made)
    for f in FAMILY:
        frame = frame.with_columns(f.expression.cast(pl.Float64).alias(f.name))
    return frame.select("session", *NAMES)


@pytest.fixture(scope="module")
def computed(options):
    return evaluated(options)


def delta(told, days):
    years, volatility = days / 365, told["implied_volatility"] / 100
    rate = told["interest_rate"] / 100
    d1 = math.log(told["underlying_price"] / told["strike"]) + (rate + volatility**2 / 2) * years
    call = NORMAL.cdf(d1 / (volatility * math.sqrt(years)))
    return call if told["put_or_call"] == "2" else 1 - call


def of_quarter_delta(rows, days):
    """Between the contracts whose |delta| is next below and next above a quarter."""
    placed = sorted((delta(told, days), told["implied_volatility"] / 100) for told in rows)
    under, over = [p for p in placed if p[0] <= 0.25], [p for p in placed if p[0] > 0.25]
    if not under or not over:
        return None
    (low, low_iv), (high, high_iv) = under[-1], over[0]
    a, b, wanted = NORMAL.inv_cdf(low), NORMAL.inv_cdf(high), NORMAL.inv_cdf(0.25)
    return low_iv + (high_iv - low_iv) * (wanted - a) / (b - a)


def at_the_money(rows, underlying):
    by_strike = {}
    for told in rows:
        by_strike.setdefault(told["strike"], {})[told["put_or_call"]] = told["implied_volatility"] / 100
    both = [(abs(strike - underlying), strike) for strike, sides in by_strike.items() if len(sides) == 2]
    both = [near for near in both if near[0] <= underlying / 20]
    return mean(by_strike[min(both)[1]].values()) if both else None


def for_days(days, points):
    """Interpolate volatility in total variance; points are (days, volatility)."""
    points = sorted((n, volatility**2 * n) for n, volatility in points if volatility is not None)
    after = [p for p in points if days <= p[0] <= days + 42]
    if not after:
        return None
    (end, ends), (begin, begins) = after[0], max([p for p in points if p[0] < days], default=(0, 0.0))
    return math.sqrt((begins + (ends - begins) * (days - begin) / (end - begin)) / days)


def of_session(rows, session):
    """Return what one session's chain says: the columns by name, None for null."""
    rows = [told for told in rows if told["emergency_margin"] == "002"]
    if not rows:
        return None
    rows = [told for told in rows if told["traded_on"] == max(told["traded_on"] for told in rows)]
    underlying, months = rows[0]["underlying_price"], {}
    for told in rows:
        days = (told["special_quotation_day"] - told["traded_on"]).days
        if told["implied_volatility"] and told["underlying_price"]:
            months.setdefault(days, []).append(told)
    quarter = {
        side: [(n, of_quarter_delta([t for t in found if t["put_or_call"] == side], n)) for n, found in months.items()]
        for side in "12"
    }
    money = [(n, at_the_money(found, underlying)) for n, found in months.items()]
    sums = {
        (name, side): sum(told[name] for told in rows if told["put_or_call"] == side)
        for name in ("volume", "open_interest") for side in "12"
    }  # fmt: skip
    front = min(told["special_quotation_day"] for told in rows if told["special_quotation_day"] >= session)
    return {
        "iv": for_days(30, money),
        "iv60": for_days(60, money),
        "put": for_days(30, quarter["1"]),
        "call": for_days(30, quarter["2"]),
        "underlying": underlying,
        "to_sq": len(calendar.sessions(session, front)) - 1,
        "volume": sums["volume", "1"] / sums["volume", "2"] if sums["volume", "2"] else None,
        "open_interest": sums["open_interest", "1"] / sums["open_interest", "2"],
    }


def less(a, b):
    return None if a is None or b is None else a - b


def squared(x):
    return None if x is None else x * x


def window(values, place, length, function):
    found = values[place + 1 - length : place + 1] if place + 1 >= length else [None]
    return None if None in found else function(found)


@pytest.fixture(scope="module")
def expected(options):
    by_session = {key[0]: rows.to_dicts() for key, rows in options.partition_by("session", as_dict=True).items()}
    empty = dict.fromkeys(("iv", "iv60", "put", "call", "underlying", "to_sq", "volume", "open_interest"))
    days = [of_session(by_session.get(session, []), session) or empty for session in SESSIONS]
    iv, level = [day["iv"] for day in days], [day["underlying"] for day in days]
    moves = [None, *(math.log(b / a) if a and b else None for a, b in pairwise(level))]
    realised = [window(moves, n, 20, lambda w: stdev(w) * math.sqrt(252)) for n in range(len(days))]
    return {
        "n225_iv_atm30": iv,
        "iv_term_slope": [less(day["iv60"], day["iv"]) for day in days],
        "pc_oi_ratio": [day["open_interest"] for day in days],
        "pc_vo_ratio": [day["volume"] for day in days],
        "skew_25": [less(day["put"], day["call"]) for day in days],
        "vrp": [less(squared(a), squared(b)) for a, b in zip(iv, realised, strict=True)],
        "iv_z60": [window(iv, n, 60, lambda w: (w[-1] - mean(w)) / stdev(w)) for n in range(len(days))],
        "days_to_sq_opt": [day["to_sq"] for day in days],
    }


def test_the_family_has_its_eight_features(expected):
    assert sorted(NAMES) == sorted(expected)


@pytest.mark.parametrize("name", NAMES)
def test_every_session_against_plain_python(computed, expected, name):
    assert sum(value is not None for value in expected[name]) >= 15
    assert expected[name][MISSING] is None
    for session, got, wanted in zip(SESSIONS, computed[name], expected[name], strict=True):
        same = got is None if wanted is None else math.isclose(got, wanted, rel_tol=1e-8, abs_tol=1e-10)
        assert same, (session, got, wanted)


def test_chains_that_lack_something_give_null_and_no_other_number(computed):
    rows = computed.to_dicts()
    assert rows[WITHOUT_CALLS]["pc_vo_ratio"] is None
    assert rows[WITHOUT_CALLS]["pc_oi_ratio"] is not None
    assert rows[NO_FAR]["iv_term_slope"] is None
    assert rows[NO_FAR]["n225_iv_atm30"] is not None
    assert rows[NO_VOLATILITY]["n225_iv_atm30"] is rows[NO_VOLATILITY]["skew_25"] is None
    assert rows[NO_VOLATILITY]["days_to_sq_opt"] is not None
    assert all(rows[MISSING][name] is None for name in NAMES)


def test_flat_volatility_is_itself_at_every_maturity(options):
    """Whatever months, strikes and deltas are interpolated between."""
    flat = summary(
        options.with_columns(implied_volatility=pl.lit(20.0)).filter(pl.col("underlying_price").is_not_null())
    )
    for name in ("options_iv_30", "options_iv_60", "options_put_iv_30", "options_call_iv_30"):
        found = flat[name].drop_nulls()
        assert found.len() >= flat.height - 1
        assert found.is_between(0.2 - 1e-12, 0.2 + 1e-12).all()


def test_two_strikes_equally_near_give_the_lower():
    session, sq = date(2022, 3, 10), date(2022, 4, 8)
    rows = [
        contract(session, sq, side, strike, underlying_price=20_125.0, implied_volatility=volatility)
        for strike, volatility in ((20_000.0, 30.0), (20_250.0, 10.0)) for side in "12"
    ]  # fmt: skip
    assert summary(pl.DataFrame(rows, schema=SCHEMA))["options_iv_30"].to_list() == [pytest.approx(0.3)]


@pytest.mark.parametrize("strike", [18_900.0, 21_100.0])
def test_a_strike_more_than_a_twentieth_away_is_not_at_the_money(strike):
    told = {"underlying_price": 20_000.0, "implied_volatility": 20.0}
    rows = [contract(date(2022, 3, 10), date(2022, 4, 8), side, strike, **told) for side in "12"]
    assert summary(pl.DataFrame(rows, schema=SCHEMA))["options_iv_30"].to_list() == [None]


@pytest.mark.parametrize(("days", "told"), [(72, True), (73, False)])
def test_volatility_is_not_taken_from_a_month_that_expires_much_later(days, told):
    session, prices = date(2022, 3, 10), {"underlying_price": 20_000.0, "implied_volatility": 20.0}
    sq = calendar.previous_session(session) + timedelta(days=days)
    rows = [contract(session, sq, side, 20_000.0, **prices) for side in "12"]
    assert summary(pl.DataFrame(rows, schema=SCHEMA))["options_iv_30"].is_not_null().to_list() == [told]


def test_a_side_counts_the_contracts_whose_number_is_known():
    rows = [
        contract(date(2022, 3, 10), date(2022, 4, 8), side, strike, volume=volume)
        for side, strike, volume in (("1", 19_000.0, None), ("1", 20_000.0, 7.0), ("2", 20_000.0, 0.0))
    ]
    found = summary(pl.DataFrame(rows, schema=SCHEMA))
    assert found.select("options_put_volume", "options_call_volume").rows() == [(7.0, 0.0)]
    assert found.select("options_put_interest", "options_call_interest").rows() == [(None, None)]


@pytest.mark.parametrize("place", [4, 40, 90])
def test_later_sessions_change_nothing(options, computed, place):
    ended = evaluated(options.filter(pl.col("session") <= SESSIONS[place]), SESSIONS[: place + 1])
    assert_frame_equal(ended, computed.head(place + 1), check_exact=True)


def test_pieces_of_sessions_put_together_are_the_whole(options):
    whole = known_options({"options_225": options})
    pieces = [options.filter(pl.col("session").is_in(SESSIONS[n : n + 7])) for n in range(0, len(SESSIONS), 7)]
    assert_frame_equal(pl.concat(summary(piece) for piece in pieces), whole, check_exact=True)


def test_the_order_of_rows_and_emergency_margins_change_nothing(options):
    wanted = summary(options)
    for seed in range(3):
        shuffled = options.filter(pl.col("emergency_margin") == "002").sample(fraction=1, shuffle=True, seed=seed)
        assert_frame_equal(summary(shuffled), wanted, check_exact=True)


def test_no_contracts_give_no_rows():
    found = summary(pl.DataFrame(schema=SCHEMA))
    assert found.columns == ["session", *OPTIONS.columns]
    assert found.height == 0


def test_days_to_sq_count_the_day_on_which_the_exchange_failed():
    session, sq = date(2020, 9, 30), date(2020, 10, 9)
    rows = pl.DataFrame([contract(session, sq, "1", 20_000.0)], schema=SCHEMA)
    assert summary(rows)["options_to_sq"].to_list() == calendar_columns([session])["to_sq"].to_list() == [7]


def test_an_sq_beyond_the_calendar_is_unknown():
    rows = pl.DataFrame([contract(date(2022, 3, 10), date(2050, 1, 14), "1", 20_000.0)], schema=SCHEMA)
    assert summary(rows)["options_to_sq"].to_list() == [None]


class TestSimulatedMarket:
    @pytest.fixture(scope="class")
    def sent(self, tmp_path_factory):
        folder = tmp_path_factory.mktemp("options")
        simulate(folder, codes=50, sessions=30, last=date(2023, 3, 31))
        return pl.read_parquet(folder / "options_225.parquet").select(pl.all().cast(pl.String))

    def test_its_volatility_is_found_again(self, sent):
        rows = to_options_225(sent)
        found = summary(rows).join(rows.group_by("session").agg(pl.col("base_volatility").first()), on="session")
        level = found["base_volatility"] / 100
        assert found.height == 30
        assert ((found["options_iv_30"] / level - 1).abs() < 0.015).all()
        assert (found["options_put_iv_30"] > found["options_call_iv_30"]).all()

    def test_the_front_month_expires_on_the_calendars_sq(self, sent):
        found = summary(to_options_225(sent))
        assert found["options_to_sq"].to_list() == calendar_columns(found["session"])["to_sq"].to_list()
