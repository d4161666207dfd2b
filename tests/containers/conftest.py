import os
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def operators(tmp_path_factory):
    """The module under test. Airflow reads its environment when it is first imported."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
    if str(PROJECT / "dags") not in sys.path:
        sys.path.insert(0, str(PROJECT / "dags"))
    import container_operator

    return container_operator


@pytest.fixture
def context():
    return {"ti": SimpleNamespace(dag_id="weekly", run_id="manual 1", task_id="train", map_index=-1)}


@pytest.fixture
def settings(tmp_path):
    """Settings of an installation of its own, with a daemon nowhere."""
    from tosho.config import Settings

    made = Settings.from_environment({"TOSHO_HOME": str(tmp_path / "home"), "TOSHO_JQUANTS_API_KEY": "planted-secret"})
    return replace(made, containers=replace(made.containers, docker_url=f"unix://{tmp_path}/none.sock"))


@pytest.fixture
def in_docker(settings, daemon, image):
    containers = replace(settings.containers, runtime="docker", docker_url=daemon.url, image=image)
    return replace(settings, containers=containers)


@pytest.fixture
def as_process(settings):
    return replace(settings, containers=replace(settings.containers, runtime="process"))


@pytest.fixture
def job(operators):
    def build(settings, script, **options):
        return operators.ContainerJobOperator(
            task_id="train", command=["-c", script], settings=lambda: settings, **options
        )

    return build
