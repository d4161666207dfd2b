"""`tosho simulate`: a market is written, the same bytes for one seed, and served as J-Quants serves."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from services.jquants import KEY, free_port
from tosho.simulation.answers import BAD_KEY

SIZE = ["--codes", "60", "--sessions", "30", "--last", "2025-01-14"]
TOSHO = [sys.executable, "-m", "tosho", "simulate"]
MASTER = "/v2/equities/master?date=20250114"


def simulate(folder, *options):
    """Write a market in a process of its own: what depends on one, such as the order of a set, would differ."""
    return subprocess.run([*TOSHO, "market", str(folder), *SIZE, *options], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("market") / "new"
    told = simulate(made)
    assert told.returncode == 0, told.stderr
    assert "last=datetime.date(2025, 1, 14), sessions=30, codes=60" in told.stdout
    return made


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_seed_gives_the_same_bytes_and_another_gives_others(folder, tmp_path):
    assert simulate(tmp_path / "again", "--seed", "7").returncode == 0
    assert simulate(tmp_path / "other", "--seed", "8").returncode == 0
    first, again, other = (contents(each) for each in (folder, tmp_path / "again", tmp_path / "other"))
    assert first.keys() >= {"bars.parquet", "master.parquet", "topix.parquet", "truth.json"}
    assert again == first
    assert other.keys() == first.keys()
    assert other["bars.parquet"] != first["bars.parquet"]


def test_a_market_too_small_is_refused_with_its_bounds_and_nothing_is_written(tmp_path):
    told = simulate(tmp_path / "small", "--sessions", "29")
    assert told.returncode == 1
    assert told.stderr.startswith("MarketSizeError: A market of 60 codes and 29 sessions was asked for; the bounds are")
    assert "Traceback" not in told.stderr
    assert not (tmp_path / "small").exists()


@pytest.fixture
def serve():
    started = []

    def start(folder, port, key=KEY, *options):
        environment = {**os.environ, "TOSHO_JQUANTS_API_KEY": key}
        command = [*TOSHO, "serve", str(folder), "--port", str(port), *options]
        started.append(
            subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(process, port, key):
    """Ask once the service listens."""
    while True:
        assert process.poll() is None, process.stdout.read()
        try:
            return httpx.get(f"http://127.0.0.1:{port}{MASTER}", headers={"x-api-key": key}, trust_env=False)
        except httpx.ConnectError:
            time.sleep(0.05)


def test_a_market_is_served_to_who_has_the_key_until_ctrl_c(folder, serve):
    service = serve(folder, port := free_port())
    refused = ask(service, port, "wrong")
    assert (refused.status_code, refused.json()) == (403, {"message": BAD_KEY})
    served = ask(service, port, KEY)
    assert served.status_code == 200
    assert {row["Date"] for row in served.json()["data"]} == {"2025-01-14"}
    os.killpg(service.pid, signal.SIGINT)
    said, _ = service.communicate(timeout=60)
    assert (service.returncode, said) == (0, "")
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)


def test_what_cannot_be_served_gets_a_sentence(folder, serve, tmp_path):
    empty = serve(tmp_path, free_port())
    keyless = serve(folder, free_port(), "")
    assert f"MarketFolderError: {tmp_path} holds no bars.parquet" in empty.communicate(timeout=60)[0]
    assert "TOSHO_JQUANTS_API_KEY" in keyless.communicate(timeout=60)[0]
    assert (empty.returncode, keyless.returncode) == (1, 2)
