"""How far features look back is found out once, and found again only by those who would find the same."""

import polars as pl
import pytest

from tosho.features import probe, remembered, spec
from tosho.features.spec import Feature, Scope

NAMES = ("ret_1", "ret_5")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "tosho" / "lookbacks"


@pytest.fixture
def ordered():
    return [spec.features()[name] for name in NAMES]


@pytest.fixture
def probed(monkeypatch):
    """Which features were evaluated to find out, in which order."""
    asked, find = [], probe.lookbacks

    def finding(ordered):
        asked.append([feature.name for feature in ordered])
        return find(ordered)

    monkeypatch.setattr(probe, "lookbacks", finding)
    return asked


def test_the_second_process_finds_what_the_first_found_out(ordered, probed, folder):
    first = remembered.lookbacks(ordered)
    assert remembered.lookbacks(ordered) == first == {"ret_1": 1, "ret_5": 5}
    assert probed == [list(NAMES)]
    assert len(list(folder.iterdir())) == 1


def test_another_choice_of_features_is_found_out_for_itself(ordered, probed):
    remembered.lookbacks(ordered)
    assert remembered.lookbacks(ordered[:1]) == {"ret_1": 1}
    assert probed == [list(NAMES), ["ret_1"]]


def test_after_a_change_of_source_nothing_is_believed(ordered, probed, monkeypatch):
    remembered.lookbacks(ordered)
    monkeypatch.setattr(remembered, "_definitions", lambda: "of another day")
    remembered.lookbacks(ordered)
    assert len(probed) == 2


def test_a_feature_of_the_package_s_name_and_another_formula_is_evaluated(ordered, probed):
    remembered.lookbacks(ordered)
    own = Feature("ret_5", Scope.SERIES, "returns", pl.col("close") / pl.col("close").shift(7) - 1)
    assert remembered.lookbacks([ordered[0], own]) == {"ret_1": 1, "ret_5": 7}
