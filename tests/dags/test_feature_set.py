"""The feature set that a run is started with: what the form offers, and what comes of one beyond the plan."""

import pytest

from tosho.config import JQuants, Settings
from tosho.features.sets import feature_sets

DAY = "2018-11-16"


def test_the_form_offers_every_set(dags):
    for dag in dags.values():
        assert dag.params.get_param("feature_set").schema["enum"] == list(feature_sets())


@pytest.mark.parametrize(("dag_id", "days"), [("daily_predictions", [DAY]), ("history", [DAY, DAY])])
def test_a_set_beyond_the_plan_fails_the_first_step_for_good(dags, airflow_home, monkeypatch, dag_id, days):
    from airflow.sdk.exceptions import AirflowFailException

    import dag_defaults

    declared = Settings(lake=f"file://{airflow_home}/lake", jquants=JQuants(plan="light"))
    params = {"feature_set": "standard", "codes": []}
    monkeypatch.setattr("dag_defaults.settings", lambda: declared)
    ingest = dags[dag_id].get_task("ingest").python_callable
    for place in (dag_defaults.__dict__, ingest.__globals__):
        monkeypatch.setitem(place, "get_current_context", lambda: {"params": params})
    with pytest.raises(AirflowFailException, match="PlanTooSmallError: Feature set 'standard' needs margin_alerts"):
        ingest(*days)
