import json

import pytest


@pytest.fixture
def submitted(airflow_home, monkeypatch):
    """The command line with which a job is submitted; what a test of Airflow's environment sets is undone."""
    from airflow.providers.apache.spark.hooks.spark_submit import SparkSubmitHook

    import dag_defaults

    def submit(hook, application):
        lines.append(hook._build_spark_submit_command(application))

    lines = []
    monkeypatch.setattr(SparkSubmitHook, "submit", submit)
    monkeypatch.setattr("connection_settings.with_connections", lambda settings: settings)
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", "{}")  # remembered, so that what the job sets is undone, too
    monkeypatch.delenv("AIRFLOW_CONN_SPARK_DEFAULT")

    def run():
        dag_defaults.spark_job("build_features", "build_features.py", []).execute({})
        return lines[0]

    return run


def test_without_a_connection_spark_runs_on_this_machine(submitted):
    command = submitted()
    assert command[command.index("--master") + 1] == "local[*]"


def test_the_connection_says_where_spark_runs(submitted, monkeypatch):
    cluster = {"conn_type": "spark", "host": "spark://cluster", "port": 7077}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps(cluster))
    command = submitted()
    assert command[command.index("--master") + 1] == "spark://cluster:7077"


def test_without_java_the_task_fails_at_once_with_a_sentence(airflow_home, monkeypatch):
    from airflow.sdk.exceptions import AirflowFailException

    import dag_defaults

    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    job = dag_defaults.spark_job("build_features", "build_features.py", [])
    with pytest.raises(AirflowFailException, match="needs a Java runtime of 17 or later"):
        job.execute({})


def test_settings_travel_as_environment_and_not_on_the_command_line(airflow_home, monkeypatch):
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    import dag_defaults

    monkeypatch.setenv("TOSHO_S3_SECRET_KEY", "hidden")
    monkeypatch.setattr(SparkSubmitOperator, "execute", lambda self, context: None)
    monkeypatch.setattr("connection_settings.with_connections", lambda settings: settings)
    job = dag_defaults.spark_job("build_features", "build_features.py", ["--first", "2018-11-16"])
    job.execute({})
    assert job.env_vars["TOSHO_S3_SECRET_KEY"] == "hidden"
    assert "hidden" not in str(job.application_args)
    assert job.env_vars["PYTHONPATH"].endswith("include")
