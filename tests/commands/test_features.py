"""`tosho features`: a lake's sessions are built, shares of nulls measured, the catalogue written."""

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from parity import market
from tosho.__main__ import app
from tosho.commands import features
from tosho.features.nulls import Market, NullShares
from tosho.features.sets import feature_set
from tosho.features.spark import job
from tosho.observability.progress import latest
from tosho.steps import rederive

PROJECT = Path(__file__).parents[2]
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
    return told.stdout if not status else told.output + str(told.exception or "")


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


def test_a_repair_builds_its_session_and_the_later_ones_that_depend_on_it(lake):
    days = lake.sessions("bars")[-6:]
    first, repaired, last = (days[place].isoformat() for place in (0, 2, -1))
    run("build", "--set", "alpha158", "--first", first, "--last", last)
    before = {day: lake.manifest("features", day).sha256 for day in days}
    bars = lake.read("bars", days[2])
    lake.publish("bars", days[2], bars.with_columns(pl.col("open", "high", "low", "close") * 1.01))
    told = json.loads(run("build", "--set", "alpha158", "--first", repaired, "--last", repaired, "--only", "dependent"))
    after = {day: lake.manifest("features", day).sha256 for day in days}
    assert [day for day in days if after[day] != before[day]] == days[2:]
    assert (told["first"], told["last"], told["sessions"]) == (repaired, repaired, 4)
    assert rederive.stale(lake) == []
    run("build", "--set", "alpha158", "--first", first, "--last", last)
    assert {day: lake.manifest("features", day).sha256 for day in days} == after


def test_engine_spark_is_spark_s_own():
    assert features._builder(features.Engine.SPARK) is job.build_window


def test_a_set_beyond_the_plan_is_refused_and_left_out_it_is_that_of_the_settings(lake, monkeypatch):
    monkeypatch.setenv("TOSHO_JQUANTS_PLAN", "free")
    monkeypatch.setenv("TOSHO_FEATURE_SET", "full")
    assert "set 'full' needs investor_flows" in run("build", "--first", FIRST, "--last", LAST, status=1)
    assert lake.sessions("features") == []


def page(tmp_path, *more, status=0):
    nulls = str(PROJECT / "docs" / "feature_nulls.json")
    return run("docs", "--output", str(tmp_path / "features.md"), "--nulls", nulls, *more, status=status)


def test_a_page_that_is_stale_or_absent_is_told_with_what_to_run(tmp_path):
    assert "features.md is not what the features are now" in page(tmp_path, "--check", status=1)
    page(tmp_path)
    assert (tmp_path / "features.md").read_bytes() == (PROJECT / "docs" / "features.md").read_bytes()
    page(tmp_path, "--check")
    with (tmp_path / "features.md").open("a") as file:
        file.write("by hand")
    assert "Run `python -m tosho features docs`" in page(tmp_path, "--check", status=1)


def test_nulls_are_measured_on_a_lake_and_say_of_which_market(lake, tmp_path):
    run("build", "--set", "alpha158", "--first", FIRST, "--last", LAST)
    (tmp_path / "truth.json").write_text(json.dumps({"seed": 3, "codes": 5, "sessions": 70}))
    where = ["--lake", lake.files.root, "--market", str(tmp_path), "--output", str(tmp_path / "nulls.json")]
    assert "158 features" in run("nulls", "--sessions", "2", *where)
    found = NullShares.read(tmp_path / "nulls.json")
    assert (found.market, found.feature_set, found.first, found.last) == (Market(3, 5, 70), "alpha158", FIRST, LAST)
    assert tuple(found.shares) == feature_set("alpha158").names
    assert 0 < found.shares["MA60"] < 1


def test_the_list_tells_plan_sets_and_tables():
    listed = {entry["name"]: entry for entry in json.loads(run("list", "--set", "full", "--format", "json"))}
    assert (listed["frgn_net"]["plan"], listed["frgn_net"]["sets"]) == ("light", ["full", "standard"])
    assert listed["frgn_net"]["tables"] == ["investor_flows"]
    line = next(line for line in run("list", "--set", "full").splitlines() if line.startswith("frgn_net "))
    assert line.split() == ["frgn_net", "flows", "market", "0", "light", "flow_foreign_net"]
