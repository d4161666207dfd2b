"""Which way a job runs, and what is said when it cannot."""

from dataclasses import replace

import pytest

from tosho.config import Settings

NOTHING = "print('{}')"


def with_runtime(settings, runtime):
    return replace(settings, containers=replace(settings.containers, runtime=runtime))


def test_auto_takes_docker_when_a_daemon_answers(in_docker, job, context, capsys):
    job(with_runtime(in_docker, "auto"), NOTHING).execute(context)
    assert "Runs in Docker: TOSHO_CONTAINER_RUNTIME is 'auto' and a daemon answers" in capsys.readouterr().out


def test_auto_takes_a_process_when_no_daemon_answers(settings, job, context, capsys):
    assert job(settings, NOTHING).execute(context) == {}
    assert "Runs as a process: no Docker daemon answers at unix://" in capsys.readouterr().out


def test_auto_does_not_hide_that_the_image_is_missing(in_docker, job, context, operators):
    absent = replace(in_docker, containers=replace(in_docker.containers, runtime="auto", image="tosho-train:absent"))
    with pytest.raises(operators.AirflowFailException, match="no image"):
        job(absent, NOTHING).execute(context)


def test_docker_asked_for_and_down_is_an_error(settings, job, context, operators):
    with pytest.raises(operators.ContainerJobError, match=r"is 'docker', and no Docker daemon answers at .*none\.sock"):
        job(with_runtime(settings, "docker"), NOTHING).execute(context)


def test_settings_come_at_run_time_by_import_path(operators, as_process, context, monkeypatch):
    for name, value in as_process.to_environment().items():
        monkeypatch.setenv(name, value)
    path = "tosho.config.Settings.from_environment"
    with pytest.raises(ModuleNotFoundError):
        operators.ContainerJobOperator(task_id="a", command=["-c", NOTHING], settings="no.such").execute(context)
    operator = operators.ContainerJobOperator(task_id="b", command=["-c", NOTHING], settings=path)
    assert operator.execute(context) == {}


def test_a_setting_that_cannot_be_used_is_not_tried_again(operators, context, monkeypatch):
    monkeypatch.setenv("TOSHO_CONTAINER_RUNTIME", "podman")
    operator = operators.ContainerJobOperator(task_id="a", command=["-c", NOTHING], settings=Settings.from_environment)
    with pytest.raises(operators.AirflowFailException, match="TOSHO_CONTAINER_RUNTIME is 'podman'"):
        operator.execute(context)


@pytest.mark.parametrize("named", ["market", "{tmp_path}/absent", "{tmp_path}"])
def test_a_truth_that_is_not_there_is_refused_before_the_job_starts(operators, as_process, context, tmp_path, named):
    command = ["-c", NOTHING, "--truth", named.format(tmp_path=tmp_path)]
    operator = operators.ContainerJobOperator(task_id="a", command=command, settings=lambda: as_process)
    with pytest.raises(operators.AirflowFailException, match=r"must be the absolute path of .* truth\.json"):
        operator.execute(context)


def test_an_empty_truth_is_none(operators):
    assert operators.truth_folders(["train_lightgbm.py", "--truth", ""]) == []


def test_a_command_may_be_text(operators, as_process, context):
    operator = operators.ContainerJobOperator(
        task_id="a",
        command="""-c 'import json, sys; print(json.dumps({"got": sys.argv[1:]}))' --first ''""",
        settings=lambda: as_process,
    )
    assert operator.execute(context) == {"got": ["--first", ""]}


def test_folders_are_the_outermost_ones(operators, tmp_path):
    home, lake = tmp_path / "home", tmp_path / "lake"
    settings = Settings.from_environment({"TOSHO_HOME": str(home), "TOSHO_LAKE": f"file://{lake}"})
    assert operators.local_folders(settings) == [home, lake]
    assert operators.local_folders(Settings.from_environment({"TOSHO_HOME": str(home)})) == [home]


def test_stores_elsewhere_are_no_folders(operators, tmp_path):
    elsewhere = {"TOSHO_LAKE": "s3://bucket/lake", "TOSHO_MLFLOW": "http://127.0.0.1:5000"}
    settings = Settings.from_environment({"TOSHO_HOME": str(tmp_path), **elsewhere})
    assert operators.local_folders(settings) == [tmp_path]


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "sqlite:////mlflow.db", "runs"])
def test_a_folder_that_cannot_be_shared_is_refused(operators, tmp_path, uri):
    settings = Settings.from_environment({"TOSHO_HOME": str(tmp_path), "TOSHO_MLFLOW": uri})
    with pytest.raises(operators.AirflowFailException, match="cannot be shared with a container"):
        operators.local_folders(settings)
