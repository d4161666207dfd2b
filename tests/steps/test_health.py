import pytest

from tosho.models.bundle import BundleError
from tosho.models.lightgbm import TreeForecaster
from tosho.steps import health


def test_every_kind_of_the_image_takes_a_step():
    assert health.one_step() == {"healthy": ["atft", "lightgbm"], "rows": 1200}


def test_without_torch_trees_are_enough(monkeypatch):
    monkeypatch.setattr(health, "find_spec", lambda _name: None)
    assert health.one_step()["healthy"] == ["lightgbm"]


def test_scores_that_are_not_finite_are_told(monkeypatch):
    monkeypatch.setattr(health, "find_spec", lambda _name: None)
    predict = TreeForecaster.predict
    monkeypatch.setattr(TreeForecaster, "predict", lambda model, rows: predict(model, rows) * float("nan"))
    with pytest.raises(BundleError, match="A lightgbm fitted to 750 drawn rows"):
        health.one_step()
