"""Which version scores a session, and what is said when it had seen what followed."""

import polars as pl
import pytest

from planted.market import QUICK, draw, fill, settings_of
from tosho.calendar import offset
from tosho.contracts import features_contract
from tosho.dataset.samples import ColumnsError
from tosho.features.sets import feature_set
from tosho.models.registry import Registry
from tosho.steps import scoring
from tosho.steps.training import train

DRAWN = draw(codes=60, length=220)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
MIDDLE, SEEN, FRESH = DRAWN.sessions[199], DRAWN.sessions[150], DRAWN.sessions[200]


@pytest.fixture(scope="module")
def lake(settings):
    return scoring.Lake.of(settings)


@pytest.fixture(scope="module")
def first(settings):
    """A champion that knew what followed `SEEN`, and nothing from `FRESH` on."""
    registry = Registry(settings)
    train(settings, FIRST, MIDDLE, learner=QUICK)
    registry.promote(registry.newest())
    return registry.champion()


@pytest.fixture(scope="module")
def second(settings, first):
    """The champion that came after it and knew all sessions."""
    registry = Registry(settings)
    train(settings, FIRST, LAST, learner=QUICK)
    registry.promote(registry.newest())
    return registry.champion()


def test_a_version_tells_what_it_knew(settings, first):
    assert first.knew == MIDDLE
    assert Registry(settings).bundle(first).knew == MIDDLE


def test_a_session_that_the_model_knew_is_flagged_in_every_row(settings, first, lake):
    done = scoring.score(settings, SEEN)
    assert done["flag"] == "in_sample"
    assert lake.read("predictions", SEEN)["flags"].str.split(",").list.contains("in_sample").all()


def test_the_last_known_session_counts_as_known_and_the_next_does_not(settings, first, lake):
    assert scoring.score(settings, MIDDLE)["flag"] == "in_sample"
    assert scoring.score(settings, FRESH)["flag"] == ""
    assert not lake.read("predictions", FRESH)["flags"].str.contains("in_sample").any()


def test_an_earlier_champion_scores_what_the_present_one_knew(settings, first, second, lake):
    before = scoring.score(settings, FRESH)
    assert (before["version"], before["flag"]) == (first.version, "")
    assert set(lake.read("predictions", FRESH)["model_version"]) == {first.version}
    assert scoring.score(settings, FRESH)["sha256"] == before["sha256"]


def test_where_all_knew_the_session_the_champion_scores_it_with_the_flag(settings, first, second):
    done = scoring.score(settings, SEEN)
    assert (done["version"], done["flag"]) == (second.version, "in_sample")


def test_a_version_that_was_never_promoted_scores_no_past_session(settings, first, second):
    registry = Registry(settings)
    train(settings, DRAWN.sessions[3], DRAWN.sessions[180], learner=QUICK)
    assert registry.newest().knew == DRAWN.sessions[180]
    assert registry.champion().version == second.version
    assert scoring.score(settings, DRAWN.sessions[190])["flag"] == "in_sample"


def test_features_of_another_set_are_refused(settings, second, lake):
    session = DRAWN.sessions[210]
    frame = lake.read("features", session)
    contract = features_contract(feature_set("core").names)
    lake.publish("features", session, frame, contract=contract, facts={"feature_set": "other", "number": 1})
    with pytest.raises(ColumnsError, match="holds feature set 'other' number 1; asked for was 'core' number 1"):
        scoring.score(settings, session)
    assert not lake.has("predictions", session)


def test_unproven_and_in_sample_are_both_said(tmp_path):
    settings, nothing = settings_of(tmp_path), draw(codes=60, strength=0.0, seed=11)
    lake = fill(settings, nothing)
    assert not train(settings, nothing.sessions[0], nothing.sessions[-1], learner=QUICK)["promoted"]
    session = nothing.sessions[-1]
    assert scoring.score(settings, session)["flag"] == "unproven,in_sample"
    assert lake.read("predictions", session)["flags"].str.starts_with("unproven,in_sample").all()
    assert lake.read("predictions", session).filter(pl.col("flags").str.contains("unproven,unproven")).is_empty()
    assert offset(session, -21) == Registry(settings).bundle(Registry(settings).newest()).fitted[1]
