"""Airflow's API on a busy machine: asked again where that is harmless, and only there."""

from types import SimpleNamespace

import httpx
import pytest

from tosho.local.airflow import AirflowApi, AirflowError


@pytest.fixture
def asked(monkeypatch):
    """The methods asked of an Airflow that is too late once for each."""
    methods = []

    def answer(request):
        methods.append(request.method)
        if methods.count(request.method) == 1:
            raise httpx.ReadTimeout("timed out", request=request)
        return httpx.Response(200, json={"dag_runs": []})

    monkeypatch.setattr("time.sleep", lambda _: None)
    client = httpx.Client(transport=httpx.MockTransport(answer), headers={"Authorization": "Bearer of a test"})
    return AirflowApi(SimpleNamespace(airflow_url=lambda: "http://127.0.0.1:1"), client), methods


def test_what_may_be_asked_twice_is_asked_again(asked):
    api, methods = asked
    api.unpause("daily_predictions")
    assert api.run("daily_predictions", "one") == {"dag_runs": []}
    assert methods == ["PATCH", "PATCH", "GET", "GET"]


def test_a_run_is_triggered_once(asked):
    api, methods = asked
    with pytest.raises(AirflowError, match="did not answer POST"):
        api.trigger("daily_predictions", {})
    assert methods == ["POST"]
