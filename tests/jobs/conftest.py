from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from parity import market
from services.s3 import object_store
from services.spark import ROOT, cluster
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
