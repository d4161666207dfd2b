import pytest


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
