from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from parity import market
from services.s3 import object_store
from services.spark import BIN, ROOT, cluster
from tosho.features.sets import feature_set

SESSIONS, WANTED = 70, 5


@pytest.fixture(scope="module")
def spark_cluster(tmp_path_factory):
    with cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running


@pytest.fixture
def doomed_cluster(tmp_path):
    """One that a test may damage."""
    with cluster(tmp_path / "doomed") as running:
        yield running


@pytest.fixture(scope="module")
def s3():
    with object_store("market") as settings:
        yield settings


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return market.publish(tmp_path_factory.mktemp("market"), SESSIONS, codes=20)


@pytest.fixture(scope="module")
def sessions(lake):
    return lake.sessions("bars")[-WANTED:]


@pytest.fixture(scope="module")
def expected(lake, sessions, tmp_path_factory):
    """The manifests, checksums included, of what the local engine makes."""
    target = market.new_lake(tmp_path_factory.mktemp("local"))
    return market.publish_locally(lake, target, feature_set("core"), sessions)


@pytest.fixture(scope="module")
def package_zip(tmp_path_factory):
    """The package as a cluster gets it."""
    folder = tmp_path_factory.mktemp("zip")
    return Path(shutil.make_archive(str(folder / "tosho"), "zip", ROOT / "include"))


@pytest.fixture
def build_features(spark_cluster, tmp_path_factory, monkeypatch):
    """The Dags' own task, in an Airflow whose connection `spark_default` is the cluster."""
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))
    os.environ.setdefault("AIRFLOW__CORE__UNIT_TEST_MODE", "True")
    if str(ROOT / "dags") not in sys.path:
        sys.path.insert(0, str(ROOT / "dags"))
    house = importlib.import_module("dag_defaults")
    monkeypatch.setattr("connection_settings.with_connections", lambda settings: settings)
    connection = {"conn_type": "spark", "host": f"spark://{spark_cluster.host}", "port": spark_cluster.port}
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps(connection | {"extra": {"deploy-mode": "client"}}))
    monkeypatch.setenv("SPARK_LOCAL_IP", spark_cluster.host)
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    return lambda *arguments: house.spark_job("build_features", "build_features.py", list(arguments)).execute({})
