"""The Spark job as it is submitted: arguments and environment in, partitions and an exit status out."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import psutil
import pytest

from services.spark import ROOT, submit
from tosho.config import Settings
from tosho.contracts import features_contract
from tosho.features.sets import feature_set
from tosho.storage import Files, Lake, layout

JOB = "jobs/spark/build_features.py"
TABLES = ("bars", "securities", "shares", "indices")


def asked(sessions):
    return "--set", "core", "--first", sessions[0].isoformat(), "--last", sessions[-1].isoformat()


def published(lake):
    return {session: lake.manifest("features", session) for session in lake.sessions("features")}


@pytest.fixture
def fresh(lake, tmp_path):
    """The same market in a lake without features."""
    (tmp_path / "tables").mkdir()
    for table in TABLES:
        (tmp_path / "tables" / table).symlink_to(f"{lake.files.root.removeprefix('file://')}/tables/{table}")
    return Lake(Files(f"file://{tmp_path}"))


@pytest.fixture
def job():
    """The command line, called in this process: for what ends before Spark starts."""
    spec = importlib.util.spec_from_file_location("build_features", ROOT / JOB)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def test_on_a_cluster_it_publishes_the_bytes_of_the_local_engine(spark_cluster, fresh, sessions, expected):
    done = spark_cluster.submit(JOB, *asked(sessions), env={"TOSHO_LAKE": fresh.files.root})
    assert done.returncode == 0, done.stdout[-3000:]
    assert published(fresh) == expected
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith('{"first"')))
    assert told["sessions"] == len(sessions)
    assert told["rows"] == sum(manifest.rows for manifest in expected.values())


def applications(cluster):
    """Return the applications that a cluster's workers have had executors of."""
    lines = [worker.cmdline() for worker in cluster.worker_processes]
    folders = [Path(line[line.index("--work-dir") + 1]) for line in lines]
    return {application.name for folder in folders for application in folder.glob("app-*")}


def test_the_dags_task_runs_it_on_the_cluster(build_features, spark_cluster, fresh, sessions, expected, monkeypatch):
    monkeypatch.setenv("TOSHO_LAKE", fresh.files.root)
    before = applications(spark_cluster)
    build_features(*asked(sessions))
    assert published(fresh) == expected
    assert len(applications(spark_cluster) - before) == 1


def test_a_cluster_without_the_package_gets_it_by_py_files(spark_cluster, fresh, sessions, expected, package_zip):
    done = spark_cluster.submit(
        JOB,
        *asked(sessions),
        env={"TOSHO_LAKE": fresh.files.root, "PYTHONPATH": ""},
        options=("--py-files", str(package_zip)),
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert published(fresh) == expected


def killing(running, what, fresh, sessions, tmp_path):
    """Run the job on a cluster of two workers, of which one loses an executor, or is lost, in the middle."""
    marker = tmp_path / "killed"
    done = running.submit(
        "tests/jobs/killing_job.py",
        *(what, str(marker), sessions[0].isoformat(), sessions[-1].isoformat()),
        env={"TOSHO_LAKE": fresh.files.root, "PYTHONPATH": f"{ROOT / 'include'}:{ROOT / 'tests'}"},
    )
    assert marker.exists()
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_lost_executor_is_made_up_for(spark_cluster, fresh, sessions, expected, tmp_path):
    killing(spark_cluster, "executor", fresh, sessions, tmp_path)
    assert published(fresh) == expected


def test_a_lost_worker_is_made_up_for(doomed_cluster, fresh, sessions, expected, tmp_path):
    """What it had made goes with it: its executor, and the rows that it kept for the others."""
    killing(doomed_cluster, "worker", fresh, sessions, tmp_path)
    assert published(fresh) == expected
    states = [worker.status() for worker in doomed_cluster.worker_processes]
    assert len(states) == 2
    assert states.count(psutil.STATUS_ZOMBIE) == 1


def test_an_object_store_holds_the_same_bytes(lake, s3, sessions, expected):
    target = Lake(Files("s3://market/lake", s3))
    for table in TABLES:
        for session in lake.sessions(table):
            folder = layout.partition_path(table, session)
            for name in lake.files.names(folder):
                target.files.write(f"{folder}/{name}", lake.files.read(f"{folder}/{name}"))
    settings = Settings(lake=target.files.root, s3=s3)
    done = submit("local[2]", JOB, *asked(sessions), env=settings.to_environment())
    assert done.returncode == 0, done.stdout[-3000:]
    assert published(target) == expected
    assert s3.secret_key not in done.stdout


def test_a_damaged_partition_fails_the_job_and_is_named(lake, fresh, sessions, tmp_path):
    (tmp_path / "tables" / "bars").unlink()
    for session in lake.sessions("bars"):
        fresh.publish("bars", session, lake.read("bars", session))
    damaged = layout.partition_path("bars", sessions[0])
    fresh.files.write(f"{damaged}/{fresh.manifest('bars', sessions[0]).file}", b"not what was published")
    done = submit("local[2]", JOB, *asked(sessions), env={"TOSHO_LAKE": fresh.files.root})
    assert done.returncode == 1
    assert f"Partition bars of {sessions[0]}" in done.stdout
    assert not published(fresh)


def test_missing_bars_are_named(job, fresh, sessions, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", fresh.files.root)
    assert job(["--first", sessions[0].isoformat(), "--last", "2025-01-07"]) == 1
    assert "2 of them are not in" in capsys.readouterr().err


def test_where_nothing_is_stale_nothing_is_built(job, fresh, sessions, expected, monkeypatch, capsys):
    """No Spark either: there is none in this process."""
    facts = {session: manifest.facts for session, manifest in expected.items()}
    contract = features_contract(feature_set("core").names)
    empty = contract.empty()
    for session in sessions:
        fresh.publish("features", session, empty, contract=contract, facts=facts[session])
    monkeypatch.setenv("TOSHO_LAKE", fresh.files.root)
    monkeypatch.setattr("tosho.features.spark.job.running_session", None)
    assert job([*asked(sessions), "--only", "stale"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sessions"], told["rows"], told["first"]) == (0, 0, str(sessions[0]))


def test_which_sessions_is_all_or_stale(job, sessions, capsys):
    with pytest.raises(SystemExit):
        job([*asked(sessions), "--only", "some"])
    assert "--only" in capsys.readouterr().err


def test_a_range_without_a_session_is_refused(job, fresh, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", fresh.files.root)
    assert job(["--first", "2025-01-01", "--last", "2025-01-03"]) == 1
    assert "no session from 2025-01-01" in capsys.readouterr().err


def test_an_unknown_set_is_refused(job, fresh, sessions, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", fresh.files.root)
    assert job(["--set", "none", *asked(sessions)[2:]]) == 1
    assert "Feature set 'none'" in capsys.readouterr().err


def test_a_set_beyond_the_plan_is_refused(job, sessions, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("TOSHO_LAKE", f"file://{tmp_path}")
    monkeypatch.setenv("TOSHO_JQUANTS_PLAN", "light")
    assert job(["--set", "standard", *asked(sessions)[2:]]) == 1
    assert "PlanTooSmallError: Feature set 'standard' needs margin_alerts" in capsys.readouterr().err
