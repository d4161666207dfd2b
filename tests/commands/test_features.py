"""`tosho features build`: the features of a lake's sessions."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from parity import market
from tosho.__main__ import app
from tosho.commands import features
from tosho.features import spark
from tosho.features.sets import feature_set
from tosho.observability.progress import latest

FIRST, LAST = "2024-12-27", "2024-12-30"


@pytest.fixture
def lake(tmp_path, monkeypatch):
    made = market.publish(tmp_path, 70, codes=5)
    monkeypatch.setenv("TOSHO_LAKE", made.files.root)
    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    monkeypatch.setenv("TOSHO_PROGRESS", str(tmp_path / "progress.json"))
    return made


def run(*arguments, status=0):
    told = CliRunner().invoke(app, ["features", *arguments])
    assert told.exit_code == status, told.output
    return told.stdout + str(told.exception or "")


def test_the_local_engine_builds_a_set_of_the_lake_and_tells_how_far_it_is(lake, tmp_path):
    done = json.loads(run("build", "--set", "alpha158", "--first", FIRST, "--last", LAST, "--engine", "local"))
    wanted = [date.fromisoformat(FIRST), date.fromisoformat(LAST)]
    assert lake.sessions("features") == wanted
    made = lake.read_many("features", wanted)
    assert made.columns == ["session", "code", *feature_set("alpha158").names]
    assert done == {
        "first": FIRST, "last": LAST, "sessions": 2, "rows": made.height, "features": 158, "feature_set": "alpha158",
    }  # fmt: skip
    assert made["MA60"].null_count() < made.height
    assert latest(tmp_path / "progress.json")["what"] == "spans of sessions written"
    again = json.loads(run("build", "--set", "alpha158", "--first", FIRST, "--last", LAST, "--only", "stale"))
    assert again["sessions"] == 0


def test_engine_spark_is_spark_s_own():
    assert features._builder(features.Engine.SPARK) is spark.build_window


def test_a_set_beyond_the_plan_is_refused_and_left_out_it_is_that_of_the_settings(lake, monkeypatch):
    monkeypatch.setenv("TOSHO_JQUANTS_PLAN", "free")
    monkeypatch.setenv("TOSHO_FEATURE_SET", "full")
    assert "set 'full' needs investor_flows" in run("build", "--first", FIRST, "--last", LAST, status=1)
    assert lake.sessions("features") == []
