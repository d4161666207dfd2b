import json

import pytest

from tosho.config import Settings
from tosho.config.connections import BrokenConnectionError, written

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


TEXTS = [
    *map(json.dumps, CONNECTIONS.values()),
    '{"conn_type": "http", "host": "h", "port": "81", "extra": "{\\"plan\\": \\"free\\"}"}',
    "http://:key@https%3A%2F%2FVendor%2FV2/?plan=standard",
    "http://https://Vendor:8443/v2",
    "generic://user%40home:pass%2Fword@Store:9001/tse",
    "aws://a:s@/?__extra__=%7B%22endpoint_url%22%3A+%22http%3A%2F%2Fminio%3A9000%22%7D",
    "docker://tcp%3A%2F%2Fdaemon%3A2375",
    "spark://master:7077",
    "spark://spark%3A%2F%2Fmaster:7077",
    "spark://local%5B2%5D",
    '{"conn_type": "spark", "host": "local[2]"}',
    '{"conn_type": "spark", "host": "spark://master", "port": 7077}',
    '{"conn_type": "spark", "host": "spark://one:7077,two:7077"}',
    '{"conn_type": "spark", "host": "master", "port": 7077}',
    '{"conn_type": "yarn"}',
]


@pytest.fixture(params=TEXTS)
def text(request, airflow_home, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", request.param)
    return request.param


def plain(connection):
    """What Tosho asks of a connection; Airflow has None and an empty text for one that is not given."""
    names = ("conn_type", "host", "port", "schema", "login", "password")
    return {name: getattr(connection, name) or None for name in names} | {"extra": dict(connection.extra_dejson)}


def test_outside_of_airflow_a_connection_is_read_as_airflow_reads_it(text):
    from connection_settings import find

    assert plain(written("spark_default", text)) == plain(find("spark_default"))


def test_the_master_of_a_connection_is_that_of_airflow_s_provider(text):
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

    submits_to = SparkSubmitHook(conn_id="spark_default")._resolve_connection()["master"]
    assert written("spark_default", text).master() == submits_to


@pytest.mark.parametrize("text", ["{", '{"port": "many"}', "no connection", '{"extra": "["}', "http://h:port"])
def test_what_airflow_could_not_read_is_refused(text):
    with pytest.raises(BrokenConnectionError, match="AIRFLOW_CONN_AWS_DEFAULT cannot be read") as refused:
        written("aws_default", text)
    assert refused.value.__cause__ is None
