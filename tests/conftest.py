import logging
import os

import pytest

from tosho.config import spark_jvm

spark_jvm.prefer_quick_start(os.environ)  # every Spark driver
logging.getLogger("py4j").setLevel(logging.WARNING)  # else it logs at exit, to streams that pytest has closed


def pytest_collection_modifyitems(items):
    """Give tests that need the image the time to build it, as the first of them does: 497 s on a busy machine."""
    for item in items:
        if "image" in item.fixturenames and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session")
def daemon():
    """A Docker daemon of the tests' own."""
    from services import docker

    with docker.running() as started:
        yield started


@pytest.fixture(scope="session")
def image(daemon):
    """The training image's name, in that daemon."""
    from services import docker

    return docker.train_image(daemon)
