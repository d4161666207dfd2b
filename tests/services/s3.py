"""A server that speaks S3 over HTTP, on loopback, in its own process."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.spark import free_port
from tosho.config import S3

STARTED_WITHIN = 60


@contextmanager
def object_store(bucket: str) -> Iterator[S3]:
    """Start moto's server with one bucket, and end it with the block."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "hidden"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _until_it_answers(port, process)
        _put(port, f"/{bucket}")
        yield S3(endpoint=f"http://127.0.0.1:{port}", access_key="key", secret_key="hidden")
    finally:
        process.terminate()
        process.wait(10)


def _until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTED_WITHIN
    while True:
        try:
            return _put(port, "/probe")
        except OSError as error:
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"moto's server did not answer within {STARTED_WITHIN} s.") from error
            time.sleep(0.1)


def _put(port: int, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("PUT", path)
    if (status := connection.getresponse().status) != http.client.OK:
        raise RuntimeError(f"moto's server answered PUT {path} with {status}.")
    connection.close()
