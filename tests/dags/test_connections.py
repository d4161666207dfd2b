import json

import pytest

from tosho.config import Settings

CONNECTIONS = {
    "JQUANTS_DEFAULT": {
        "conn_type": "http",
        "host": "http://vendor/v2",
        "password": "key",
        "extra": {"plan": "standard"},
    },
    "CLICKHOUSE_DEFAULT": {"conn_type": "generic", "host": "store", "port": 9001, "schema": "tse", "login": "u"},
    "AWS_DEFAULT": {"conn_type": "aws", "login": "a", "password": "s", "extra": {"endpoint_url": "http://minio:9000"}},
    "MLFLOW_DEFAULT": {"conn_type": "http", "host": "http://mlflow:5000"},
    "DOCKER_DEFAULT": {"conn_type": "docker", "host": "tcp://daemon:2375"},
}


@pytest.fixture
def settings(airflow_home, monkeypatch):
    def with_(*names):
        from connection_settings import with_connections

        for name in CONNECTIONS:
            monkeypatch.delenv(f"AIRFLOW_CONN_{name}", raising=False)
        for name in names:
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(CONNECTIONS[name]))
        return with_connections(Settings.from_environment({"TOSHO_HOME": str(airflow_home)}))

    return with_


def test_without_connections_the_environment_holds(settings, airflow_home):
    assert settings() == Settings.from_environment({"TOSHO_HOME": str(airflow_home)})


def test_each_connection_becomes_its_group_of_settings(settings):
    found = settings(*CONNECTIONS)
    assert (found.jquants.url, found.jquants.api_key, found.jquants.plan) == ("http://vendor/v2", "key", "standard")
    assert (found.store.kind, found.store.host, found.store.port) == ("server", "store", 9001)
    assert (found.store.database, found.store.user) == ("tse", "u")
    assert (found.s3.access_key, found.s3.secret_key, found.s3.endpoint) == ("a", "s", "http://minio:9000")
    assert found.mlflow == "http://mlflow:5000"
    assert found.containers.docker_url == "tcp://daemon:2375"
