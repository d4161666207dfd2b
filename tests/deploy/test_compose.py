import copy
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy import compose_rules

PROJECT = Path(__file__).resolve().parents[2]
FILE = PROJECT / "docker-compose.airflow.yml"
SERVICES = {
    "airflow-api-server",
    "airflow-dag-processor",
    "airflow-init",
    "airflow-scheduler",
    "airflow-triggerer",
    "clickhouse",
    "minio",
    "mlflow",
    "postgres",
    "spark-master",
    "spark-worker-1",
    "spark-worker-2",
    "statsd-exporter",
}
FAULTS = {
    "published_beyond_loopback": {"ports": ["8080:8080"]},
    "literal_secrets": {"environment": {"POSTGRES_PASSWORD": "planted"}},
    "unwatched": {"healthcheck": {"disable": True}},
    "unlimited": {"mem_limit": None},
    "run_as_root": {"user": "0:0"},
    "loose_tags": {"image": "postgres:latest"},
    "beyond_compose_1_29": {"depends_on": {"minio": {"condition": "service_healthy", "restart": True}}},
}


@pytest.fixture(scope="session")
def compose():
    return yaml.safe_load(FILE.read_text())


@pytest.fixture(scope="session")
def environment_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("stack") / ".env"
    subprocess.run([PROJECT / "deploy" / "make_env.sh", file], check=True, capture_output=True)
    return file


@pytest.fixture(scope="session")
def resolved(environment_file):
    """The file as compose itself reads it, with what `make env` generated."""
    command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    command += ["--file", FILE, "--env-file", environment_file, "config"]
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=bare)
    assert (done.returncode, done.stderr) == (0, "")
    return yaml.safe_load(done.stdout)


def test_the_stack_has_its_parts(compose):
    assert set(compose["services"]) >= SERVICES


@pytest.mark.parametrize("rule", compose_rules.RULES, ids=lambda rule: rule.__name__)
def test_the_file_keeps_the_rule(compose, rule):
    assert rule(compose) == []


@pytest.mark.parametrize("rule", compose_rules.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_catches_its_fault(compose, rule):
    planted = copy.deepcopy(compose)
    planted["services"]["postgres"] |= FAULTS[rule.__name__]
    planted["services"]["postgres"] = {k: v for k, v in planted["services"]["postgres"].items() if v is not None}
    assert [offender.split()[0] for offender in rule(planted)] == ["postgres"]


def test_what_is_used_is_what_make_env_generates(compose, environment_file):
    lines = environment_file.read_text().splitlines()
    assert set(compose_rules.variables(compose)) == {line.split("=")[0] for line in lines if line[:1].isalpha()}


def test_compose_accepts_the_file(resolved):
    assert set(resolved["services"]) >= SERVICES


def test_without_make_env_compose_says_what_to_do(tmp_path):
    (tmp_path / "empty").touch()
    command = ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]
    command += ["--file", FILE, "--env-file", tmp_path / "empty", "config"]
    bare = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=bare)
    assert done.returncode != 0
    assert "run make env" in done.stderr


def test_connections_are_json(resolved):
    environment = resolved["services"]["airflow-scheduler"]["environment"]
    given = {name: json.loads(value) for name, value in environment.items() if name.startswith("AIRFLOW_CONN_")}
    assert {name.removeprefix("AIRFLOW_CONN_").lower() for name in given} == {
        "aws_default",
        "clickhouse_default",
        "docker_default",
        "jquants_default",
        "mlflow_default",
        "spark_default",
    }
    assert all(
        connection["conn_type"] and connection["host"] for name, connection in given.items() if "AWS" not in name
    )


def test_containers_of_tasks_join_the_stacks_network(resolved):
    environment = resolved["services"]["airflow-scheduler"]["environment"]
    assert environment["TOSHO_CONTAINER_NETWORK"] == resolved["networks"]["default"]["name"]


def test_the_shared_home_has_one_path(resolved):
    for name in ("airflow-scheduler", "spark-worker-1", "spark-worker-2"):
        volumes = [volume.split(":") for volume in resolved["services"][name]["volumes"]]
        home = resolved["services"]["airflow-scheduler"]["environment"]["TOSHO_HOME"]
        assert [home, home, "rw"] in volumes


def test_what_the_file_mounts_is_in_the_repository(compose):
    mounts = [v for s in compose["services"].values() for v in s.get("volumes", ()) if v.startswith("./")]
    assert mounts
    assert all((PROJECT / mount.split(":")[0]).is_file() for mount in mounts)
