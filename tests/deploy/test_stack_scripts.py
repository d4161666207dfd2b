"""The small programs that the stack's services run, against real servers."""

import json
import runpy
import threading
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tosho.observability import metrics

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture
def health_server():
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/health" else 503)
            self.end_headers()
            self.wfile.write(json.dumps({"scheduler": {"status": "healthy"}, "triggerer": {"status": None}}).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Health)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def healthy():
    return runpy.run_path(str(DEPLOY / "images" / "healthy.py"))["healthy"]


def test_a_service_that_answers_is_healthy(healthy, health_server):
    assert healthy(f"{health_server}/health") == ""


def test_a_healthy_component_is_healthy(healthy, health_server):
    assert healthy(f"{health_server}/health", "scheduler") == ""


@pytest.mark.parametrize("component", ["triggerer", "absent"])
def test_a_component_that_is_not_healthy_is_named(healthy, health_server, component):
    assert healthy(f"{health_server}/health", component).startswith(f"{component} at http://")


def test_an_error_is_no_health(healthy, health_server):
    assert "503" in healthy(f"{health_server}/broken")


def test_nobody_there_is_no_health(healthy):
    assert "does not answer" in healthy("http://127.0.0.1:9/health")


def test_buckets_are_made_once(monkeypatch):
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        monkeypatch.setenv("TOSHO_S3_ENDPOINT", f"http://{host}:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
        make = runpy.run_path(str(DEPLOY / "images" / "make_buckets.py"))["make"]
        assert make(["tosho", "mlflow"]) == ["tosho", "mlflow"]
        assert make(["tosho", "more"]) == ["more"]
    finally:
        server.stop()


@pytest.mark.parametrize("name", [v for k, v in vars(metrics).items() if k.isupper() and isinstance(v, str)])
def test_every_metric_has_a_prometheus_name(name):
    mappings = yaml.safe_load((DEPLOY / "statsd" / "mapping.yml").read_text())["mappings"]
    matched = [m for m in mappings if fnmatchcase(name, m["match"]) and name.count(".") == m["match"].count(".")]
    assert matched[0]["name"].replace("${1}", name.split(".")[-1]) == name.replace(".", "_")
