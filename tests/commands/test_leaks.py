import json

import pytest
from typer.testing import CliRunner

from parity import market
from tosho.__main__ import app
from tosho.features import sets
from tosho.features.columns import CLOSE
from tosho.features.sets import FeatureSet, feature_set
from tosho.features.spec import Feature, Scope


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return market.publish(tmp_path_factory.mktemp("lake"), 90, codes=32)


@pytest.fixture
def told(lake, tmp_path, monkeypatch):
    """Run the gate on the lake for the only feature of a set."""

    def run(feature, *arguments):
        monkeypatch.setattr(sets, "feature_set", lambda name: FeatureSet(name, 1, (feature,)))
        options = ["--lake", lake.files.root, "--output", str(tmp_path), *arguments]
        return CliRunner().invoke(app, ["features", "leaks", "--set", "core", *options])

    return run


def test_an_honest_set_ends_with_0_and_leaves_a_page_and_json(told, tmp_path):
    ended = told(feature_set("core").features[0])
    assert ended.exit_code == 0, ended.output
    assert ended.output.count("  passed  ") == 7
    assert json.loads((tmp_path / "core.json").read_text())["passed"]
    assert "No leak was found, and every planted one was." in (tmp_path / "core.html").read_text()


def test_a_leak_ends_with_1_and_a_sentence(told, lake, tmp_path):
    ended = told(Feature("offender", Scope.SERIES, "planted", CLOSE.shift(-1) / CLOSE), "--codes", "30")
    assert ended.exit_code == 1
    assert f"prefix: offender. With every table ended at {lake.sessions('bars')[-9]}" in ended.output
    assert not json.loads((tmp_path / "core.json").read_text())["passed"]


def test_a_range_without_bars_is_refused(told):
    ended = told(feature_set("core").features[0], "--to", "1999-01-04")
    assert ended.exit_code == 1
    assert "has no bars of the sessions asked for" in str(ended.exception)
