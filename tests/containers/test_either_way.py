"""What holds however a job runs: each test runs once in Docker and once as a process."""

import threading
import time
from dataclasses import asdict

import pytest

RESULT = """
import json, logging
logging.basicConfig(level="INFO")
logging.info("at work")
print(json.dumps({"rows": 3, "name": "東証"}))
logging.info("said after the result")
"""
FAILING = "print('first'); print('the reason'); raise SystemExit(4)"
ENVIRONMENT = """
import json, os
from dataclasses import asdict
from tosho.config import Settings
print(json.dumps({"settings": asdict(Settings.from_environment()), "names": sorted(os.environ)}))
"""
LASTING = """
import pathlib, subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
pathlib.Path({started!r}).touch()
time.sleep(300)
"""


@pytest.fixture(params=["in_docker", "as_process"])
def either(request):
    return request.getfixturevalue(request.param)


def left_behind(operators, settings):
    if settings.containers.runtime == "docker":
        from docker import APIClient

        client = APIClient(base_url=settings.containers.docker_url)
        return client.containers(all=True, filters={"label": f"tosho.home={settings.home}"})
    return operators.sweep_processes({"TOSHO_HOME": settings.home})


def test_result_is_the_json_object_printed_last(either, job, context):
    assert job(either, RESULT).execute(context) == {"rows": 3, "name": "東証"}


def test_log_lines_reach_the_task_log(either, job, context, capsys):
    job(either, RESULT).execute(context)
    assert "INFO:root:at work" in capsys.readouterr().out


def test_a_non_zero_exit_fails_with_the_last_lines(either, job, context, operators):
    with pytest.raises(operators.ContainerJobError, match=r"failed: .*4[^\n]*\n.*first\nthe reason"):
        job(either, FAILING).execute(context)
    assert left_behind(operators, either) == []


def test_a_job_that_says_that_another_try_gives_the_same_is_not_tried_again(either, job, context, operators):
    script = "print('first'); print('Train a model first.'); raise SystemExit(3)"
    with pytest.raises(operators.AirflowFailException, match=r"however often it is tried\. Train a model first\.$"):
        job(either, script).execute(context)
    assert left_behind(operators, either) == []


def test_a_truth_outside_of_the_folders_can_be_read(either, operators, context, tmp_path):
    market = tmp_path / "market"
    market.mkdir()
    (market / "truth.json").write_text('{"known": true}')
    script = "import pathlib, sys; print(pathlib.Path(sys.argv[2], 'truth.json').read_text())"
    command = ["-c", script, "--truth", str(market)]
    operator = operators.ContainerJobOperator(task_id="a", command=command, settings=lambda: either)
    assert operator.execute(context) == {"known": True}


def test_a_job_that_hands_nothing_back_fails(either, job, context, operators):
    with pytest.raises(operators.ContainerJobError, match=r"handed no result back.*'only words'"):
        job(either, "print('only words')").execute(context)


def test_a_job_builds_the_same_settings(either, job, context):
    assert job(either, ENVIRONMENT).execute(context)["settings"] == asdict(either)


def test_secrets_of_the_task_stay_outside_of_the_job(either, job, context, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", "planted")
    assert "AIRFLOW_CONN_OTHER" not in job(either, ENVIRONMENT).execute(context)["names"]


def test_secrets_are_in_no_field_that_airflow_shows(either, job, context):
    operator = job(either, RESULT)
    operator.execute(context)
    shown = {name: getattr(operator, name) for name in (*operator.template_fields, "environment", "labels")}
    assert "planted-secret" not in str(shown)


def test_a_lake_uri_means_the_same_inside(either, job, context):
    script = """
import json, os, pathlib
labels = pathlib.Path(os.environ["TOSHO_LAKE"].removeprefix("file://"), "tables", "labels")
labels.mkdir(parents=True, exist_ok=True)
(labels / "written").write_text("by the job")
print(json.dumps({}))
"""
    job(either, script).execute(context)
    lake = either.lake.removeprefix("file://")
    with open(f"{lake}/tables/labels/written") as written:  # noqa: PTH123
        assert written.read() == "by the job"


def test_what_the_job_started_ends_with_it(either, job, context, operators):
    script = "import subprocess; subprocess.Popen(['sleep', '300']); print('{}')"
    assert job(either, script).execute(context) == {}
    assert left_behind(operators, either) == []


def test_killing_the_task_leaves_nothing(either, job, context, operators, tmp_path):
    started = tmp_path / "home" / "started"
    operator, errors = job(either, LASTING.format(started=str(started))), []

    def run():
        try:
            operator.execute(context)
        except operators.ContainerJobError as error:
            errors.append(str(error))

    task = threading.Thread(target=run)
    task.start()
    while not started.exists() and task.is_alive():
        time.sleep(0.05)
    began = time.monotonic()
    operator.on_kill()
    took = time.monotonic() - began
    task.join()
    assert errors
    assert "The task was killed." in errors[0]
    assert left_behind(operators, either) == []
    assert took < 5  # Airflow kills the task itself after as long


def test_a_kill_before_the_start_leaves_nothing(either, job, context, operators):
    operator = job(either, RESULT)
    operator.on_kill()
    with pytest.raises(operators.ContainerJobError, match="was killed"):
        operator.execute(context)
    assert left_behind(operators, either) == []
