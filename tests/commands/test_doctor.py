"""`tosho doctor`: what is missing, what each connection leads to, and whether that answers."""

import json
import os
import socket

import pytest
from typer.testing import CliRunner

from services.jquants import KEY, free_port, serving, write_market
from tosho.__main__ import app
from tosho.config.connections import IDS
from tosho.simulation.server import create_app


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An installation of which nothing is said, and whose Airflow has never run."""
    for name in [name for name in os.environ if name.startswith(("TOSHO_", "AIRFLOW_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    return tmp_path


@pytest.fixture
def asked_for_no_model(home, monkeypatch):
    """MLflow takes seconds to make a database: where another finding counts, none is made."""
    monkeypatch.setenv("TOSHO_MLFLOW", f"http://{nobody()}")


@pytest.fixture
def define(asked_for_no_model, monkeypatch):
    """Define a connection in the environment."""

    def by(conn_id, **given):
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(given))

    return by


def run(*arguments, status=0):
    told = CliRunner().invoke(app, list(arguments))
    assert told.exit_code == status, told.output
    return told.output + str(told.exception or "")  # `main` prints an error's sentence


def test_doctor_names_what_is_missing(home):
    told = run("doctor", status=1)
    assert "MISSING  J-Quants     No key" in told
    assert "ok       Java" in told
    assert "sessions are known ahead" in told


def test_doctor_without_java_says_what_to_install(asked_for_no_model, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert "there is none here. Install openjdk-17-jre-headless" in run("doctor", status=1)


def nobody():
    """An address of this machine at which nothing listens."""
    return f"127.0.0.1:{free_port()}"


def finding(told, what):
    """Return the doctor's line about one thing."""
    return next(line for line in told.splitlines() if line[9:].startswith(what))


@pytest.mark.parametrize(
    ("what", "variables", "said"),
    [
        ("Docker", {"CONTAINER_RUNTIME": "docker", "CONTAINER_DOCKER_URL": "tcp://{nobody}"}, "No daemon answers at"),
        ("Lake", {"LAKE": "file:///dev/null/lake"}, "Could not write"),
        ("Lake", {"LAKE": "ftp://elsewhere"}, "must begin with file:// or s3://"),
        ("Predictions", {"STORE_KIND": "server", "STORE_PORT": "{port}"}, "does not answer"),
        ("Models", {"MLFLOW": "http://{nobody}"}, "No MLflow answers at http://{nobody}"),
        ("Models", {"MLFLOW": "sqlite:////dev/null/mlflow.db"}, "sqlite:////dev/null/mlflow.db"),
    ],
)
def test_doctor_names_each_connection_that_fails(asked_for_no_model, monkeypatch, what, variables, said):
    place = {"nobody": nobody(), "port": free_port()}
    for name, value in variables.items():
        monkeypatch.setenv(f"TOSHO_{name}", value.format(**place))
    told = finding(run("doctor", status=1), what)
    assert told.startswith("MISSING")
    assert said.format(**place) in told


@pytest.mark.parametrize(("key", "mark", "said"), [("wrong", "MISSING", "403"), (KEY, "ok", "accepts the key")])
def test_doctor_tells_whether_the_key_is_accepted(home, tmp_path, monkeypatch, key, mark, said):
    with serving(create_app(write_market(tmp_path / "market"), api_key=KEY, plan="light")) as address:
        monkeypatch.setenv("TOSHO_JQUANTS_URL", f"{address}/v2")
        monkeypatch.setenv("TOSHO_JQUANTS_API_KEY", key)
        told = finding(run("doctor", status=0 if mark == "ok" else 1), "J-Quants")
    assert told.startswith(mark)
    assert said in told


def test_doctor_warns_before_the_calendar_ends(asked_for_no_model, monkeypatch):
    monkeypatch.setattr("tosho.commands.looks.bound_warning", lambda now: "The calendar ends soon.")
    assert finding(run("doctor", status=1), "Calendar") == "MISSING  Calendar     The calendar ends soon."


def test_without_connections_it_says_so_of_each_and_where_it_looked(home, asked_for_no_model):
    told = run("doctor", status=1)
    assert finding(told, "Airflow").startswith(f"absent   Airflow      {home}/airflow holds no Airflow that has run")
    assert all(f"[{conn_id}: not defined]" in told for conn_id in IDS)
    assert finding(told, "Spark").startswith("ok       Spark        local[*], on this machine.")


UNREACHABLE = {
    "spark_default": (
        "Spark",
        {"host": "spark://{host}", "port": "{port}"},
        "No master answers at spark://{host}:{port} (",
    ),
    "docker_default": ("Docker", {"host": "tcp://{host}:{port}"}, "No daemon answers at tcp://{host}:{port}"),
    "clickhouse_default": ("Predictions", {"host": "{host}", "port": "{port}"}, "{host}:{port}"),
    "mlflow_default": ("Models", {"host": "http://{host}:{port}"}, "No MLflow answers at http://{host}:{port}"),
    "aws_default": (
        "Lake",
        {"extra": {"endpoint_url": "http://{host}:{port}"}, "login": "a", "password": "b"},
        "{port}",
    ),
    "jquants_default": ("J-Quants", {"host": "http://{host}:{port}/v2", "password": "key"}, "{host}:{port}"),
}


def filled(value, **place):
    """The value with `{host}` and `{port}` filled in."""
    if isinstance(value, dict):
        return {name: filled(inner, **place) for name, inner in value.items()}
    return value.format(**place)


@pytest.mark.parametrize("conn_id", IDS)
def test_a_connection_that_leads_to_nobody_is_named_with_where_it_is_defined(home, define, monkeypatch, conn_id):
    what, given, said = UNREACHABLE[conn_id]
    place = {"host": "127.0.0.1", "port": free_port()}
    monkeypatch.setenv("TOSHO_CONTAINER_RUNTIME", "docker")
    monkeypatch.setenv("TOSHO_LAKE", "s3://bucket/lake" if what == "Lake" else f"file://{home}/lake")
    define(conn_id, conn_type=conn_id.partition("_")[0], **filled(given, **place))
    told = finding(run("doctor", status=1), what)
    assert told.startswith("MISSING")
    assert said.format(**place) in told
    assert told.endswith(f"[{conn_id}: AIRFLOW_CONN_{conn_id.upper()}]")


def test_a_spark_master_that_listens_answers_and_of_several_one_is_enough(home, define):
    with socket.create_server(("127.0.0.1", 0)) as master:
        here = f"127.0.0.1:{master.getsockname()[1]}"
        define("spark_default", conn_type="spark", host=f"spark://{nobody()},{here}")
        assert f"{here} answers. [spark_default:" in finding(run("doctor", status=1), "ok       Spark"[9:])


@pytest.mark.parametrize(
    ("given", "mark", "said"),
    [
        ({"host": "local[3]"}, "ok", "local[3], on this machine."),
        ({"host": "spark://somewhere"}, "MISSING", "'somewhere' must be host:port, such as somewhere:7077"),
        ({"host": "localhost"}, "absent", "Whether localhost answers is not asked"),
        ({"host": "yarn"}, "absent", "Whether yarn answers is not asked"),
    ],
)
def test_a_master_is_asked_only_where_it_can_be(home, define, given, mark, said):
    define("spark_default", conn_type="spark", **given)
    told = finding(run("doctor", status=1), "Spark")
    assert told.startswith(mark)
    assert said in told


def test_the_connection_s_key_counts_and_not_the_variable_s(home, tmp_path, define, monkeypatch):
    monkeypatch.delenv("TOSHO_MLFLOW")  # what is not needed is all that may be absent where the command ends well
    monkeypatch.setenv("TOSHO_JQUANTS_API_KEY", "wrong")
    with serving(create_app(write_market(tmp_path / "market"), api_key=KEY, plan="light")) as address:
        define("jquants_default", conn_type="http", host=f"{address}/v2", password=KEY)
        told = run("doctor", "--verbose")
    assert finding(told, "J-Quants").startswith("ok")
    assert f"{address}/v2 accepts the key" in told
    assert KEY not in told


def test_s3_that_the_lake_does_not_use_is_told_apart(home, define):
    define("aws_default", conn_type="aws", extra={"endpoint_url": f"http://{nobody()}"})
    told = finding(run("doctor", status=1), "Lake")
    assert told.startswith("ok")
    assert "is not used. [aws_default: AIRFLOW_CONN_AWS_DEFAULT]" in told


def test_a_connection_that_cannot_be_read_is_named_without_what_it_holds(home, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_JQUANTS_DEFAULT", '{"password": "hidden"')
    told = run("doctor", status=1)
    assert "AIRFLOW_CONN_JQUANTS_DEFAULT cannot be read; it must be a JSON object or a URI" in told
    assert "hidden" not in told


@pytest.fixture
def broken_database(asked_for_no_model, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////dev/null/airflow.db")


def test_a_database_of_airflow_that_does_not_answer_is_missing(broken_database):
    told = finding(run("doctor", status=1), "Airflow")
    assert told.startswith("MISSING  Airflow      Airflow's database did not say which connections it holds: ")
    assert "unable to open database file" in told
    assert "`airflow db check`" in told


def test_airflow_is_not_asked_where_the_environment_says_it_all(broken_database, define):
    for conn_id in IDS:
        define(conn_id, conn_type="generic")
    told = finding(run("doctor", status=1), "Airflow")
    assert told == "ok       Airflow      Every connection is defined in the environment."
