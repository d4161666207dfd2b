"""What holds in Docker alone: whose files, whose container, what a kill of the worst kind leaves and who clears it."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from planted.market import draw, fill

PROJECT = Path(__file__).resolve().parents[2]
WHO = """
import json, os, pathlib
home = pathlib.Path(os.environ["TOSHO_HOME"])
(home / "made").touch()
print(json.dumps({"uid": os.getuid(), "pid1": pathlib.Path("/proc/1/comm").read_text().strip()}))
"""
TASK = """
import signal, sys
from dataclasses import replace
from types import SimpleNamespace
from container_operator import ContainerJobOperator
from tosho.config import Settings

script = "import os, pathlib, time; pathlib.Path(os.environ['TOSHO_HOME'], 'started').touch(); time.sleep(300)"
task = ContainerJobOperator(task_id="train", command=["-c", script], settings=Settings.from_environment)
signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # what Airflow's task runner does
task.execute({"ti": SimpleNamespace(dag_id="weekly", run_id="manual 1", task_id="train", map_index=-1)})
"""


@pytest.fixture
def client(daemon):
    return daemon.client()


@pytest.fixture
def task(in_docker, tmp_path):
    """A task in a process of its own, whose container is at work."""
    home = {"AIRFLOW_HOME": str(tmp_path / "airflow"), "AIRFLOW__CORE__UNIT_TEST_MODE": "True"}
    path = {"PYTHONPATH": f"{PROJECT}/include:{PROJECT}/dags", "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(
        [sys.executable, "-c", TASK],
        env={**in_docker.to_environment(), **home, **path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (Path(in_docker.home) / "started").exists():
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.05)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def containers_of(client, settings):
    return client.containers(all=True, filters={"label": f"tosho.home={settings.home}"})


def planted(client, image, labels):
    created = client.create_container(image, ["-c", "import time; time.sleep(300)"], labels=labels)
    client.start(created["Id"])
    return created["Id"]


def test_files_belong_to_the_user_who_runs_the_task(in_docker, job, context):
    home = Path(in_docker.home)
    home.mkdir()
    home.chmod(0o777)
    assert job(in_docker, WHO, user="1234:1234").execute(context)["uid"] == 1234
    assert (home / "made").stat().st_uid == 1234


def test_no_container_is_roots(in_docker, job, context):
    assert job(in_docker, WHO).execute(context)["uid"] == 50001


def test_the_tasks_own_user_is_the_default(in_docker, operators, monkeypatch, tmp_path):
    monkeypatch.setattr(operators.os, "getuid", lambda: 1234)
    monkeypatch.setattr(operators.os, "getgid", lambda: 5678)
    assert operators._user(in_docker, [tmp_path]) == "1234:5678"
    assert tmp_path.stat().st_uid == 0


def test_no_container_has_or_gains_a_capability(in_docker, job, context):
    script = """
import json, pathlib
lines = [line.split() for line in pathlib.Path("/proc/self/status").read_text().splitlines()]
print(json.dumps({name.strip(":"): value for name, value, *_ in lines if name.startswith(("Cap", "NoNew"))}))
"""
    found = job(in_docker, script, user="0:0").execute(context)
    assert found.pop("NoNewPrivs") == "1"
    assert len(found) == 5
    assert {int(value, 16) for value in found.values()} == {0}


WRITER = """
import json, os, pathlib, sqlite3
home = pathlib.Path(os.environ["TOSHO_HOME"])
for name in ("mlflow.db", "studies/s.db"):
    with sqlite3.connect(home / name) as db:
        db.execute("insert into t values (2)")
written = ("lake/tables/labels/old/f", "lake/tables/predictions/f", "reports/f", "mlartifacts/old/f")
for name in (*written, "checkpoints/old/f"):
    (home / name).write_text("the job's")
waiting = home / "progress.tmp"
waiting.touch()
waiting.replace(home / "progress.json")
refused = []
for name in ("lake/tables/bars/f", "secrets"):
    try:
        (home / name).write_text("the job's")
    except PermissionError:
        refused.append(name)
print(json.dumps({"refused": refused}))
"""


def test_the_job_can_write_what_root_left_and_nothing_else(in_docker, job, context):
    home = Path(in_docker.home)
    left = ("lake/tables/labels/old/f", "mlartifacts/old/f", "checkpoints/old/f", "lake/tables/bars/f")
    for name in (*left, "secrets", "progress.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("root's")
    databases = (home / "mlflow.db", home / "studies/s.db")
    databases[1].parent.mkdir()
    for path in databases:
        with sqlite3.connect(path) as db:
            db.execute("create table t (x)")
    assert job(in_docker, WRITER).execute(context) == {"refused": ["lake/tables/bars/f", "secrets"]}
    assert (home / "lake/tables/labels/old/f").read_text() == "the job's"
    for path in databases:
        with sqlite3.connect(path) as db:
            assert db.execute("select x from t").fetchall() == [(2,)]


def test_what_a_killed_job_goes_on_with_is_handed_over(operators, settings):
    """A study, and a network's checkpoints, that root's process left; of the home's other folders nothing is given."""
    home = Path(settings.home)
    given = ("studies/s.db", "checkpoints/atft-core-2023-04-03-2025-03-31/c.pt")
    for name in (*given, "airflow/f"):
        (home / name).parent.mkdir(parents=True)
        (home / name).touch()
    operators.hand_over(settings, operators.local_folders(settings), 50001)
    owners = {path.relative_to(home).as_posix(): path.stat().st_uid for path in home.rglob("*")}
    for name in given:
        assert {owners[name], *(owners[str(each)] for each in Path(name).parents[:-1])} == {50001}
    assert (owners["airflow"], owners["airflow/f"]) == (0, 0)


def test_a_model_is_trained_and_scores_as_that_user(in_docker, operators, context):
    drawn = draw(codes=60)
    fill(in_docker, drawn)
    first, last = drawn.sessions[0].isoformat(), drawn.sessions[-1].isoformat()
    train, score = (
        operators.ContainerJobOperator(task_id="a", command=command, settings=lambda: in_docker)
        for command in (["train_lightgbm.py", "--first", first, "--last", last], ["score.py", "--session", last])
    )
    trained = train.execute(context)
    assert Path(trained["report"]).stat().st_uid == 50001
    scored = score.execute(context)
    assert (scored["version"], scored["rows"]) == (trained["version"], 240)


def test_a_link_in_what_is_handed_over_is_not_followed(operators, in_docker, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("root's")
    reports = Path(in_docker.home, "reports")
    reports.mkdir(parents=True)
    (reports / "link").symlink_to(outside)
    operators.hand_over(in_docker, operators.local_folders(in_docker), 50001)
    assert (reports.stat().st_uid, outside.stat().st_uid) == (50001, 0)


def test_truth_is_mounted_to_be_read_only(in_docker, operators, context, tmp_path):
    (tmp_path / "truth.json").write_text("{}")
    script = "import pathlib, sys; pathlib.Path(sys.argv[2], 'truth.json').write_text('')"
    command = ["-c", script, "--truth", str(tmp_path)]
    operator = operators.ContainerJobOperator(task_id="a", command=command, settings=lambda: in_docker, user="0:0")
    with pytest.raises(operators.ContainerJobError, match="Read-only file system"):
        operator.execute(context)


def test_signals_reach_the_job_through_an_init(in_docker, job, context):
    assert job(in_docker, WHO).execute(context)["pid1"] == "tini"


def test_term_removes_the_labelled_container_and_fails_the_task(task, client, in_docker):
    (container,) = containers_of(client, in_docker)
    assert container["Labels"]["tosho.run"] == "weekly/manual 1/train/-1"
    task.send_signal(signal.SIGTERM)
    output, _ = task.communicate()
    assert task.returncode == 1
    assert "The task was killed." in output
    assert containers_of(client, in_docker) == []


def test_the_next_try_clears_what_a_kill_of_the_task_left(task, client, in_docker, job, context):
    task.kill()
    task.wait()
    assert len(containers_of(client, in_docker)) == 1
    assert job(in_docker, "print('{}')").execute(context) == {}
    assert containers_of(client, in_docker) == []


def test_sweep_takes_what_carries_all_labels_and_nothing_else(operators, client, image):
    ours = planted(client, image, {"tosho.run": "a/b/c/-1", "tosho.home": "/ours"})
    theirs = planted(client, image, {"tosho.run": "a/b/c/-1", "tosho.home": "/theirs"})
    assert operators.sweep(client, {"tosho.run": "", "tosho.home": "/ours"}) == [ours]
    assert operators.sweep(client, {"tosho.home": "/theirs"}, older_seconds=3600) == []
    assert operators.sweep(client, {"tosho.home": "/theirs"}) == [theirs]


def test_a_missing_image_names_the_command_that_builds_it(in_docker, job, context, operators):
    without = replace(in_docker, containers=replace(in_docker.containers, image="tosho-train:absent"))
    with pytest.raises(operators.AirflowFailException, match=r"no image 'tosho-train:absent'.*deploy/images/build\.sh"):
        job(without, "print('{}')").execute(context)


def test_an_image_of_other_sources_is_said(in_docker, job, context, client, capsys):
    made = client.create_container(in_docker.containers.image)["Id"]
    client.commit(made, "tosho-train", "stale", changes='LABEL tosho.sources="0123"')
    client.remove_container(made)
    stale = replace(in_docker, containers=replace(in_docker.containers, image="tosho-train:stale"))
    job(stale, "print('{}')").execute(context)
    client.remove_image("tosho-train:stale")
    assert "holds sources 0123" in capsys.readouterr().out


def test_build_script_and_operator_agree_on_the_digest(operators, tmp_path):
    for name, text in (("include/tosho/a b.py", "1"), ("include/z.py", "2"), ("jobs/train/score.py", "3")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    script = (PROJECT / "deploy/images/build.sh").read_text()
    (line,) = [line for line in script.splitlines() if line.startswith("digest=")]
    done = subprocess.run(
        ["sh", "-c", f"{line}; echo $digest"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == operators.sources_digest(tmp_path)


def test_a_gpu_is_asked_for_when_the_settings_say_so(in_docker, job, context, operators, client):
    with_gpu = replace(in_docker, containers=replace(in_docker.containers, gpus=1))
    operator = job(with_gpu, "print('{}')")
    if Path("/dev/nvidiactl").exists():
        assert operator.execute(context) == {}
    else:
        with pytest.raises(operators.ContainerJobError, match="gpu"):
            operator.execute(context)
    assert operator.device_requests[0]["Count"] == 1
    assert containers_of(client, with_gpu) == []


def test_the_image_holds_what_training_imports(client, image):
    modules = "exchange_calendars, lightgbm, matplotlib.pyplot, mlflow.lightgbm, polars, pyarrow.fs, sklearn, statsd"
    script = f"import json, os, {modules}; from tosho.config import Settings; print(json.dumps(os.getuid()))"
    created = client.create_container(image, ["-c", script], host_config=client.create_host_config(network_mode="none"))
    client.start(created["Id"])
    status = client.wait(created["Id"])["StatusCode"]
    said = client.logs(created["Id"]).decode()
    client.remove_container(created["Id"])
    assert (status, json.loads(said.splitlines()[-1])) == (0, 50001), said


def test_the_build_keeps_no_certificate(client, image):
    created = client.create_container(image, ["-c", "import glob; assert not glob.glob('/tmp/ca*')"])
    client.start(created["Id"])
    status = client.wait(created["Id"])["StatusCode"]
    client.remove_container(created["Id"])
    assert status == 0
