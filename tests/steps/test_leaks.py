"""The evening's leak gate: published features against what their own past gives, and against what followed."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from parity import market
from tosho.contracts import HORIZONS, INDICES, features_contract
from tosho.features.plan import plan
from tosho.features.sets import FeatureSet, feature_set
from tosho.steps import leaks
from tosho.steps.leaks import APART, comparable, due, judge_leaks, sample
from tosho.storage import layout

SESSIONS, CODES = 110, 24
NAMES = ("ret_1", "vol_20", "turnover", "mkt_ret_1", "sec_ret_1", "csr_ret_1", "alpha_20", "alert_on", "mrg_long_short")


@pytest.fixture(scope="module")
def few():
    whole = feature_set("standard")
    return FeatureSet(whole.name, whole.number, tuple(f for f in whole.features if f.name in NAMES))


@pytest.fixture(scope="module")
def lake(tmp_path_factory, few):
    """A lake of which the evening is four sessions before its end, with what the local engine makes of that session."""
    made = market.publish(tmp_path_factory.mktemp("lake"), SESSIONS, CODES, told=40)
    market.publish_locally(made, made, few, made.sessions("bars")[-5:])
    return made


@pytest.fixture
def session(lake):
    return lake.sessions("bars")[-5]


@pytest.fixture
def published(lake, few, session):
    """What was published, and a way to publish it otherwise; it is put back."""
    before, facts = lake.read("features", session), lake.manifest("features", session).facts
    contract = features_contract(few.names)
    yield lambda change: lake.publish("features", session, change(before), contract=contract, facts=facts)
    lake.publish("features", session, before, contract=contract, facts=facts)


def recomputed(lake, few, session):
    return judge_leaks(lake, session, plan(few))[0]


def test_what_one_s_own_past_gives_is_passed_though_the_lake_goes_on(lake, few, session):
    found = recomputed(lake, few, session)
    assert (found.gate, found.passed, found.value) == ("features.recomputed", True, 0)
    assert f"of {lake.manifest('features', session).rows} codes" in found.detail


def test_what_is_made_of_other_codes_is_not_compared(few):
    compared = comparable(plan(few))
    assert {"ret_1", "mkt_ret_1", "turnover", "alert_on"} <= set(compared)
    assert not {"sec_ret_1", "csr_ret_1"} & set(compared)


@pytest.mark.parametrize("partitions", ["none", "without a row"])
def test_where_the_universe_stands_in_for_the_index_it_is_not_compared(few, tmp_path, partitions):
    """A sample of codes is no universe."""
    bare = market.publish(tmp_path, 40, codes=8)
    days = bare.sessions("bars")
    for day in bare.sessions("indices"):
        if partitions == "none":
            bare.files.delete_folder(layout.partition_path("indices", day))
        else:
            bare.publish("indices", day, INDICES.empty())
    near = FeatureSet(few.name, few.number, tuple(f for f in few.features if f.name in {"ret_1", "mkt_ret_1"}))
    market.publish_locally(bare, bare, near, days[-1:])
    assert bare.read("features", days[-1])["mkt_ret_1"].null_count() == 0
    found = recomputed(bare, near, days[-1])
    assert found.passed
    assert found.detail.startswith("1 features of ")


def test_each_kind_of_records_has_its_turn(lake, few):
    passes, days = plan(few), lake.sessions("bars")[-3:]
    turns = [set(due(passes, comparable(passes), day)) for day in days]
    assert set.union(*turns) == set(comparable(passes))
    assert set.intersection(*turns) == set(comparable(passes)) - {"alert_on", "mrg_long_short"}


def test_features_of_another_session_are_found(lake, few, session, published):
    """A partition that was made with tomorrow's rows."""
    tomorrow = lake.read("features", lake.sessions("bars")[-4]).with_columns(pl.lit(session).alias("session"))
    published(lambda before: tomorrow.join(before.select("code"), on="code", how="semi"))
    found = recomputed(lake, few, session)
    assert not found.passed
    assert found.stops
    assert "ret_1: " in found.detail


def test_one_bit_is_found(lake, few, session, published):
    def change(before):
        moved = np.nextafter(before["vol_20"].to_numpy(), np.float32(9), dtype=np.float32)
        return before.with_columns(pl.Series("vol_20", moved, nan_to_null=True))

    published(change)
    found = recomputed(lake, few, session)
    assert (found.passed, found.value) == (False, 1)
    assert "not the published bits have: vol_20: " in found.detail


def test_other_codes_are_taken_each_evening(lake):
    codes, days = [f"{n}0" for n in range(1300, 1900)], lake.sessions("bars")
    taken = [sample(codes, day, 50) for day in days[-2:]]
    assert [len(set(of)) for of in taken] == [50, 50]
    assert taken[0] != taken[1]
    assert taken[0] == sample(codes[::-1], days[-2], 50)


@pytest.fixture
def labelled(tmp_path, few):
    """A lake with labels of many sessions, and features of those that are looked at; `leak` sees the labels."""
    made, days = market.new_lake(tmp_path), market.sessions(4 * APART)
    codes, draw = market.codes_of(CODES), np.random.default_rng(4)
    facts = {"feature_set": few.name, "number": few.number}

    def publish(leak):
        for number, day in enumerate(days[::-1]):
            key = {"session": [day] * CODES, "code": codes}
            labels = {f"y_{h}": draw.normal(size=CODES) for h in HORIZONS}
            made.publish("labels", day, pl.DataFrame(key | labels))
            if number % APART == 0:
                values = {name: draw.normal(size=CODES) for name in few.names}
                values["vol_20"] += leak * labels["y_10"]
                made.publish("features", day, pl.DataFrame(key | values), contract=contract, facts=facts)
        return made

    contract = features_contract(few.names)
    return publish


def rank_ic(lake, few):
    return leaks._rank_ic(lake, lake.sessions("features")[-1], plan(few))


def test_features_of_nothing_raise_no_alarm(labelled, few):
    found = rank_ic(labelled(leak=0), few)
    assert found.passed
    assert "over 4 sessions with labels: none" in found.detail


def test_a_feature_that_sees_the_label_raises_one_and_does_not_stop_the_run(labelled, few):
    found = rank_ic(labelled(leak=20), few)
    assert (found.passed, found.stops, found.value) == (False, False, 1)
    assert "vol_20: Its rank IC with the returns of 10 sessions is +0.99" in found.detail


def test_without_labels_there_is_no_reference(lake, few, session):
    found = judge_leaks(lake, session, plan(few))[1]
    assert found.passed
    assert "no reference: 0 sessions with labels" in found.detail


def test_nothing_to_compare_is_no_pass(lake, few, session):
    of_session = FeatureSet(few.name, few.number, tuple(f for f in few.features if f.name == "csr_ret_1"))
    assert not recomputed(lake, replace(of_session), session).passed
