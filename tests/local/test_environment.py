from datetime import date

import pytest

from tosho.local.environment import OtherMarketError, Workplace


@pytest.fixture
def place(tmp_path):
    return Workplace(tmp_path / "project", tmp_path / "home")


def test_secrets_are_made_once_and_are_private(place):
    first = place.state()
    assert place.state() == first
    assert (place.home / "local.json").stat().st_mode & 0o777 == 0o600


def test_a_real_installation_s_variables_stay_outside(place, monkeypatch):
    monkeypatch.setenv("TOSHO_LAKE", "s3://production/lake")
    monkeypatch.setenv("TOSHO_STORE_KIND", "server")
    monkeypatch.setenv("TOSHO_JQUANTS_URL", "https://live")
    monkeypatch.setenv("AIRFLOW_CONN_CLICKHOUSE_DEFAULT", "{}")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("TOSHO_CONTAINER_RUNTIME", "process")
    variables = place.variables()
    assert variables["TOSHO_LAKE"] == f"file://{place.home}/lake"
    assert variables["TOSHO_STORE_KIND"] == "embedded"
    assert variables["TOSHO_JQUANTS_URL"].startswith("http://127.0.0.1:")
    assert "AIRFLOW_CONN_CLICKHOUSE_DEFAULT" not in variables
    assert variables["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert variables["TOSHO_CONTAINER_RUNTIME"] == "process"


def test_a_home_is_for_one_market(place, tmp_path):
    place.is_for(tmp_path / "a", date(2025, 3, 31))
    place.is_for(tmp_path / "a", date(2025, 3, 31))
    with pytest.raises(OtherMarketError, match="do not mix"):
        place.is_for(tmp_path / "b", date(2018, 11, 16))


def test_the_schedule_ends_with_the_market(place, tmp_path):
    assert "TOSHO_SCHEDULE_UNTIL" not in place.variables()
    place.is_for(tmp_path / "a", date(2025, 3, 31))
    assert place.variables()["TOSHO_SCHEDULE_UNTIL"] == "2025-03-31"
