import os
import subprocess
import sys
import time
import urllib.request
from datetime import date

import polars as pl
import pytest

from tosho.config import S3
from tosho.local.environment import free_ports
from tosho.storage import Files, Lake

SESSION = date(2018, 11, 16)


@pytest.fixture(scope="session")
def s3():
    """A real HTTP server that speaks S3, in its own process."""
    port = free_ports(1)[0]
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"}
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/moto-api/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        urllib.request.urlopen(urllib.request.Request(f"{url}/lake-bucket", method="PUT"), timeout=5)
        yield S3(endpoint=url, access_key="key", secret_key="hidden")
    finally:
        server.terminate()
        server.wait(10)


@pytest.fixture(params=["file", "s3"])
def lake(request, tmp_path):
    if request.param == "file":
        return Lake(Files(f"file://{tmp_path}/lake"))
    return Lake(Files(f"s3://lake-bucket/{tmp_path.name}", request.getfixturevalue("s3")))


@pytest.fixture
def local_lake(tmp_path):
    return Lake(Files(f"file://{tmp_path}/lake"))


@pytest.fixture
def index():
    def make(close=100.0, session=SESSION):
        row = {"session": session, "index_code": "0000", "open": close, "high": close, "low": close, "close": close}
        return pl.DataFrame([row])

    return make
