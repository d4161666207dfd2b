"""A repair builds later sessions again: they are judged with its own."""

import polars as pl
import pytest

from parity import market
from tosho.contracts import features_contract
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.steps.gates import FeatureJudge, judge_later

SESSIONS, CODES = 60, 120
FEW = FeatureSet("core", 1, tuple(f for f in feature_set("core").features if f.name in {"ret_1", "ret_5", "natr14"}))


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake whose last five sessions have features."""
    made = market.publish(tmp_path_factory.mktemp("lake"), SESSIONS, CODES)
    market.publish_locally(made, made, FEW, made.sessions("bars")[-5:])
    return made


def later_than(lake, session):
    """Return what is said of the sessions after one, by the judge as the repair's own session leaves it."""
    judge = FeatureJudge(lake, plan(FEW))
    judge.read_history(day for day in lake.sessions("bars") if day < session)
    judge.judge(session)
    return judge_later(judge, session)


def test_the_sessions_after_a_repair_are_judged(lake):
    assert later_than(lake, lake.sessions("features")[0]) == {"later_sessions": 4, "later_defects": {}}


def test_an_evening_has_none(lake):
    assert later_than(lake, lake.sessions("features")[-1]) == {"later_sessions": 0, "later_defects": {}}


def test_a_defect_among_them_is_named(lake):
    repaired, _, defective, *_ = lake.sessions("features")
    before = lake.manifest("features", defective)
    without = lake.read("features", defective).with_columns(pl.lit(None, pl.Float32).alias("ret_1"))
    lake.publish("features", defective, without, contract=features_contract(FEW.names), facts=before.facts)
    found = later_than(lake, repaired)
    assert found["later_sessions"] == 4
    assert found["later_defects"][defective.isoformat()].startswith("Gate features")


def test_sessions_of_another_set_are_left_alone(lake):
    repaired, *_, last = lake.sessions("features")
    facts = {**lake.manifest("features", last).facts, "feature_set": "another"}
    lake.publish("features", last, lake.read("features", last)[:1], contract=features_contract(FEW.names), facts=facts)
    assert later_than(lake, repaired)["later_sessions"] == 3
