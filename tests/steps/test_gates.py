"""Features are judged against the rows that the panel makes."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from tosho.calendar import sessions
from tosho.contracts import SECURITIES, SHARES, features_contract
from tosho.features import local
from tosho.features.panel import build_panel
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.steps.gates import STATEMENTS_AT_MOST, FeatureJudge
from tosho.storage import Files, Lake

DAYS = sessions(date(2024, 1, 4), date(2024, 6, 28))
CODES = ("13010", "72030", "83060")
FEW = FeatureSet("core", 1, tuple(f for f in feature_set("core").features if f.name in {"ret_1", "turnover"}))
ROWS, STALE = "features.rows", "features.statements_stale"


@pytest.fixture
def lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/lake"))


def bars(day, codes):
    price = [100.0 + DAYS.index(day) % 7 + CODES.index(code) for code in codes]
    prices = dict.fromkeys(("open", "high", "low", "close", "volume", "turnover_yen"), price)
    flags = dict.fromkeys(("upper_limit_hit", "lower_limit_hit"), False)
    return pl.DataFrame({"session": day, "code": codes, **prices, "adj_factor": 1.0, **flags})


def listing(day, codes):
    text = dict.fromkeys(SECURITIES.schema, "x")
    del text["known_at"]
    return pl.DataFrame([text | {"session": day, "code": code} for code in codes])


def statements(day, codes):
    known = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    rows = [(day, code, known, 1e6) for code in codes]
    return pl.DataFrame(rows, schema=SHARES.schema, orient="row")


def fill(lake, days, *, untraded=(), unlisted=(), stated=()):
    """Publish a market of three codes and its features; `untraded` and `unlisted` are pairs of session and code."""
    for day in days:
        lake.publish("bars", day, bars(day, [c for c in CODES if (day, c) not in untraded]))
        lake.publish("securities", day, listing(day, [c for c in CODES if (day, c) not in unlisted]))
        lake.publish("shares", day, statements(day, CODES if day in stated else ()))
    tables = {name: lake.read_many(name, days) for name in ("bars", "shares", "securities")}
    made = local.compute(build_panel(**tables), None, FEW)
    for (day,), rows in made.partition_by("session", as_dict=True).items():
        lake.publish("features", day, rows, contract=features_contract(FEW.names))


def verdict(judge, session, gate):
    return next((v for v in judge.judge(session) if v.gate == gate), None)


def test_a_listed_code_without_a_bar_has_a_row(lake):
    fill(lake, DAYS[:5], untraded=[(DAYS[4], "72030")])
    judge = FeatureJudge(lake, plan(FEW))
    judge.read_history(DAYS[:4])
    assert verdict(judge, DAYS[4], ROWS).passed
    assert judge.seen == dict.fromkeys(CODES, 5)


def test_a_code_with_a_bar_and_no_listing_has_a_row(lake):
    fill(lake, DAYS[:3], unlisted=[(DAYS[2], "72030")])
    assert verdict(FeatureJudge(lake, plan(FEW)), DAYS[2], ROWS).passed


def test_a_row_that_is_missing_is_seen(lake):
    fill(lake, DAYS[:3], untraded=[(DAYS[2], "72030")])
    short = lake.read("features", DAYS[2]).filter(pl.col("code") != "72030")
    lake.publish("features", DAYS[2], short, contract=features_contract(FEW.names))
    found = verdict(FeatureJudge(lake, plan(FEW)), DAYS[2], ROWS)
    assert (found.passed, found.value) == (False, 1.0)


def test_a_code_that_was_away_begins_anew(lake):
    gone = [(day, "72030") for day in DAYS[2:4]]
    fill(lake, DAYS[:6], untraded=gone, unlisted=gone)
    judge = FeatureJudge(lake, plan(FEW))
    judge.read_history(DAYS[:3])
    assert judge.seen == {"13010": 3, "83060": 3}
    assert all(verdict(judge, day, ROWS).passed for day in DAYS[3:6])
    assert judge.seen == {"13010": 6, "72030": 2, "83060": 6}


def test_statements_that_ended_are_seen(lake):
    fill(lake, DAYS[: STATEMENTS_AT_MOST + 4], stated=DAYS[1:3])
    judge = FeatureJudge(lake, plan(FEW))
    assert verdict(judge, DAYS[0], STALE) is None
    assert verdict(judge, DAYS[2], STALE).value == 0
    last_good = verdict(judge, DAYS[2 + STATEMENTS_AT_MOST], STALE)
    assert (last_good.passed, last_good.value) == (True, STATEMENTS_AT_MOST)
    assert not verdict(judge, DAYS[3 + STATEMENTS_AT_MOST], STALE).passed


def test_a_lake_that_never_had_statements_is_judged_without(lake):
    fill(lake, DAYS[: STATEMENTS_AT_MOST + 4])
    judge = FeatureJudge(lake, plan(FEW))
    assert verdict(judge, DAYS[STATEMENTS_AT_MOST + 3], STALE) is None
    assert "turnover" in judge.without_source
